/** Arithmetic for reading: numbers as text, windows as grids, places as words. @import {Figure, WindowCell} from "./arithmetic_terms.js" @import {CellsRead} from "./types.js" */
import { exact, short } from "./numbers.js";

const MINUS = "−";

/**
 * A float64 number with all its digits.
 *
 * @param {Figure} figure
 */
export function precise(figure) {
  const value = Number(figure);
  if (!Number.isFinite(value)) return short(value);
  return (Object.is(value, -0) ? "0" : String(value)).replaceAll("-", MINUS);
}

/**
 * A number for a small grid.
 *
 * @param {Figure} figure
 */
export function brief(figure) {
  const text = short(Number(figure), 3);
  return text.replaceAll("-", MINUS);
}

/**
 * A number in a table: as a float32 number where it is one, else rounded to nine digits.
 *
 * @param {Figure} figure
 */
export function figureText(figure) {
  const value = Number(figure);
  if (!Number.isFinite(value) || Math.fround(value) === value) return exact(value).replaceAll("-", MINUS);
  return String(Number(value.toPrecision(9))).replaceAll("-", MINUS);
}

/**
 * How far the network's value is from the one recomputed, in words.
 *
 * @param {number | null} difference
 * @param {Figure} network
 */
export function verdict(difference, network) {
  if (difference === null) return "";
  if (difference === 0) return "The same number.";
  const size = Math.abs(Number(network));
  // A float32 number has 24 binary digits.
  const steps = size > 0 ? Math.abs(difference) / (size * 2 ** -23) : Infinity;
  if (steps <= 1) return "Within the last binary digit of float32.";
  return size > 0 ? `${short(Math.abs(difference) / size, 2)} of the value: the rounding of float32 in every step.` : "The rounding of float32 in every step.";
}

/**
 * The cells of a window as rows and columns by their place in the kernel; windows of one axis are
 * one row, and of three axes have the first two as rows.
 *
 * @param {WindowCell[]} cells
 * @returns {{rows: {name: string, cells: (number | null)[]}[], columns: string[]}} numbers of cells,
 *   null where a place of the grid has none; names are places on the input
 */
export function windowGrid(cells) {
  /** @param {number[]} list */
  const unique = (list) => [...new Set(list)].sort((one, other) => one - other);
  const last = (cells[0]?.tap.length ?? 1) - 1;
  const columnTaps = unique(cells.map(({ tap }) => tap[last]));
  /** @type {Map<string, {name: string, cells: (number | null)[]}>} */
  const rows = new Map();
  /** @type {string[]} */
  const columns = columnTaps.map(() => "");
  cells.forEach(({ tap, position }, number) => {
    const key = tap.slice(0, last).join();
    const row = rows.get(key) ?? { name: position.slice(0, last).join(", "), cells: columnTaps.map(() => null) };
    rows.set(key, row);
    const column = columnTaps.indexOf(tap[last]);
    row.cells[column] = number;
    columns[column] = String(position[last]);
  });
  return { rows: [...rows.values()].map((row) => ({ ...row, name: row.name.replaceAll("-", MINUS) })), columns: columns.map((name) => name.replaceAll("-", MINUS)) };
}

/**
 * Indices as a range where they are one.
 *
 * @param {number[]} indices  ascending
 */
function rangeText(indices) {
  const [first, last] = [indices[0], indices[indices.length - 1]];
  if (indices.length === 1) return { many: false, text: String(first) };
  return { many: true, text: last - first === indices.length - 1 ? `${first} to ${last}` : `${first} to ${last}, ${indices.length} of them` };
}

/**
 * What was read, in words: "channel 3, rows 2 to 3, column 4".
 *
 * @param {number[][]} cells  for each axis of the tensor, batch first
 */
export function cellsInWords(cells) {
  const axes = cells.slice(1);
  const names = axes.length === 3 ? ["channel", "row", "column"] : axes.length === 1 ? ["channel"] : axes.map((_, axis) => `axis ${axis + 1}`);
  return axes
    .map((indices, axis) => {
      if (indices.length === 0) return `no ${names[axis]}`;
      const { many, text } = rangeText(indices);
      return names[axis].startsWith("axis") ? `${names[axis]}: ${text}` : `${names[axis]}${many ? "s" : ""} ${text}`;
    })
    .join(", ");
}

/**
 * Where a read leads: the one channel and the one cell, if it is one.
 *
 * @param {CellsRead} read
 * @returns {{layer: string, channel: number | null, cell: {row: number, column: number} | null}}
 */
export function readTarget({ input, cells }) {
  const [, channels, ...places] = cells;
  const channel = channels?.length === 1 ? channels[0] : null;
  const one = places.length === 2 && places.every((indices) => indices.length === 1);
  return { layer: input, channel, cell: channel !== null && one ? { row: places[0][0], column: places[1][0] } : null };
}

/**
 * Terms of any kind as pairs of a name and a text or a table, for those without a view of their own.
 *
 * @param {unknown} terms
 * @returns {{name: string, text: string | null, table: {columns: string[], rows: string[][]} | null}[]}
 */
export function generalTerms(terms) {
  if (terms === null || typeof terms !== "object") return [];
  return Object.entries(terms).map(([key, value]) => {
    const name = key.replaceAll("_", " ");
    if (Array.isArray(value) && value.length > 0 && value.every((item) => item !== null && typeof item === "object" && !Array.isArray(item))) {
      const columns = Object.keys(value[0]);
      return { name, text: null, table: { columns: columns.map((column) => column.replaceAll("_", " ")), rows: value.map((item) => columns.map((column) => inText(item[column]))) } };
    }
    return { name, text: inText(value), table: null };
  });
}

/** @param {unknown} value @returns {string} */
function inText(value) {
  if (value === null || value === undefined) return "none";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") return figureText(value);
  if (Array.isArray(value)) return value.map(inText).join(", ") || "none";
  if (typeof value === "object") return Object.entries(value).map(([key, item]) => `${key.replaceAll("_", " ")} ${inText(item)}`).join(", ") || "none";
  return value === "Infinity" || value === "-Infinity" || value === "NaN" ? figureText(value) : String(value);
}
