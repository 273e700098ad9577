/** Feature maps in words, for those who do not see them. @import {LayerMaps} from "./types.js" */
import { quantisedValue } from "./atlas.js";
import { percent, short } from "./numbers.js";

/**
 * @typedef {object} MapSummary
 * @property {number} minimum
 * @property {number} maximum
 * @property {number} zeros  share of cells that are 0
 * @property {{row: number, column: number}} peak  where the maximum is (the first such cell)
 */

/**
 * @param {number[][]} values
 * @returns {MapSummary}
 */
export function summarise(values) {
  const summary = { minimum: Infinity, maximum: -Infinity, zeros: 0, peak: { row: 0, column: 0 } };
  let cells = 0;
  values.forEach((line, row) =>
    line.forEach((value, column) => {
      cells += 1;
      if (value === 0) summary.zeros += 1;
      if (value < summary.minimum) summary.minimum = value;
      if (value > summary.maximum) {
        summary.maximum = value;
        summary.peak = { row, column };
      }
    }),
  );
  summary.zeros = cells > 0 ? summary.zeros / cells : 0;
  return summary;
}

/**
 * The quantised values of one channel of an atlas.
 *
 * @param {LayerMaps} maps
 * @param {number} channel
 */
export function quantisedValues(maps, channel) {
  return Array.from({ length: maps.height }, (_, row) =>
    Array.from({ length: maps.width }, (__, column) => quantisedValue(maps, channel, row, column)),
  );
}

/**
 * @param {number} channel
 * @param {MapSummary} summary
 */
export function mapInWords(channel, { minimum, maximum, zeros, peak }) {
  if (minimum === maximum) return `Channel ${channel}: every cell is ${short(minimum)}.`;
  const share = zeros === 0 ? "no zeros" : `${percent(zeros)} zeros`;
  return `Channel ${channel}: from ${short(minimum)} to ${short(maximum)}, ${share}, maximum at row ${peak.row}, column ${peak.column}.`;
}
