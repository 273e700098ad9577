/**
 * What the cells of input and output look like in a scene.
 *
 * @import {Scene} from "../../core/shapes/scene.js"
 * @import {CellLook, GridContent, Mark} from "./grid_pane.js"
 * @import {Place} from "../../core/shapes/layer_plan.js"
 * @import {Window} from "../../core/shapes/viewport.js"
 */
import { cellColour, colourRange } from "../../core/colour.js";
import { originOf } from "../../core/shapes/axis_plan.js";
import { isInside, sourceOf } from "../../core/shapes/evaluate.js";
import { placeWords, readsOf, stepAt } from "../../core/shapes/steps.js";
import { cellText } from "../../core/shapes/viewport.js";
import { currentTheme } from "../theme.js";

/** Cells that are looked through for the range of their values. */
const MOST_RANGED = 4096;

/**
 * Around some cells.
 *
 * @param {{row: number, column: number}[]} cells
 * @returns {Window | null}
 */
function around(cells) {
  if (cells.length === 0) return null;
  let [top, left, bottom, right] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { row, column } of cells) {
    top = Math.min(top, row);
    left = Math.min(left, column);
    bottom = Math.max(bottom, row);
    right = Math.max(right, column);
  }
  return { rows: { from: top, to: bottom + 1 }, columns: { from: left, to: right + 1 } };
}

/** @param {number} row @param {number} column */
const single = (row, column) => ({ rows: { from: row, to: row + 1 }, columns: { from: column, to: column + 1 } });

/** @param {(number | null)[]} values */
function rangeOf(values) {
  const known = values.filter((value) => value !== null && Number.isFinite(value));
  let [low, high] = [0, 0];
  for (const value of known) {
    low = Math.min(low, value ?? 0);
    high = Math.max(high, value ?? 0);
  }
  return colourRange(low, high, low < 0);
}

/**
 * The cells of the shown input that go with the step, or with the output under the pointer.
 *
 * @param {Scene} scene
 * @returns {{isTap: (row: number, column: number) => boolean, hull: Window | null}}
 */
function subject({ plan, stepping, place, hover, inserted, input, depth }) {
  const output = hover?.side === "output" ? hover.place : place;
  if (stepping.by === "input" && hover?.side !== "output") {
    const here = place[1] === depth;
    return { isTap: (row, column) => here && row === place[2] && column === place[3], hull: here ? single(place[2], place[3]) : null };
  }
  if (plan.separable) {
    // What is read is every pair of a row and a column, however many those are.
    const axes = inserted && plan.insertion ? plan.insertion : plan.axes;
    const [depths, rows, columns] = axes.map((axis, index) => new Set(axis.reads(output[index + 1]).map(({ at }) => at)));
    if (!depths.has(depth) || rows.size === 0 || columns.size === 0) return { isTap: () => false, hull: null };
    const [row, column] = [[...rows], [...columns]];
    const corners = [{ row: row[0], column: column[0] }, { row: row[row.length - 1], column: column[column.length - 1] }];
    return { isTap: (r, c) => rows.has(r) && columns.has(c), hull: around(corners) };
  }
  const reads = (hover?.side === "output" ? plan.reads(output) : readsOf(plan, stepping, place)).filter((read) => read.place[0] === input && read.place[1] === depth);
  const tapped = new Set(reads.map((read) => `${read.place[2]},${read.place[3]}`));
  return { isTap: (row, column) => tapped.has(`${row},${column}`), hull: around(reads.map((read) => ({ row: read.place[2], column: read.place[3] }))) };
}

