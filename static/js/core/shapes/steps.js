/**
 * The steps of the animation: which place each is about, and what moves.
 *
 * @import {LayerPlan, Place, Read} from "./layer_plan.js"
 */

/**
 * @typedef {object} Stepping
 * @property {"output" | "input" | "column"} by  what each step is about: a cell of the output, one of
 *   the input (a transposed convolution), or a whole column of it (unfold)
 * @property {[number, number, number]} sizes  of the axes that steps go over
 * @property {number} count
 */

/** @param {LayerPlan} plan @param {boolean} scattered @returns {Stepping} */
export function steppingOf(plan, scattered) {
  const by = plan.type === "Unfold" ? "column" : scattered && plan.insertion ? "input" : "output";
  const size = (/** @type {0 | 1 | 2} */ axis) => (by === "input" ? plan.axes[axis].inputs : plan.axes[axis].outputs);
  /** @type {[number, number, number]} */
  const sizes = by === "column" ? [1, 1, size(2)] : [size(0), size(1), size(2)];
  return { by, sizes, count: sizes[0] * sizes[1] * sizes[2] };
}

/** @param {Stepping} stepping @param {number} step @param {number} channel @returns {Place} */
export function placeAt({ sizes: [, rows, columns] }, step, channel) {
  return [channel, Math.floor(step / (rows * columns)), Math.floor(step / columns) % rows, step % columns];
}

/** @param {Stepping} stepping @param {Place} place */
export const stepAt = ({ sizes: [, rows, columns] }, [, depth, row, column]) => (depth * rows + row) * columns + column;

/**
 * The reads of a step. Of a column, those of all its cells.
 *
 * @param {LayerPlan} plan
 * @param {Stepping} stepping
 * @param {Place} place
 * @returns {Read[]}
 */
export function readsOf(plan, stepping, place) {
  if (stepping.by === "column") {
    const values = Math.min(plan.axes[1].outputs, 5000);
    return Array.from({ length: values }, (_, value) => plan.reads([0, 0, value, place[3]])).flat();
  }
  return stepping.by === "input" ? [{ place, weight: 1, tap: [0, 0, 0] }] : plan.reads(place);
}

/** @param {LayerPlan} plan @param {Place} place  an empty axis says nothing */
export function placeWords(plan, place) {
  const [, depth, row, column] = place;
  if (plan.space === 1) return `position ${column}`;
  return plan.space === 2 ? `row ${row}, column ${column}` : `depth ${depth}, row ${row}, column ${column}`;
}
