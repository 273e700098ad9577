import assert from "node:assert/strict";
import { test } from "node:test";
import { fieldAxes, fieldBoxes, fieldExtent, fieldWords } from "../../static/js/core/field_scale.js";
import { joinSettings, settingParameters } from "../../static/js/core/found_settings.js";
import { searchKinds } from "../../static/js/core/layer_search.js";
import { usualParameters } from "../../static/js/core/new_layer.js";
import { bytes, compact, shapeText } from "../../static/js/core/quantities.js";
import { changed, duplicated, fromSpec, inserted, moved, newLayer, realigned, removed, repaired, shapeBefore, toSpec } from "../../static/js/core/stack.js";
import { compareStacks } from "../../static/js/core/stack_comparison.js";

/** @import {AnsweredLayer, LayerKind, StackAnswer} from "../../static/js/core/stack.js" */

const layers = () => ["ReLU", "Tanh", "SiLU"].map((type) => newLayer(type));
/** @param {{type: string}[]} all */
const names = (all) => all.map(({ type }) => type).join(" ");

/** @param {Partial<AnsweredLayer>} values @returns {AnsweredLayer} */
const answered = (values) => ({ type: "ReLU", input_shape: null, output_shape: null, receptive_field: null, parameters: 0, multiply_accumulates: 0, activation_bytes: 0, saved_for_backward_bytes: 0, ...values });

/** @param {AnsweredLayer[]} all @param {Partial<StackAnswer>} [values] @returns {StackAnswer} */
const answer = (all, values = {}) => ({ output_shape: all.at(-1)?.output_shape ?? null, layers: all, problems: [], parameters: 0, multiply_accumulates: 0, activation_bytes: 0, saved_for_backward_bytes: 0, ...values });

test("changes of a stack leave the one before as it was", () => {
  const first = layers();
  const before = JSON.stringify(first);
  assert.equal(names(inserted(first, 1, newLayer("GELU"))), "ReLU GELU Tanh SiLU");
  assert.equal(names(removed(first, 1)), "ReLU SiLU");
  assert.equal(names(moved(first, 0, 2)), "Tanh SiLU ReLU");
  assert.equal(names(moved(first, 2, 0)), "SiLU ReLU Tanh");
  assert.equal(names(moved(first, 0, 99)), "Tanh SiLU ReLU");
  assert.equal(names(duplicated(first, 1)), "ReLU Tanh Tanh SiLU");
  assert.equal(new Set(duplicated(first, 1).map(({ id }) => id)).size, 4, "a copy is another layer");
  assert.equal(JSON.stringify(first), before);
});

test("parameters are set, and left out", () => {
  const [layer] = changed([newLayer("Conv2d", { kernel_size: 3 })], 0, { stride: 2, kernel_size: undefined });
  assert.deepEqual(toSpec(layer), { type: "Conv2d", stride: 2 });
  assert.deepEqual(toSpec(fromSpec({ type: "Conv2d", padding: "same" })), { type: "Conv2d", padding: "same" });
});

test("repairs of the server change, leave out, put in and replace", () => {
  const stack = [newLayer("Conv2d", { kernel_size: 9, stride: 2 }), newLayer("Linear", { in_features: 3 })];
  /** @param {object} repair */
  const specs = (repair) => repaired(stack, { layer: 1, changes: {}, insert: null, detail: "", output_shape: [], ...repair }).layers.map(toSpec);
  assert.deepEqual(specs({ changes: { in_features: 7 } })[1], { type: "Linear", in_features: 7 });
  assert.deepEqual(specs({ layer: 0, changes: { stride: null } })[0], { type: "Conv2d", kernel_size: 9 });
  assert.deepEqual(specs({ layer: 0, changes: { type: "Conv1d" } })[0].type, "Conv1d");
  assert.deepEqual(specs({ insert: { type: "Flatten" } }).map(({ type }) => type), ["Conv2d", "Flatten", "Linear"]);
});

test("an answer follows its layers while they move", () => {
  const before = layers();
  const said = answer([answered({ parameters: 1 }), answered({ parameters: 2 }), answered({ parameters: 3 })], { problems: [{ layer: 2, parameter: "p", detail: "", repairs: [] }] });
  const after = [before[2], newLayer("GELU"), before[0]];
  const now = realigned(said, before, after);
  assert.deepEqual(now.layers.map(({ parameters }) => parameters), [3, null, 1]);
  assert.equal(now.problems[0].layer, 0);
  assert.deepEqual(realigned(said, before, [before[0]]).problems, []);
  assert.deepEqual(shapeBefore(now, [1, 2], 0), [1, 2]);
  assert.equal(shapeBefore(now, [1, 2], 2), null);
});

