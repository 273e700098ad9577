/** How much each pixel counts for a value, in numbers and words. @import {EffectiveField, Heat, Over} from "./field_types.js" @import {Interval, ReceptiveField} from "./types.js" */
import { count, percent, plural } from "./numbers.js";

/**
 * The picture of a line of the answer; null: the line has none.
 *
 * @param {EffectiveField} line
 * @returns {Heat | null}
 */
export function heatOf({ values, shape: [height, width] }) {
  if (values === null) return null;
  const bytes = Uint8Array.from(atob(values), (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const heat = new Float32Array(height * width);
  for (let place = 0; place < heat.length; place += 1) heat[place] = view.getFloat32(place * 4, true);
  return { values: heat, height, width };
}

/** @param {Heat} heat */
export function total({ values }) {
  return values.reduce((sum, value) => sum + value, 0);
}

/** @param {Heat} heat */
export function largest({ values }) {
  return values.reduce((most, value) => Math.max(most, value), 0);
}

/**
 * The middle half of an interval.
 *
 * @param {Interval} interval
 * @returns {Interval}
 */
export function middleHalf([first, stop]) {
  const quarter = (stop - first) / 4;
  return [first + quarter, stop - quarter];
}

/** @param {number} place  of a pixel @param {Interval} interval */
const overlap = (place, [first, stop]) => Math.max(0, Math.min(place + 1, stop) - Math.max(place, first));

/**
 * The share of the whole in some rows and columns; of a pixel that lies there in part, that part.
 *
 * @param {Heat} heat
 * @param {Interval} rows
 * @param {Interval} columns
 */
export function shareWithin(heat, rows, columns) {
  const { values, height, width } = heat;
  const whole = total(heat);
  if (whole === 0) return 0;
  let inside = 0;
  for (let row = 0; row < height; row += 1) {
    const down = overlap(row, rows);
    if (down === 0) continue;
    for (let column = 0; column < width; column += 1) inside += values[row * width + column] * down * overlap(column, columns);
  }
  return inside / whole;
}

/**
 * How much of some rows and columns lies on the image: padding has no pixels.
 *
 * @param {Heat} heat
 * @param {Interval} rows
 * @param {Interval} columns
 */
function areaWithin({ height, width }, [top, bottom], [left, right]) {
  return Math.max(0, Math.min(bottom, height) - Math.max(top, 0)) * Math.max(0, Math.min(right, width) - Math.max(left, 0));
}

/**
 * The fewest pixels that have half of the whole.
 *
 * @param {Heat} heat
 */
export function pixelsOfHalf(heat) {
  const half = total(heat) / 2;
  if (half === 0) return 0;
  let sum = 0;
  let pixels = 0;
  for (const value of heat.values.slice().sort().reverse()) {
    sum += value;
    pixels += 1;
    if (sum >= half) break;
  }
  return pixels;
}

/**
 * @param {Over} over
 * @param {number} inputs
 */
export function overInWords(over, inputs) {
  if (over === "input") return "for this input";
  return over === "noise" ? `on average over ${plural(inputs, "random image")}` : `on average over ${plural(inputs, "example")}`;
}

/**
 * What the heat says, beside the field that could have been.
 *
 * @param {Heat} heat
 * @param {ReceptiveField} field
 * @param {Over} over
 * @param {number} inputs
 */
export function heatInWords(heat, field, over, inputs) {
  const on = overInWords(over, inputs);
  if (total(heat) === 0) return `No pixel changes this value ${on}: its gradient is zero everywhere.`;
  const pixels = `Half of the effect ${on} comes from ${plural(pixelsOfHalf(heat), "pixel")} of ${count(heat.values.length)}.`;
  const box = field.unclipped ?? field.box;
  if (!box || box.some(([first, stop]) => stop - first < 4)) return pixels;
  const middle = /** @type {[Interval, Interval]} */ (box.map(middleHalf));
  const share = shareWithin(heat, ...middle);
  const even = areaWithin(heat, ...middle) / areaWithin(heat, box[0], box[1]);
  return `${pixels} The middle quarter of the field has ${percent(share)} of it; spread evenly it would have ${percent(even)}.`;
}
