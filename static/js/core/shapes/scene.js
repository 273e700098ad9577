/**
 * All that the animation paints at one moment.
 *
 * @import {Evaluation} from "./evaluate.js"
 * @import {LayerPlan, Place} from "./layer_plan.js"
 * @import {Stepping} from "./steps.js"
 */

/**
 * @typedef {object} Scene  
 * @property {LayerPlan} plan
 * @property {Stepping} stepping
 * @property {Place} place       that the step is about
 * @property {number} step
 * @property {number} output     channel that is shown
 * @property {number} input      channel that is shown
 * @property {number} depth      slice of the input that is shown
 * @property {number} made       slice of the output that is shown
 * @property {boolean} inserted  whether the zeros between the inputs are shown
 * @property {(place: Place) => number} numbers
 * @property {(place: Place) => number | null} values  of the output; null: too much to compute
 * @property {(place: Place) => Evaluation} evaluation
 * @property {{side: "input" | "output", place: Place} | null} hover
 */

export {};
