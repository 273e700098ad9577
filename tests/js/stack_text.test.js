import assert from "node:assert/strict";
import { test } from "node:test";
import { formatValue, parseShape, parseSize, parseValue } from "../../static/js/core/parameter_text.js";
import { formatLiteral } from "../../static/js/core/python_literal.js";
import { layerSource, moduleSource, sequentialSource } from "../../static/js/core/pytorch_source.js";
import { newLayer, toSpec } from "../../static/js/core/stack.js";
import { formatStacks, parseStacks } from "../../static/js/core/stack_code.js";
import { formatState, parseStackFile, parseState, stackFile } from "../../static/js/core/stack_file.js";
import { COMPARISON, TEMPLATES } from "../../static/js/core/stack_templates.js";

/** @import {LayerKind} from "../../static/js/core/stack.js" */

/** @type {Map<string, LayerKind>} */
const KINDS = new Map([
  [
    "Conv2d",
    {
      type: "Conv2d",
      axes: 2,
      parameters: [
        { name: "in_channels", kind: "integer", required: true, default: null, choices: [] },
        { name: "out_channels", kind: "integer", required: true, default: null, choices: [] },
        { name: "kernel_size", kind: "", required: true, default: null, choices: [] },
        { name: "stride", kind: "", required: false, default: 1, choices: [] },
        { name: "padding", kind: "", required: false, default: 0, choices: [] },
        { name: "bias", kind: "true or false", required: false, default: true, choices: [] },
      ],
    },
  ],
  ["MaxPool2d", { type: "MaxPool2d", axes: 2, parameters: [{ name: "kernel_size", kind: "", required: true, default: null, choices: [] }, { name: "stride", kind: "", required: false, default: null, choices: [] }] }],
]);

test("typed values are told apart", () => {
  const kind = "integer, one for each axis, same or valid";
  /** @type {[string, unknown][]} */
  const cases = [["3", 3], [" 3.5 ", 3.5], ["-2", -2], ["−2", -2], ["3, 5", [3, 5]], ["3x5", [3, 5]], ["3 × 5", [3, 5]], ["(3, 5)", [3, 5]], ["[3]", [3]], ["(3,)", [3]], ["3 5", [3, 5]], ["same", "same"], ["none", null], ["", undefined], ["1e3", 1000], ["x", "x"]];
  for (const [text, value] of cases) assert.deepEqual(parseValue(kind, text), value, text);
  assert.deepEqual(parseValue("list of integers", "4"), [4]);
  assert.equal(parseValue("text", "1"), "1");
  for (const value of [3, [3, 5], "same", null, true]) assert.deepEqual(value === true ? true : parseValue(kind, formatValue(value)), value);
});

test("shapes are read, or refused with a sentence", () => {
  for (const text of ["3, 32, 32", "3x32x32", "3×32×32", "3 32 32", "(3, 32, 32)", "[3,32,32]"]) assert.deepEqual(parseShape(text), { sizes: [3, 32, 32] }, text);
  assert.deepEqual(parseShape(""), { sizes: [] });
  assert.deepEqual(parseShape("3, a"), { error: "A size is a whole number from 0 on, not a." });
  assert.deepEqual(parseSize("-1", "The batch size"), { error: "The batch size is a whole number from 0 on, not -1." });
  assert.deepEqual(parseSize(" ", "The batch size"), { error: "The batch size is missing." });
  assert.ok("error" in parseSize("9".repeat(30), "A size"));
  assert.ok("error" in parseShape("1 ".repeat(16)));
});

test("literals are Python's", () => {
  assert.deepEqual([true, null, "same", [3], [3, 5], 0.5].map(formatLiteral), ["True", "None", '"same"', "(3,)", "(3, 5)", "0.5"]);
});

