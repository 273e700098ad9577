/**
 * The numbers that the animation computes with: those of the input, of the kernel, and what they make.
 *
 * @import {Kernel} from "../core/shapes/kernels.js"
 * @import {LayerPlan, Place} from "../core/shapes/layer_plan.js"
 * @import {TrainedKernels} from "../core/shapes/types.js"
 */
import { getExamples, getTrainedKernels, renderDrawing } from "../api.js";
import { decodeDrawing } from "../core/drawing_code.js";
import { valueOf } from "../core/shapes/evaluate.js";
import { inputNumbers } from "../core/shapes/input_numbers.js";
import { flipped, kernelOf } from "../core/shapes/kernels.js";
import { recall } from "../storage.js";

/** Values of outputs that are kept. */
const MOST_KEPT = 50_000;

/** @typedef {Record<string, string>} View  how the animation is set, as the address has it */

export class ShapesNumbers {
  /** @type {number[][] | null} */
  #image = null;
  #imageOf = "";
  /** @type {TrainedKernels | null} */
  #trained = null;
  /** @type {Map<number, number>} */
  #kept = new Map();
  #keptFor = "";

  /**
   * Get what has to come from the server first: the drawing, trained kernels.
   *
   * @param {View} view
   */
  async prepare({ numbers = "", kernel = "", drawing = "" }) {
    if (numbers === "drawing" && (this.#image === null || this.#imageOf !== drawing)) {
      this.#image = await renderDrawing(await drawingOf(drawing));
      this.#imageOf = drawing;
    }
    const model = modelOf(kernel);
    if (model && this.#trained?.model !== model) this.#trained = await getTrainedKernels(model);
  }

  /** Whether the kernel that is asked for fits the layer. @param {View} view @param {LayerPlan} plan */
  fits({ kernel = "" }, { type, kernel: taps, channels, groups }) {
    if (!modelOf(kernel) || !this.#trained) return true;
    const { weight } = this.#trained;
    return type === "Conv2d" && weight.length === channels[1] && weight[0].length === channels[0] / groups && weight[0][0].length === taps[1] && weight[0][0][0].length === taps[2];
  }

  /** @param {View} view @param {LayerPlan} plan @returns {(place: Place) => number} */
  input({ numbers }, plan) {
    const sizes = /** @type {[number, number, number]} */ (plan.axes.map(({ inputs }) => inputs));
    return inputNumbers(numbers || "digits", sizes, this.#image);
  }

  /** The kernel as it was chosen. @param {View} view @param {LayerPlan} plan */
  kernel({ kernel }, plan) {
    return kernelOf(kernel || "digits", plan.kernel, plan.channels[1], this.#trained);
  }

  /** The kernel as it is computed with. @param {View} view @param {LayerPlan} plan @returns {Kernel} */
  applied(view, plan) {
    const own = this.kernel(view, plan);
    return isFlipped(view, plan) ? flipped(own, plan.kernel) : own;
  }

  /**
   * Values of the output, each computed once.
   *
   * @param {View} view
   * @param {LayerPlan} plan
   * @param {unknown} setting  what else they depend on
   * @returns {(place: Place) => number}
   */
  values(view, plan, setting) {
    const key = JSON.stringify([view.numbers, view.kernel, view.operation, this.#imageOf, this.#trained?.model, setting]);
    if (key !== this.#keptFor || this.#kept.size > MOST_KEPT) {
      this.#keptFor = key;
      this.#kept.clear();
    }
    const [numbers, kernel] = [this.input(view, plan), this.applied(view, plan)];
    const [depths, rows, columns] = plan.axes.map(({ outputs }) => outputs);
    return (place) => {
      const own = ((place[0] * depths + place[1]) * rows + place[2]) * columns + place[3];
      let found = this.#kept.get(own);
      if (found === undefined) this.#kept.set(own, (found = valueOf(plan, place, numbers, kernel)));
      return found;
    };
  }
}

/** @param {string} kernel */
const modelOf = (kernel) => (kernel.startsWith("model:") ? kernel.slice("model:".length) : null);

/** Whether the kernel is turned, which makes a convolution of a cross-correlation. @param {View} view @param {LayerPlan} plan */
export const isFlipped = ({ operation }, { type }) => /^Conv\dd$/.test(type) && operation === "convolution";

/** The drawing of the address, of the pad, or an example. @param {string} code */
async function drawingOf(code) {
  try {
    const drawing = decodeDrawing(code || (recall("drawing") ?? ""));
    if (drawing.length > 0) return drawing;
  } catch {
    // What cannot be read is as if it were not there.
  }
  const [example] = await getExamples();
  return example.drawing.map(([x, y]) => ({ x, y, t: x.map(() => 0) }));
}
