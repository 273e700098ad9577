/**
 * The value of one cell of the output from those that go into it, in double precision.
 *
 * @import {Kernel} from "./kernels.js"
 * @import {LayerPlan, Place, Read} from "./layer_plan.js"
 */
import { originOf } from "./axis_plan.js";

/** Values that go into one, up to which it is computed; above, only the geometry is shown. */
export const MOST_TERMS = 20_000;

/**
 * @typedef {Read & {value: number, factor: number | null, inside: boolean}} Term
 *   factor: what the value is multiplied by; null: nothing; inside: whether it is of the input itself
 * @typedef {{value: number, terms: Term[], divisor: number | null, chosen: number, bias: number}} Evaluation
 *   chosen: index of the term that a maximum took, else -1
 */

/**
 * Where a place has its value from.
 *
 * @param {LayerPlan} plan
 * @param {Place} place
 * @returns {Place | null} null: a constant of the padding
 */
export function sourceOf(plan, [channel, ...place]) {
  const found = plan.axes.map((axis, index) => originOf(place[index], axis.inputs, plan.mode));
  const [depth, row, column] = found;
  return depth === null || row === null || column === null ? null : [channel, depth, row, column];
}

/** Whether a place is on the input itself. @param {LayerPlan} plan @param {Place} place */
export const isInside = (plan, [, ...place]) => plan.axes.every((axis, index) => place[index] >= 0 && place[index] < axis.inputs);

/** Whether a place is on the padded input. @param {LayerPlan} plan @param {Place} place */
const isPadded = (plan, [, ...place]) => plan.axes.every((axis, index) => place[index] >= -axis.before && place[index] < axis.inputs + axis.after);

/**
 * @param {LayerPlan} plan
 * @param {Place} output
 * @param {(place: Place) => number} numbers  of the input
 * @param {Kernel} kernel
 * @returns {Evaluation}
 */
export function evaluate(plan, output, numbers, kernel) {
  const constant = plan.mode === "constant" ? Number(plan.values.value ?? 0) : 0;
  const firstChannel = plan.operation === "sum" ? Math.floor(output[0] / (plan.channels[1] / plan.groups)) * (plan.channels[0] / plan.groups) : 0;
  /** @type {Term[]} */
  const terms = plan.reads(output).map((read) => {
    const source = sourceOf(plan, read.place);
    const value = source ? numbers(source) : constant;
    const factor = plan.operation === "sum" ? kernel.weight(output[0], read.place[0] - firstChannel, read.tap) : plan.operation === "blend" ? read.weight : null;
    return { ...read, value, factor, inside: isInside(plan, read.place) };
  });
  return { ...combined(plan, terms, kernel.bias(output[0])), terms };
}

/** @param {LayerPlan} plan @param {Term[]} terms @param {number} bias @returns {Omit<Evaluation, "terms">} */
function combined(plan, terms, bias) {
  const nothing = { divisor: null, chosen: -1, bias: 0 };
  switch (plan.operation) {
    case "max": {
      let chosen = -1;
      terms.forEach(({ inside, value }, index) => {
        if (inside && (chosen < 0 || value > terms[chosen].value)) chosen = index;
      });
      return { ...nothing, value: chosen < 0 ? -Infinity : terms[chosen].value, chosen };
    }
    case "average":
    case "power": {
      const power = plan.operation === "power" ? Number(plan.values.norm_type) : 1;
      const sum = terms.reduce((all, { value, inside }) => all + (inside ? value ** power : 0), 0);
      const divisor = divisorOf(plan, terms);
      if (plan.operation === "average") return { ...nothing, value: sum / divisor, divisor };
      // The mean over what lies on the input, times the size of the whole window.
      const mean = (sum / divisor) * plan.kernel.reduce((all, taps) => all * taps, 1);
      return { ...nothing, value: mean ** (1 / power), divisor };
    }
    case "copy":
      return { ...nothing, value: terms[0]?.value ?? 0 };
    default:
      return { ...nothing, value: terms.reduce((all, { value, factor }) => all + value * (factor ?? 1), bias), bias };
  }
}

