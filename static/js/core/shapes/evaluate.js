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
