/**
 * What a scene of the animation shows, in words.
 *
 * @import {Kernel} from "./kernels.js"
 * @import {LayerPlan, Place} from "./layer_plan.js"
 * @import {Scene} from "./scene.js"
 */
import { plural } from "../numbers.js";
import { originOf } from "./axis_plan.js";
import { MOST_TERMS, valueOf } from "./evaluate.js";
import { flipped } from "./kernels.js";
import { inputSentence, outputSentence, plainNumber } from "./sentences.js";
import { placeWords } from "./steps.js";

/** The step, or what is pointed at. @param {Scene} scene */
export function sceneSentence(scene) {
  const { plan, place, stepping, hover, output } = scene;
  if (hover?.side === "input") return hoverWords(scene, hover.place);
  if (stepping.by === "input" && !hover) {
    const value = plainNumber(scene.numbers(place));
    return `Input ${placeWords(plan, place)} is ${value}: the kernel times ${value} is added to ${plural(plan.readers(place, output).length, "value")} of the output.`;
  }
  if (stepping.by === "column" && !hover) return `Window ${place[3]} becomes column ${place[3]} of the output: ${plan.axes[1].outputs} values.`;
  const at = hover?.place ?? place;
  if (plan.readsEach > MOST_TERMS) return `Output ${placeWords(plan, at)} is made of ${plan.readsEach} values, which are too many to list.`;
  return outputSentence(plan, at, scene.evaluation(at));
}

/**
 * What is true of all its steps, and the value by either way to lay a kernel on the input.
 *
 * @param {Scene} scene
 * @param {Kernel} kernel  as it was chosen, not flipped
 */
export function sceneNote({ plan, place, stepping, hover, output, numbers }, kernel) {
  const at = hover?.place ?? place;
  const one = hover?.side !== "input" && (hover !== null || stepping.by === "output") && plan.readsEach <= MOST_TERMS;
  const notes = [groupWords(plan, output)];
  const biased = plan.operation === "sum" && plan.type !== "Fold" && plan.values.bias !== false;
  if (biased && kernel.bias(output) === 0) notes.push("The bias is 0 here.");
  if (one && /^Conv\dd$/.test(plan.type)) {
    const correlation = plainNumber(valueOf(plan, at, numbers, kernel));
    const convolution = plainNumber(valueOf(plan, at, numbers, flipped(kernel, plan.kernel)));
    notes.push(`Cross-correlation, which PyTorch computes: ${correlation}. Convolution with the flipped kernel: ${convolution}.`);
  }
  return notes.filter((note) => note !== "").join(" ");
}

/** @param {Scene} scene @param {Place} place */
function hoverWords({ plan, output, inserted }, place) {
  if (inserted && plan.insertion) {
    const count = plan.insertion.reduce((all, axis, index) => all * axis.readers(place[index + 1]).length, 1);
    return `${plural(count, "value")} of the output ${count === 1 ? "reads" : "read"} this place.`;
  }
  const outside = plan.axes.some((axis, index) => place[index + 1] < 0 || place[index + 1] >= axis.inputs);
  const count = plan.readers(place, output).length;
  if (!outside) return inputSentence(plan, place, count);
  const copies = plan.axes.map((axis, index) => originOf(place[index + 1], axis.inputs, plan.mode));
  const by = `read by ${plural(count, "value")}`;
  if (copies.includes(null)) return `Padding: ${plan.operation === "max" ? "it never wins" : plan.operation === "average" ? "it counts as 0" : "always 0"}, ${by}.`;
  return `Padding: a copy of ${placeWords(plan, [0, .../** @type {[number, number, number]} */ (copies)])}, ${by}.`;
}

/** Which channels of the input go into one of the output, where that is not all or its own. @param {LayerPlan} plan @param {number} output */
function groupWords(plan, output) {
  if (plan.operation !== "sum" || plan.type === "Linear") return "";
  const each = plan.channels[0] / plan.groups;
  const first = Math.floor(output / (plan.channels[1] / plan.groups)) * each;
  const read = each === 1 ? `channel ${first} alone` : `channels ${first} to ${first + each - 1}`;
  return plan.channels[0] > 1 ? `Output channel ${output} adds up input ${read}.` : "";
}
