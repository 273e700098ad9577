/** Regions of maps: where to draw them, and in words. @import {Region} from "./field_types.js" @import {Interval} from "./types.js" */
import { count, plural } from "./numbers.js";
import { rectanglePath } from "./receptive_field.js";

/** @param {Interval} interval */
const length = ([first, stop]) => stop - first;

/**
 * SVG path data of a region's cells: no two of its rectangles overlap.
 *
 * @param {Region} region
 */
export function regionPath({ box, mask }) {
  if (!box) return "";
  if (!mask) return rectanglePath(box[0], box[1]);
  /** Equal rows one below the other make one rectangle. @type {string[]} */
  const parts = [];
  for (let row = 0; row < mask.length; ) {
    const same = JSON.stringify(mask[row]);
    let stop = row + 1;
    while (stop < mask.length && JSON.stringify(mask[stop]) === same) stop += 1;
    for (const run of mask[row]) parts.push(rectanglePath([box[0][0] + row, box[0][0] + stop], run));
    row = stop;
  }
  return parts.join("");
}

/** @param {string} one @param {Interval} interval */
function places(one, [first, stop]) {
  return stop - first === 1 ? `${one} ${first}` : `${one}s ${first}–${stop - 1}`;
}

/**
 * A box in words, such as "rows 4–6, columns 5–7".
 *
 * @param {[Interval, Interval]} box
 */
export function boxInWords([rows, columns]) {
  return `${places("row", rows)}, ${places("column", columns)}`;
}

/**
 * How large a part of a map is, such as "5 × 5 of 14 × 14".
 *
 * @param {Region & {cells: number}} region
 * @param {number[]} map  height and width
 */
export function sizeInWords({ box, mask, cells }, [height, width]) {
  if (height === 1 && width === 1) return "one value";
  if (!box) return plural(cells, "cell");
  const [rows, columns] = box.map(length);
  if (rows === height && columns === width && !mask) return `all ${count(height)} × ${count(width)}`;
  const holes = mask ? `, ${plural(cells, "cell")}` : "";
  return `${count(rows)} × ${count(columns)} of ${count(height)} × ${count(width)}${holes}`;
}

/** @param {Interval[]} ranges */
export function rangeCount(ranges) {
  return ranges.reduce((sum, range) => sum + length(range), 0);
}