/** @param {Scene} scene @returns {GridContent} */
export function paintSource(scene) {
  const { plan, input, depth, hover, inserted, place } = scene;
  const axes = inserted && plan.insertion ? plan.insertion : plan.axes;
  const [, down, across] = axes;
  const grid = { rows: { from: down.from, to: down.to }, columns: { from: across.from, to: across.to } };
  const strides = inserted ? axes.map((axis, index) => (plan.axes[index].inputs > 1 ? (axis.inputs - 1) / (plan.axes[index].inputs - 1) : 1)) : [1, 1, 1];
  const { isTap, hull } = subject(scene);
  const shown = hover?.side === "output" ? hover.place : place;
  const summed = plan.operation === "sum" || plan.operation === "blend";
  // Only the factors of what is read here are needed.
  const factors = new Map();
  if (summed && scene.stepping.by === "output" && plan.readsEach <= 2000) {
    for (const term of scene.evaluation(shown).terms) {
      if (term.place[0] !== input || (!inserted && term.place[1] !== depth)) continue;
      const key = inserted ? `${term.place[2] * strides[1]},${term.place[3] * strides[2]}` : `${term.place[2]},${term.place[3]}`;
      if (!inserted || term.place[1] * strides[0] === depth) factors.set(key, term.factor);
    }
  }
  // Of a maximum, the value that it is.
  if (plan.operation === "max" && plan.readsEach <= 2000) {
    const { terms, chosen } = scene.evaluation(shown);
    if (chosen >= 0 && terms[chosen].place[1] === depth) factors.set(`${terms[chosen].place[2]},${terms[chosen].place[3]}`, "max");
  }
  const theme = currentTheme();
  /** @param {number} row @param {number} column @returns {Place | null} */
  const real = (row, column) => {
    if (!inserted) return [input, depth, row, column];
    const at = [depth, row, column].map((position, axis) => position / strides[axis]);
    return at.every(Number.isInteger) && at.every((position, axis) => position >= 0 && position < plan.axes[axis].inputs) ? /** @type {Place} */ ([input, ...at]) : null;
  };
  /** @type {number[]} */
  const some = [];
  const [rows, columns] = [plan.axes[1].inputs, plan.axes[2].inputs];
  const stride = Math.max(1, Math.ceil(Math.sqrt((rows * columns) / MOST_RANGED)));
  for (let row = 0; row < rows && some.length < MOST_RANGED; row += stride) for (let column = 0; column < columns && some.length < MOST_RANGED; column += stride) some.push(scene.numbers([input, Math.min(plan.axes[0].inputs - 1, Math.max(0, inserted ? 0 : depth)), row, column]));
  const range = rangeOf(some);
  const constant = plan.mode === "constant" ? Number(plan.values.value ?? 0) : 0;

  /** @param {number} row @param {number} column @returns {CellLook} */
  const look = (row, column) => {
    const key = `${row},${column}`;
    const tap = isTap(row, column);
    const factor = factors.get(key);
    const corner = factor === "max" ? "max" : factor !== undefined && factor !== null && factor !== 1 ? `×${cellText(factor)}` : "";
    const dot = !tap && hull !== null && row >= hull.rows.from && row < hull.rows.to && column >= hull.columns.from && column < hull.columns.to;
    const at = real(row, column);
    if (inserted) {
      if (at) return { ...valued(scene.numbers(at)), kind: "own", tap, dot, corner };
      const padding = row < 0 || column < 0 || row >= down.inputs || column >= across.inputs;
      return { kind: padding ? "padding" : "inserted", text: "0", tap, dot };
    }
    if (at && isInside(plan, at)) {
      const read = plan.isRead(at, scene.output);
      return { ...valued(scene.numbers(at)), kind: read ? "own" : "skipped", tap, dot, corner };
    }
    const padded = row >= -down.before && row < down.inputs + down.after && column >= -across.before && column < across.inputs + across.after;
    if (!padded) return { kind: "beyond", text: "", tap, dot };
    const from = sourceOf(plan, [input, depth, row, column]);
    const text = from ? cellText(scene.numbers(from)) : plan.operation === "max" ? "−∞" : cellText(constant);
    return { kind: "padding", text, tap, dot, corner };
  };

  /** @param {number} value */
  function valued(value) {
    const { colour, darkText } = cellColour(range, value, theme);
    return { fill: colour, text: cellText(value), textColour: darkText ? "#16202a" : "#f4f7f9" };
  }

  /** @type {Mark[]} */
  const marks = [];
  if (hull) marks.push({ ...hull, style: hover?.side === "output" ? "hover" : "window" });
  /** @type {import("./grid_pane.js").Arrow[]} */
  const arrows = [];
  if (hover?.side === "input") {
    const [, , row, column] = hover.place;
    marks.push({ ...single(row, column), style: "hover" });
    const [fromRow, fromColumn] = inserted ? [null, null] : [originOf(row, down.inputs, plan.mode), originOf(column, across.inputs, plan.mode)];
    if (fromRow !== null && fromColumn !== null && (fromRow !== row || fromColumn !== column)) {
      arrows.push({ from: { row: fromRow, column: fromColumn }, to: { row, column } });
      marks.push({ ...single(fromRow, fromColumn), style: "partner" });
    }
  }
  return { grid, look, marks, arrows, focus: hull, label: `Input, ${rows} by ${columns}. The window is at ${placeWords(plan, [0, depth, hull?.rows.from ?? 0, hull?.columns.from ?? 0])}. Arrow keys move it, space plays.` };
}

