/** Large numbers with three digits and a prefix. */
import { count } from "./numbers.js";

/**
 * @param {number} value
 * @param {number} base
 * @param {string[]} units  the first for values below the base
 */
function scaled(value, base, units) {
  let power = 0;
  let rest = value;
  // 999.5 would be written with four digits.
  while (rest >= base - 0.5 && power < units.length - 1) {
    rest /= base;
    power += 1;
  }
  const digits = rest >= 99.95 ? 0 : rest >= 9.995 ? 1 : 2;
  return power === 0 ? `${count(value)}${units[0]}` : `${rest.toFixed(digits)}\u202f${units[power]}`;
}

/** A memory size, such as 3.06 MiB. @param {number} value  in bytes */
export function bytes(value) {
  return scaled(value, 1024, ["\u202fB", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]);
}

/** A count, such as 61 706 or 4.09 G. @param {number} value */
export function compact(value) {
  return value < 100_000 ? count(value) : scaled(value, 1000, ["", "k", "M", "G", "T", "P", "E"]);
}

/** @param {number[]} shape */
export function shapeText(shape) {
  return shape.length > 0 ? shape.join("\u202f×\u202f") : "one number";
}
