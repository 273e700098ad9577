/** Histograms as bars. @import {Histogram} from "./types.js" */
import { count, percent, plural, short } from "./numbers.js";

/**
 * Bars side by side, from left to right, each as high as its count: the highest is 1.
 *
 * @param {Histogram} histogram
 * @returns {{left: number, width: number, height: number, sign: -1 | 0 | 1}[]} shares of the width and
 *   the height; the sign is that of the middle of the bin
 */
export function bars({ edges, counts }) {
  const low = edges[0];
  const extent = edges[edges.length - 1] - low;
  const highest = Math.max(...counts, 1);
  return counts.map((number, index) => {
    const middle = (edges[index] + edges[index + 1]) / 2;
    const left = extent > 0 ? (edges[index] - low) / extent : 0;
    const right = extent > 0 ? (edges[index + 1] - low) / extent : 1;
    return { left, width: right - left, height: number / highest, sign: middle < 0 ? -1 : middle > 0 ? 1 : 0 };
  });
}

/**
 * Where zero is along the axis, if it is on it.
 *
 * @param {Histogram} histogram
 * @returns {number | null} a share of the width
 */
export function placeOfZero({ edges }) {
  const [low, high] = [edges[0], edges[edges.length - 1]];
  return low < 0 && high > 0 ? -low / (high - low) : null;
}

/**
 * One bin, in words.
 *
 * @param {Histogram} histogram
 * @param {number} index
 */
export function binInWords({ edges, counts, total }, index) {
  const share = percent(total > 0 ? counts[index] / total : 0);
  if (edges[index] === edges[index + 1]) return `All of them are ${short(edges[index])}: ${plural(counts[index], "value")}, ${share}.`;
  return `From ${short(edges[index])} to ${short(edges[index + 1])}: ${plural(counts[index], "value")}, ${share}.`;
}

/**
 * What is not among the bars.
 *
 * @param {Histogram} histogram
 */
export function restInWords({ zeros, not_a_number: missing, infinite, total, counts }) {
  const parts = [`${count(total - zeros - missing - infinite)} of ${plural(total, "value")}`];
  if (counts.length === 0) parts[0] = `none of ${plural(total, "value")}`;
  if (zeros > 0) parts.push(`${plural(zeros, "zero")} (${percent(zeros / total)}) not among the bars`);
  if (missing > 0) parts.push(`${count(missing)} not a number`);
  if (infinite > 0) parts.push(`${count(infinite)} infinite`);
  return `${parts.join(", ")}.`;
}