/** @param {Scene} scene @returns {GridContent} */
export function paintOutput(scene) {
  const { plan, output, made, stepping, step, place, hover } = scene;
  const [, down, across] = plan.axes;
  const grid = { rows: { from: -(down.cropped?.before ?? 0), to: down.outputs + (down.cropped?.after ?? 0) }, columns: { from: -(across.cropped?.before ?? 0), to: across.outputs + (across.cropped?.after ?? 0) } };
  const partners = new Set();
  const shownInput = hover?.side === "input" ? hover.place : stepping.by === "input" && !hover ? place : null;
  if (shownInput) {
    const axes = scene.inserted && plan.insertion ? plan.insertion : null;
    const spread = plan.axes.map(({ cropped }, index) => cropped?.reaches(shownInput[index + 1]) ?? []);
    if (!axes && down.cropped && across.cropped) for (const row of spread[1]) for (const column of spread[2]) if (plan.axes[0].readers(shownInput[1]).includes(made)) partners.add(`${row},${column}`);
    const found = axes
      ? axes[0].readers(shownInput[1]).flatMap((d) => axes[1].readers(shownInput[2]).flatMap((r) => axes[2].readers(shownInput[3]).map((c) => /** @type {Place} */ ([output, d, r, c]))))
      : plan.readers(shownInput, output);
    for (const [channel, d, row, column] of found) if (channel === output && d === made) partners.add(`${row},${column}`);
  }
  /** @param {number} row @param {number} column */
  const isDone = (row, column) => {
    if (stepping.by === "input") return true;
    return stepping.by === "column" ? column <= step : stepAt(stepping, [0, made, row, column]) <= step;
  };
  /** What the inputs up to this step have added. @param {Place} at */
  const partial = (at) => {
    const evaluation = scene.evaluation(at);
    return evaluation.terms.reduce((all, term) => all + (stepAt(stepping, term.place) <= step ? term.value * (term.factor ?? 1) : 0), evaluation.bias);
  };
  const scattered = stepping.by === "input";
  /** @param {Place} at */
  const valueAt = (at) => (scattered && scene.values(at) !== null ? partial(at) : scene.values(at));
  const some = [];
  // Of a large output, some cells all over it stand for all.
  const stride = Math.max(1, Math.ceil(Math.sqrt((down.outputs * across.outputs * Math.max(1, plan.readsEach / 16)) / MOST_RANGED)));
  for (let row = 0; row < down.outputs && some.length < MOST_RANGED; row += stride) for (let column = 0; column < across.outputs && some.length < MOST_RANGED; column += stride) some.push(scene.values([output, made, row, column]));
  const range = rangeOf(some);
  const theme = currentTheme();

  /** @param {number} row @param {number} column @returns {CellLook} */
  const look = (row, column) => {
    const tap = partners.has(`${row},${column}`);
    if (row < 0 || column < 0 || row >= down.outputs || column >= across.outputs) return { kind: "beyond", tap };
    if (!isDone(row, column)) return { kind: "empty", tap };
    const value = valueAt([output, made, row, column]);
    if (value === null) return { kind: "own", text: "·", tap };
    const { colour, darkText } = cellColour(range, Number.isFinite(value) ? value : 0, theme);
    return { kind: "own", fill: colour, text: cellText(value), textColour: darkText ? "#16202a" : "#f4f7f9", tap };
  };
  /** @type {Mark[]} */
  const marks = [];
  const current = scattered ? around([...partners].map((key) => ({ row: Number(key.split(",")[0]), column: Number(key.split(",")[1]) }))) : stepping.by === "column" ? { rows: grid.rows, columns: { from: place[3], to: place[3] + 1 } } : single(place[2], place[3]);
  if (current && (!scattered || !hover)) marks.push({ ...current, style: "window" });
  if (hover?.side === "output") marks.push({ ...single(hover.place[2], hover.place[3]), style: "hover" });
  const words = scattered ? "" : `At ${placeWords(plan, place)}. `;
  return { grid, look, marks, arrows: [], focus: current, label: `Output, ${down.outputs} by ${across.outputs}. ${words}Arrow keys move, space plays.` };
}
