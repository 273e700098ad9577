/** A receptive field in words, and where to draw it. @import {Interval, LayerField, ReceptiveField, UnitAddress} from "./types.js" */
import { count, plural } from "./numbers.js";

/** How far beyond the image its surroundings are drawn, in sides of the image. */
const MOST_AROUND = 1;

/** @param {Interval} interval */
const length = ([first, stop]) => stop - first;

/**
 * Pixels that the field has.
 *
 * @param {ReceptiveField} field
 */
export function pixelCount({ mask }) {
  return mask.flat().reduce((sum, run) => sum + length(run), 0);
}

/**
 * @param {string} one
 * @param {Interval} interval
 */
function places(one, [first, stop]) {
  return stop - first === 1 ? `${one} ${first}` : `${one}s ${first} to ${stop - 1}`;
}

/**
 * How many rows and columns of the field are padding, on each side.
 *
 * @param {ReceptiveField} field
 * @returns {{top: number, bottom: number, left: number, right: number}}
 */
export function overhang({ unclipped, input_shape: [height, width] }) {
  if (!unclipped) return { top: 0, bottom: 0, left: 0, right: 0 };
  const [[top, bottom], [left, right]] = unclipped;
  /** @param {number} value */
  const positive = (value) => Math.max(0, value);
  return { top: positive(-top), bottom: positive(bottom - height), left: positive(-left), right: positive(right - width) };
}