test("fields are drawn with what hangs over the input", () => {
  const field = { size: [7, 5], stride: [2, 1], start: [-3, 0] };
  assert.deepEqual(fieldBoxes(field, 0, 224), { unit: { low: -3, high: 4 }, next: { low: -1, high: 6 }, inside: { low: 0, high: 4 } });
  assert.equal(fieldBoxes({ size: [3], stride: [0], start: [0] }, 0, 3).next, null, "all units read the same");
  assert.equal(fieldBoxes({ size: [3], stride: [1], start: [-3] }, 0, 9).inside, null, "only padding is read");
  const stack = answer([answered({ receptive_field: field }), answered({})]);
  assert.equal(fieldAxes(stack), 2);
  assert.equal(fieldAxes(null), 0);
  assert.deepEqual(fieldExtent([stack, null], 0, 10), { low: -3, high: 10 });
  assert.deepEqual(fieldExtent([stack, null], 0, 5), { low: -3, high: 6 });
  assert.deepEqual(fieldExtent([stack, null], 0, 224), { low: -3, high: 8 }, "of a large input the beginning");
  assert.deepEqual(fieldWords({ size: [7, 7], stride: [2, 2], start: [-3, -3] }), { size: "7\u202f×\u202f7", stride: "2", start: "−3" });
  assert.equal(fieldWords(field).stride, "2\u202f×\u202f1");
});

test("quantities have three digits", () => {
  assert.deepEqual([0, 999, 1024, 1536, 10_240, 1023.6 * 1024, 3 * 2 ** 30].map(bytes), ["0\u202fB", "999\u202fB", "1.00\u202fKiB", "1.50\u202fKiB", "10.0\u202fKiB", "1.00\u202fMiB", "3.00\u202fGiB"]);
  assert.deepEqual([61_706, 99_999, 100_000, 999_600, 4_089_284_608].map(compact), ["61\u202f706", "99\u202f999", "100\u202fk", "1.00\u202fM", "4.09\u202fG"]);
  assert.equal(shapeText([1, 3]), "1\u202f×\u202f3");
  assert.equal(shapeText([]), "one number");
});

test("two stacks are set against each other", () => {
  const field = { size: [5, 5], stride: [1, 1], start: [-2, -2] };
  const one = answer([answered({ output_shape: [1, 2], receptive_field: field })], { parameters: 100, activation_bytes: 8 });
  const other = answer([answered({ output_shape: [1, 2], receptive_field: field })], { parameters: 150, saved_for_backward_bytes: null });
  const rows = new Map(compareStacks(one, other).map((row) => [row.name, row]));
  assert.equal(rows.get("Receptive field")?.difference, "equal");
  assert.equal(rows.get("Parameters")?.difference, "+50 (+50.0\u202f%)");
  assert.equal(rows.get("Forward")?.difference, "−8\u202fB (−100.0\u202f%)");
  assert.equal(rows.get("Backward")?.second, "not known");
  assert.equal(rows.get("Backward")?.difference, "");
  const broken = answer([answered({})]);
  assert.equal(compareStacks(one, broken)[0].second, "does not fit");
  assert.equal(compareStacks(one, broken)[1].difference, "");
});

/** @param {string} type @param {string[]} required @param {number} [axes] @returns {LayerKind} */
const kind = (type, required, axes = 2) => ({ type, axes, parameters: required.map((name) => ({ name, kind: "integer", required: true, default: null, choices: [] })) });

test("kinds are found by their names and by other words for them", () => {
  const kinds = ["Conv1d", "Conv2d", "ConvTranspose2d", "Linear", "SiLU", "BatchNorm2d", "MaxPool2d"].map((type) => kind(type, []));
  /** @param {string} text */
  const found = (text) => searchKinds(kinds, text).map(({ type }) => type);
  assert.equal(found("")[0], "Conv2d");
  assert.deepEqual(found("conv"), ["Conv2d", "ConvTranspose2d", "Conv1d"]);
  assert.deepEqual(found("nn.conv2d"), ["Conv2d"]);
  assert.deepEqual(found("max pool"), ["MaxPool2d"]);
  assert.deepEqual(found("dense"), ["Linear"]);
  assert.deepEqual(found("deconv"), ["ConvTranspose2d"]);
  assert.deepEqual(found("xyz"), []);
});

test("a new layer takes what its input has", () => {
  assert.deepEqual(usualParameters(kind("Conv2d", ["in_channels", "out_channels", "kernel_size"]), [1, 32, 8, 8]), { in_channels: 32, out_channels: 32, kernel_size: 3, padding: 1 });
  assert.deepEqual(usualParameters(kind("Linear", ["in_features", "out_features"], 0), [1, 400]), { in_features: 400, out_features: 10 });
  assert.deepEqual(usualParameters(kind("GroupNorm", ["num_groups", "num_channels"], 0), [1, 12, 3, 3]), { num_groups: 4, num_channels: 12 });
  assert.deepEqual(usualParameters(kind("MaxPool2d", ["kernel_size"]), null), { kernel_size: 2 });
});

test("settings of several axes are joined", () => {
  const [a, b, c] = [{ kernel_size: 2, stride: 2 }, { kernel_size: 3, stride: 2 }, { kernel_size: 5, stride: 4 }];
  assert.deepEqual(joinSettings([[a, b]]), [a, b]);
  assert.deepEqual(joinSettings([[a, b], [b, c]]), [b], "the same for both");
  assert.deepEqual(joinSettings([[a], [c]]), [{ kernel_size: [2, 5], stride: [2, 4] }], "one for each");
  assert.deepEqual(joinSettings([[a], []]), []);
  assert.deepEqual(joinSettings([[{ kernel_size: 2, ceil_mode: true }], [{ kernel_size: 3, ceil_mode: false }]]), [], "one flag for all axes");
  const convolution = kind("Conv2d", ["in_channels", "out_channels", "kernel_size"]);
  assert.deepEqual(settingParameters(convolution, a, 7), { in_channels: 7, out_channels: 7, kernel_size: 2 });
});
