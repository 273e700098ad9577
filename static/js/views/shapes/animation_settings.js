/**
 * What the animation computes with and which part of it is shown: numbers, kernel, channels, depths.
 *
 * @import {KernelSource} from "../../core/shapes/types.js"
 * @import {LayerPlan} from "../../core/shapes/layer_plan.js"
 * @import {Scene} from "../../core/shapes/scene.js"
 */
import { PATTERNS } from "../../core/shapes/input_numbers.js";
import { GALLERY } from "../../core/shapes/kernels.js";
import { html } from "../dom.js";
import { Choice, Slider, Stepper } from "./choices.js";

export class AnimationSettings {
  element = html("div", { class: "animation-settings" });
  #numbers;
  #kernel;
  #operation;
  #spread;
  #output;
  #input;
  #outputDepth;
  #inputDepth;

  /**
   * @param {object} options
   * @param {(value: string) => void} options.onNumbers
   * @param {(value: string) => void} options.onKernel
   * @param {(value: string) => void} options.onOperation
   * @param {(value: string) => void} options.onSpread
   * @param {(channel: number) => void} options.onInput
   * @param {(channel: number) => void} options.onOutput
   * @param {(depth: number) => void} options.onInputDepth
   * @param {(depth: number) => void} options.onOutputDepth
   */
  constructor({ onNumbers, onKernel, onOperation, onSpread, onInput, onOutput, onInputDepth, onOutputDepth }) {
    this.#numbers = new Choice("Numbers", onNumbers);
    this.#kernel = new Choice("Kernel", onKernel);
    this.#operation = new Choice("Operation", onOperation);
    this.#spread = new Choice("Seen as", onSpread);
    this.#output = new Stepper("Output channel", onOutput);
    this.#input = new Stepper("Input channel", onInput);
    this.#outputDepth = new Slider("Output depth", onOutputDepth);
    this.#inputDepth = new Slider("Input depth", onInputDepth);
    const all = [this.#numbers, this.#kernel, this.#operation, this.#spread, this.#output, this.#input, this.#outputDepth, this.#inputDepth];
    this.element.append(...all.map(({ element }) => element));
  }

  /**
   * @param {LayerPlan} plan
   * @param {Record<string, string>} view
   * @param {KernelSource[]} sources  of trained kernels
   * @param {boolean} drawn           whether there is a drawing of the reader's
   */
  show(plan, { numbers = "", kernel = "", operation = "", spread = "" }, sources, drawn) {
    const typedNumbers = numbers.startsWith("typed:") ? [{ value: numbers, title: "Typed in" }] : [];
    const patterns = PATTERNS.map(({ name, title }) => ({ value: name, title }));
    this.#numbers.show([...patterns, { value: "drawing", title: drawn ? "Your drawing" : "An example drawing" }, ...typedNumbers], numbers || "digits");
    this.#kernel.element.hidden = !isSum(plan);
    const typedKernel = kernel.startsWith("typed:") ? [{ value: kernel, title: "Edited by hand" }] : [];
    const trained = sources.map(({ model, title }) => ({ value: `model:${model}`, title: `Trained: ${title}` }));
    this.#kernel.show([...GALLERY.map(({ name, title }) => ({ value: name, title })), ...trained, ...typedKernel], kernel || "digits");
    this.#operation.element.hidden = !/^Conv\dd$/.test(plan.type);
    this.#operation.show([{ value: "", title: "Cross-correlation (PyTorch)" }, { value: "convolution", title: "Convolution (flipped kernel)" }], operation);
    this.#spread.element.hidden = plan.insertion === null;
    this.#spread.show([{ value: "", title: "Each input spreads" }, { value: "insert", title: "Zeros inserted" }], spread);
  }

  /** The channels and slices of a step. @param {Scene} scene */
  showPlace({ plan, stepping, input, output, depth, made, inserted }) {
    const last = plan.axes[0].inputs - 1;
    this.#inputDepth.show(Math.max(0, Math.min(depth, last)), inserted ? 0 : last);
    // A transposed convolution's steps are about the input, so that its depth is that of the step.
    this.#outputDepth.show(made, stepping.by === "input" ? 0 : plan.axes[0].outputs - 1);
    this.#input.show(input, isSum(plan) || plan.type === "Unfold" ? plan.channels[0] - 1 : 0);
    this.#output.show(output, plan.channels[1] - 1);
  }
}

/** Whether windows are multiplied with a kernel and added up. @param {LayerPlan} plan */
const isSum = ({ operation, type }) => operation === "sum" && type !== "Linear";
