/** Numbers to fill an input with. @import {Place} from "./layer_plan.js" */
import { readPlanes } from "./kernels.js";

/** @type {{name: string, title: string}[]} */
export const PATTERNS = [
  { name: "digits", title: "Digits" },
  { name: "count", title: "Counted" },
  { name: "ones", title: "Ones" },
  { name: "impulse", title: "A single 1" },
  { name: "edge", title: "An edge" },
  { name: "checks", title: "Checks" },
];

/** Numbers that people type or see at most, along each side. */
export const MOST_TYPED = 16;

/** A number from 0 to 9 that looks drawn by lot, but is always the same. @param {Place} place */
function digit([channel, depth, row, column]) {
  let hash = (channel * 73856093) ^ (depth * 49979687) ^ (row * 19349663) ^ (column * 83492791) ^ 0x5bd1e995;
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
  return ((hash ^ (hash >>> 15)) >>> 0) % 10;
}

/**
 * The value of the input at each place.
 *
 * @param {string} setting  a pattern, "typed:..." or "drawing"
 * @param {[number, number, number]} sizes  of the axes of space
 * @param {number[][] | null} image  the drawing, 0 to 255; it is stretched to the input
 * @returns {(place: Place) => number}
 */
export function inputNumbers(setting, [depth, rows, columns], image) {
  if (setting === "drawing" && image) {
    return ([, , row, column]) => {
      // An input of one row shows the middle of the drawing.
      const y = rows === 1 ? Math.floor(image.length / 2) : Math.floor((row * image.length) / rows);
      return image[y][Math.floor((column * image[y].length) / columns)] / 255;
    };
  }
  const typed = setting.startsWith("typed:") ? readPlanes(setting.slice(6)) : null;
  if (typed) return ([, d, row, column]) => typed[Math.min(d, typed.length - 1)]?.[row]?.[column] ?? 0;
  switch (setting) {
    case "count":
      return ([channel, d, row, column]) => ((channel * depth + d) * rows + row) * columns + column;
    case "ones":
      return () => 1;
    case "impulse":
      return ([, d, row, column]) => Number(d === Math.floor((depth - 1) / 2) && row === Math.floor((rows - 1) / 2) && column === Math.floor((columns - 1) / 2));
    case "edge":
      return ([, , , column]) => Number(column >= columns / 2);
    case "checks":
      return ([, d, row, column]) => (d + row + column) % 2;
    default:
      return digit;
  }
}