test("a line of PyTorch says what is not the default", () => {
  /** @param {import("../../static/js/core/stack.js").Parameters} parameters */
  const line = (parameters) => layerSource({ type: "Conv2d", parameters }, KINDS);
  assert.equal(line({ in_channels: 3, out_channels: 64, kernel_size: 7, stride: 2, padding: 3 }), "nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3)");
  assert.equal(line({ kernel_size: [3, 3], bias: true, out_channels: 64, in_channels: 3, stride: [1, 1] }), "nn.Conv2d(3, 64, kernel_size=(3, 3))");
  assert.equal(line({ out_channels: 64, kernel_size: 3 }), "nn.Conv2d(out_channels=64, kernel_size=3)");
  assert.equal(layerSource({ type: "MaxPool2d", parameters: { kernel_size: 2, stride: 2 } }, KINDS), "nn.MaxPool2d(2, stride=2)");
  assert.equal(layerSource({ type: "Unheard", parameters: { a: "b" } }, KINDS), 'nn.Unheard(a="b")');
  assert.equal(sequentialSource([], KINDS), "nn.Sequential()");
  assert.match(moduleSource([newLayer("ReLU")], KINDS, [1, 3], [1, 3]), /class Stack\(nn\.Module\):\n {4}"""Maps \(1, 3\) to \(1, 3\)\."""/);
});

test("every template survives the address, the file and the memory", () => {
  for (const { input, layers } of [...TEMPLATES, { input: COMPARISON.input, layers: COMPARISON.first }]) {
    const stack = layers.map(({ type, ...parameters }) => newLayer(type, parameters));
    const state = { input, training: true, stacks: [stack, stack.slice(1)] };
    const specs = state.stacks.map((each) => each.map(toSpec));
    for (const back of [parseStacks(formatStacks(state)), parseState(formatState(state))]) {
      assert.ok(back);
      assert.deepEqual(back.stacks.map((each) => each.map(toSpec)), specs);
      assert.deepEqual([back.input, back.training], [input, true]);
    }
    const file = parseStackFile(stackFile(stack, input));
    assert.ok("layers" in file);
    assert.deepEqual(file.layers.map(toSpec), specs[0]);
    assert.deepEqual(JSON.parse(stackFile(stack, input)), { input_shape: input, layers: specs[0] });
  }
});

test("the address can be read by people", () => {
  const stack = [newLayer("Conv2d", { kernel_size: [3, 5], padding: "same", bias: false, p: null })];
  const fragment = formatStacks({ input: [1, 3, 32, 32], training: false, stacks: [stack] });
  assert.equal(fragment, "#input=1,3,32,32&layers=Conv2d(kernel_size=(3,5),padding=%22same%22,bias=False,p=None)");
  const typed = parseStacks("#input=1,3,8,8&layers=Conv2d(padding='same', kernel_size=[3, 3]);ReLU();");
  assert.deepEqual(typed?.stacks[0].map(toSpec), [{ type: "Conv2d", padding: "same", kernel_size: [3, 3] }, { type: "ReLU" }]);
});

test("odd texts in parameters survive the address", () => {
  for (const text of ["a&b=c", 'quo"te', "per%cent", "emoji 🎈", "back\\slash", "; ReLU()"]) {
    const back = parseStacks(formatStacks({ input: [1], training: false, stacks: [[newLayer("ReLU", { x: text })]] }));
    assert.deepEqual(back?.stacks[0].map(toSpec), [{ type: "ReLU", x: text }]);
  }
});

test("what cannot be read says so", () => {
  for (const bad of ["", "#", "#layers=ReLU()", "#input=1,2", "#input=1&layers=Conv2d(", "#input=1&layers=Conv2d(a)", "#input=a&layers=", "#input=1&layers=%", "#input=1&layers=ReLU()&other=(", `#input=1&layers=${"ReLU();".repeat(1001)}`]) {
    assert.equal(parseStacks(bad), null, bad.slice(0, 40));
  }
  for (const bad of [null, "", "null", "[]", "{", '{"stacks":[]}', '{"input_shape":[1],"stacks":[[{"type":1}]]}']) assert.equal(parseState(bad), null);
  assert.deepEqual(parseStackFile(JSON.stringify({ input_shape: [1], layers: new Array(10_000).fill({ type: "ReLU" }) })), { error: "The file has 10\u202f000 layers; a stack has at most 1\u202f000." });
});