/** @param {string[]} parts */
function listed(parts) {
  return parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts[parts.length - 1]}`;
}

/** @param {ReceptiveField} field */
function wholeInWords(field) {
  if (!field.unclipped) return "";
  const [rows, columns] = field.unclipped.map(length);
  const { top, bottom, left, right } = overhang(field);
  const lines = [
    [top, "row", "at the top"],
    [bottom, "row", "at the bottom"],
    [left, "column", "at the left"],
    [right, "column", "at the right"],
  ];
  const padding = lines.filter(([size]) => Number(size) > 0);
  const whole = `The whole field is ${count(rows)} × ${count(columns)}`;
  if (padding.length === 0) return `${whole}, none of it padding.`;
  const parts = padding.map(([size, one, where]) => `${plural(Number(size), String(one))} ${where}`);
  return `${whole}; of it ${listed(parts)} ${padding.length === 1 && padding[0][0] === 1 ? "is" : "are"} padding.`;
}

/**
 * @param {ReceptiveField} field
 * @returns {string}
 */
function placeInWords(field) {
  const { box } = field;
  if (!box) return "No pixel of the image reaches this value.";
  const [height, width] = field.input_shape;
  const pixels = pixelCount(field);
  if (pixels === height * width) return "Every pixel of the image.";
  const [rows, columns] = box;
  const all = length(rows) * length(columns);
  const holes = pixels < all ? ` It has holes: ${count(pixels)} of these ${count(all)} pixels.` : "";
  const place = `${places("row", rows)}, ${places("column", columns)}.`;
  return `${place[0].toUpperCase()}${place.slice(1)}${holes}`;
}

/**
 * @param {ReceptiveField} field
 * @returns {string} which pixels they are, how it hangs over, and how sure that is
 */
export function fieldInWords(field) {
  const because = field.causes.length > 0 ? ` because of ${listed(field.causes)}` : "";
  const sure = {
    exact: "",
    bound: `A bound: perhaps too large${because}, never too small.`,
    unsupported: `Perhaps too large${because}: what an unknown operation reads counts as everything.`,
  };
  return [placeInWords(field), wholeInWords(field), sure[field.status]].filter(Boolean).join(" ");
}

/**
 * The layer's own measure, the same for all its cells.
 *
 * @param {ReceptiveField} field
 */
export function strideInWords({ size, stride }) {
  if (!size || !stride) return "";
  const step = stride[0] === stride[1] ? plural(stride[0], "pixel") : `${stride[0]} × ${stride[1]} pixels`;
  return `The same for every cell of this layer, ${step} further from one to the next.`;
}

/**
 * The part of the plane to draw: the image, and as much around it as the fields of all cells of
 * the layer reach, so that the picture stands still while the cell moves.
 *
 * @param {ReceptiveField} field
 * @param {number[]} cells  rows and columns of the layer
 * @returns {{rows: Interval, columns: Interval, cut: boolean}} cut: the field goes on beyond
 */
export function surroundings({ unclipped, size, stride, start, input_shape: sides }, cells) {
  /** @param {number} axis @returns {Interval} */
  const reach = (axis) => {
    if (size && stride && start && stride.length === 2) return [start[axis], start[axis] + stride[axis] * (Math.max(1, cells[axis] ?? 1) - 1) + size[axis]];
    return unclipped?.[axis] ?? [0, sides[axis]];
  };
  const [rows, columns] = [0, 1].map((axis) => {
    const [first, stop] = reach(axis);
    const most = MOST_AROUND * sides[axis];
    return /** @type {Interval} */ ([Math.max(-most, Math.min(0, first)), Math.min(sides[axis] + most, Math.max(sides[axis], stop))]);
  });
  const cut = unclipped ? [rows, columns].some(([first, stop], axis) => unclipped[axis][0] < first || unclipped[axis][1] > stop) : false;
  return { rows, columns, cut };
}

/**
 * The field of a value as the closed form of its layer has it, known at once. Which of its pixels
 * count is the server's to say: there may be holes, and borders of layers in between.
 *
 * @param {LayerField} form
 * @param {UnitAddress} unit
 * @param {[number, number]} sides  of the image
 * @returns {ReceptiveField | null} null where the layer has other axes
 */
export function closedField({ size, stride, start }, unit, sides) {
  if (size.length !== 2 || unit.shape.length !== 4) return null;
  const [rows, columns] = [unit.y, unit.x].map((place, axis) => {
    const first = start[axis] + stride[axis] * place;
    return /** @type {Interval} */ ([first, first + size[axis]]);
  });
  const [top, left] = [rows, columns].map(([first, stop], axis) => /** @type {Interval} */ ([Math.max(0, first), Math.min(sides[axis], stop)]));
  if (length(top) <= 0 || length(left) <= 0) return null;
  return {
    layer: unit.layer,
    channel: unit.channel,
    y: unit.y,
    x: unit.x,
    input_shape: sides,
    status: "exact",
    causes: [],
    box: [top, left],
    mask: Array.from({ length: length(top) }, () => [left]),
    unclipped: [rows, columns],
    size: [size[0], size[1]],
    stride: [stride[0], stride[1]],
    start: [start[0], start[1]],
  };
}

/** A field smaller than this share of the image is shown enlarged, too, on images this large. */
const SMALL = 1 / 5;
const LARGE_IMAGE = 64;

/**
 * The part of the plane to show enlarged: the field, and as much again around it.
 *
 * @param {ReceptiveField} field
 * @returns {{rows: Interval, columns: Interval} | null} null where the picture shows it well
 */
export function enlargement({ box, unclipped, input_shape: sides }) {
  const whole = unclipped ?? box;
  if (!whole || Math.max(...sides) < LARGE_IMAGE) return null;
  const side = Math.max(...whole.map(length));
  if (side > SMALL * Math.max(...sides)) return null;
  const half = Math.max(6, side);
  const [rows, columns] = whole.map(([first, stop]) => {
    const middle = Math.floor((first + stop) / 2);
    return /** @type {Interval} */ ([middle - half, middle + half]);
  });
  return { rows, columns };
}

/**
 * SVG path data of a rectangle.
 *
 * @param {Interval} rows
 * @param {Interval} columns
 */
export function rectanglePath([top, bottom], [left, right]) {
  return `M${left} ${top}H${right}V${bottom}H${left}Z`;
}

/**
 * SVG path data of the field's pixels: no two of its rectangles overlap.
 *
 * @param {ReceptiveField} field
 */
export function maskPath({ box, mask }) {
  if (!box) return "";
  const [first] = box[0];
  /** Equal rows one below the other make one rectangle. @type {string[]} */
  const parts = [];
  for (let row = 0; row < mask.length; ) {
    const same = JSON.stringify(mask[row]);
    let stop = row + 1;
    while (stop < mask.length && JSON.stringify(mask[stop]) === same) stop += 1;
    for (const run of mask[row]) parts.push(rectanglePath([first + row, first + stop], run));
    row = stop;
  }
  return parts.join("");
}