/** What an average divides by. @param {LayerPlan} plan @param {Term[]} terms */
function divisorOf(plan, terms) {
  const override = plan.values.divisor_override;
  if (typeof override === "number") return override;
  if (plan.values.count_include_pad === false) return terms.filter(({ inside }) => inside).length;
  // Never what hangs over the end of the padded input.
  return terms.filter(({ place }) => isPadded(plan, place)).length;
}

/** @typedef {{at: number, origin: number | null, tap: number, weight: number, padded: boolean, inside: boolean}[]} Along */

/** What outputs read along each axis, once for all cells of a row or a column. @type {WeakMap<LayerPlan, Map<number, Along>[]>} */
const known = new WeakMap();

/** @param {LayerPlan} plan @param {0 | 1 | 2} index @param {number} output @returns {Along} */
function along(plan, index, output) {
  let maps = known.get(plan);
  if (!maps) known.set(plan, (maps = [new Map(), new Map(), new Map()]));
  let found = maps[index].get(output);
  if (!found) {
    const axis = plan.axes[index];
    found = axis.reads(output).map(({ at, tap, weight }) => ({
      at,
      tap,
      weight,
      origin: originOf(at, axis.inputs, plan.mode),
      padded: at >= -axis.before && at < axis.inputs + axis.after,
      inside: at >= 0 && at < axis.inputs,
    }));
    maps[index].set(output, found);
  }
  return found;
}

/**
 * The same value as evaluate's, without its terms: for painting many cells at once.
 *
 * @param {LayerPlan} plan
 * @param {Place} output
 * @param {(place: Place) => number} numbers
 * @param {Kernel} kernel
 * @returns {number}
 */
export function valueOf(plan, output, numbers, kernel) {
  if (!plan.separable) return evaluate(plan, output, numbers, kernel).value;
  const { operation } = plan;
  const summed = operation === "sum";
  const [depths, rows, columns] = [along(plan, 0, output[1]), along(plan, 1, output[2]), along(plan, 2, output[3])];
  const constant = plan.mode === "constant" ? Number(plan.values.value ?? 0) : 0;
  const power = operation === "power" ? Number(plan.values.norm_type) : 1;
  const each = plan.channels[0] / plan.groups;
  const first = summed ? Math.floor(output[0] / (plan.channels[1] / plan.groups)) * each : output[0];
  let [sum, largest, padded, inside] = [0, -Infinity, 0, 0];
  // One place and one tap for all terms: hundreds of thousands are not made anew.
  const place = /** @type {Place} */ ([0, 0, 0, 0]);
  const tap = /** @type {[number, number, number]} */ ([0, 0, 0]);
  for (let channel = first; channel < (summed ? first + each : first + 1); channel += 1) {
    place[0] = channel;
    for (const depth of depths) {
      tap[0] = depth.tap;
      for (const row of rows) {
        tap[1] = row.tap;
        for (const column of columns) {
          tap[2] = column.tap;
          const real = depth.origin !== null && row.origin !== null && column.origin !== null;
          if (real) {
            place[1] = /** @type {number} */ (depth.origin);
            place[2] = /** @type {number} */ (row.origin);
            place[3] = /** @type {number} */ (column.origin);
          }
          const value = real ? numbers(place) : constant;
          if (summed) sum += value * kernel.weight(output[0], channel - first, tap);
          else if (operation === "blend") sum += value * depth.weight * row.weight * column.weight;
          else if (operation === "copy") return value;
          else {
            if (depth.padded && row.padded && column.padded) padded += 1;
            if (!(depth.inside && row.inside && column.inside)) continue;
            inside += 1;
            sum += power === 1 ? value : value ** power;
            if (value > largest) largest = value;
          }
        }
      }
    }
  }
  if (summed) return sum + kernel.bias(output[0]);
  if (operation === "blend" || operation === "copy") return sum;
  if (operation === "max") return largest;
  const override = plan.values.divisor_override;
  const divisor = typeof override === "number" ? override : plan.values.count_include_pad === false ? inside : padded;
  if (operation === "average") return sum / divisor;
  return ((sum / divisor) * plan.kernel[0] * plan.kernel[1] * plan.kernel[2]) ** (1 / power);
}
