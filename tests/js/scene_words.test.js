/** @import {Values} from "../../static/js/core/shapes/types.js" */
import assert from "node:assert/strict";
import { test } from "node:test";
import { evaluate } from "../../static/js/core/shapes/evaluate.js";
import { kernelOf } from "../../static/js/core/shapes/kernels.js";
import { layerPlan } from "../../static/js/core/shapes/layer_plan.js";
import { sceneNote, sceneSentence } from "../../static/js/core/shapes/scene_words.js";
import { steppingOf } from "../../static/js/core/shapes/steps.js";

/** Values of the input: 1, 2, 3 and so on, along the rows of 3. @param {[number, number, number, number]} place */
const counted = ([, , row, column]) => row * 3 + column + 1;

/**
 * The scene of a layer over one channel of 3 by 3.
 *
 * @param {string} type
 * @param {Values} values
 * @param {{size: number, reads: object, place?: [number, number, number, number]}} options
 */
function sceneOf(type, values, { size, reads, place = [0, 0, 0, 0] }) {
  const axes = [2, 3].map((axis) => ({ axis, dilation: 1, before: 0, after: 0, ...reads }));
  const layer = /** @type {any} */ ({ type, input_shape: [1, 1, 3, 3], output_shape: [1, 1, size, size], reads: axes });
  const plan = layerPlan(layer, /** @type {any} */ ({ type, axes: 2, parameters: [] }), values);
  assert.ok(plan);
  const kernel = kernelOf("digits", plan.kernel, 1, null);
  const evaluation = (/** @type {[number, number, number, number]} */ at) => evaluate(plan, at, counted, kernel);
  const scene = /** @type {any} */ ({ plan, place, stepping: steppingOf(plan, plan.insertion !== null), output: 0, inserted: false, numbers: counted, evaluation, hover: null });
  return { sentence: sceneSentence(scene), note: sceneNote(scene, kernel) };
}

test("a window's value is told with its terms", () => {
  const windows = { kind: "windows", kernel: 2, stride: 1 };
  const { sentence, note } = sceneOf("Conv2d", { kernel_size: 2 }, { size: 2, reads: windows });
  assert.equal(sentence, "Output row 0, column 0 = 1·(−1) + 2·2 + 4 + 5·0 = 7.");
  assert.equal(note, "The bias is 0 here. Cross-correlation, which PyTorch computes: 7. Convolution with the flipped kernel: 5.");
  assert.doesNotMatch(sceneOf("Conv2d", { kernel_size: 2, bias: false }, { size: 2, reads: windows }).note, /bias/);
});

test("a power is written with no brackets that say nothing", () => {
  const { sentence } = sceneOf("LPPool2d", { norm_type: 2, kernel_size: 2 }, { size: 2, reads: { kind: "windows", kernel: 2, stride: 1 } });
  assert.equal(sentence, "Output row 0, column 0 = (1^2 + 2^2 + 4^2 + 5^2)^(1/2) = 6.7823.");
});

test("the largest of one value is that value", () => {
  const reads = { kind: "windows", kernel: 2, stride: 2 };
  const { sentence } = sceneOf("MaxPool2d", { kernel_size: 2, ceil_mode: true }, { size: 2, reads, place: [0, 0, 1, 1] });
  assert.equal(sentence, "Output row 1, column 1 = 9, the only value that it reads, from row 2, column 2.");
});

test("a transposed convolution spreads a value", () => {
  const reads = { kind: "spread", kernel: 2, stride: 1, after: null };
  const { sentence } = sceneOf("ConvTranspose2d", { kernel_size: 2 }, { size: 4, reads, place: [0, 0, 1, 1] });
  assert.equal(sentence, "Input row 1, column 1 is 5: the kernel times 5 is added to 4 values of the output.");
});
