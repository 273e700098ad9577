import assert from "node:assert/strict";
import { test } from "node:test";

import { adaptivePlan, insertionPlan, interpolationPlan, originOf, spreadPlan, windowPlan } from "../../static/js/core/shapes/axis_plan.js";
import { axisNames, partNames } from "../../static/js/core/shapes/axes.js";
import { evaluate, valueOf } from "../../static/js/core/shapes/evaluate.js";
import { layerPlan } from "../../static/js/core/shapes/layer_plan.js";
import { formatConfiguration, parseConfiguration, START } from "../../static/js/core/shapes/configuration.js";
import { familyOf, GROUPS, switchTo } from "../../static/js/core/shapes/families.js";
import { inexact, readShape, readSize, readValue, sizeFault, valueText } from "../../static/js/core/shapes/fields.js";
import { pieces, stepsByAxis } from "../../static/js/core/shapes/formula.js";
import { inputNumbers, PATTERNS } from "../../static/js/core/shapes/input_numbers.js";
import { flipped, GALLERY, kernelOf, kernelPlane, planesText, readPlanes } from "../../static/js/core/shapes/kernels.js";
import { placeAt, stepAt, steppingOf } from "../../static/js/core/shapes/steps.js";
import { cellText, lengthOf, viewportOf } from "../../static/js/core/shapes/viewport.js";

const SIZES = "integer, or one for each axis";

/** The same numbers each time. @param {number} seed */
function lots(seed) {
  let state = seed;
  return (/** @type {number} */ low, /** @type {number} */ high) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return low + (state % (high - low + 1));
  };
}

test("a field's text says a value, and a value its text", () => {
  /** @type {[string, string, unknown][]} */
  const cases = [
    ["3", SIZES, 3],
    ["3, 5", SIZES, [3, 5]],
    ["(3, 5)", SIZES, [3, 5]],
    ["[3]", SIZES, [3]],
    ["(3,)", SIZES, [3]],
    ["", SIZES, undefined],
    ["-1", SIZES, -1],
    ["1.5", SIZES, 1.5],
    ["2.0", SIZES, "2.0"],
    ["1e2", SIZES, "1e2"],
    ["same", "integer, one for each axis, same or valid", "same"],
    ["None", "integer, one for each axis, or null", null],
    ["None, 3", "integer, or an integer or null for each axis", [null, 3]],
    ["2.0", "number", 2],
    ["1e-5", "number", 1e-5],
    ["True", "true or false", true],
    ["nearest", "text", "nearest"],
    ["nonsense", SIZES, "nonsense"],
  ];
  for (const [text, kind, value] of cases) {
    assert.deepEqual(readValue(text, kind), value, text);
    if (value !== undefined) assert.deepEqual(readValue(valueText(/** @type {any} */ (value)), kind), value, text);
  }
});

test("numbers that the page cannot keep are said to be so", () => {
  assert.equal(inexact("9007199254740991"), "");
  assert.match(inexact("3, 9007199254740993"), /up to 9,007,199,254,740,991/);
  assert.match(sizeFault(readSize("2.5"), "height"), /height is a whole number, not 2\.5/);
  assert.match(sizeFault(readSize("-1"), "width"), /at least 0, not -1/);
  assert.equal(sizeFault(readSize("0"), "batch"), "");
});

test("a pasted shape is read", () => {
  for (const text of ["[1, 3, 224, 224]", "(1,3,224,224)", "torch.Size([1, 3, 224, 224])", "1 x 3 x 224 x 224", "1 3 224 224"]) assert.deepEqual(readShape(text), [1, 3, 224, 224], text);
  for (const text of ["7", "a, b", "1, -3", "[1, 2.5]", ""]) assert.equal(readShape(text), null, text);
});

/** @type {import("../../static/js/core/shapes/types.js").LayerKind} */
const CONVOLUTION = {
  type: "Conv2d",
  axes: 2,
  parameters: [
    { name: "in_channels", kind: "integer", required: true, default: null, choices: [] },
    { name: "kernel_size", kind: SIZES, required: true, default: null, choices: [] },
    { name: "padding", kind: "integer, one for each axis, same or valid", required: false, default: 0, choices: [] },
    { name: "bias", kind: "true or false", required: false, default: true, choices: [] },
    { name: "padding_mode", kind: "text", required: false, default: "zeros", choices: ["zeros", "reflect"] },
  ],
};

test("the address holds the whole configuration", () => {
  const kinds = new Map([["Conv2d", CONVOLUTION]]);
  for (const values of [{ in_channels: 3, kernel_size: [3, 5], padding: "same", bias: false, padding_mode: "reflect" }, { in_channels: "2.0", kernel_size: [3] }, {}]) {
    for (const input of [[1, 3, 8, 8], ["", "-2", 3], []]) {
      const configuration = { type: "Conv2d", input, values, view: { numbers: "typed:1,2;3,4", kernel: "sobel-x", cell: "0,1,2" } };
      // A negative size is a number once it is read.
      const read = parseConfiguration(formatConfiguration(/** @type {any} */ (configuration)), kinds);
      assert.deepEqual(read, { ...configuration, input: input.map((size) => (typeof size === "string" ? readSize(size) : size)) });
    }
  }
  assert.deepEqual(parseConfiguration("#layer=Nonsense&input=1", kinds), { ...START, view: {} });
  assert.deepEqual(parseConfiguration("", kinds).type, "Conv2d");
});

test("windows read what they say, and readers are their inverse", () => {
  const among = lots(5);
  for (let round = 0; round < 300; round += 1) {
    const [kernel, stride, dilation, before, after, inputs] = [among(1, 4), among(1, 4), among(1, 3), among(0, 3), among(0, 3), among(3, 9)];
    const outputs = Math.floor((inputs + before + after - dilation * (kernel - 1) - 1) / stride) + 1;
    const size = among(1, 9);
    const plans = [adaptivePlan(inputs, size), interpolationPlan({ inputs, outputs: size, taps: /** @type {const} */ (["nearest", "nearest-exact", "linear", "cubic"])[among(0, 3)], factor: null, align: among(0, 1) === 1 })];
    if (outputs > 0) plans.push(windowPlan({ inputs, outputs, kernel, stride, dilation, before, after }));
    const grown = (inputs - 1) * stride - 2 * before + dilation * (kernel - 1) + 1;
    if (grown > 0) {
      const setting = { inputs, outputs: grown, kernel, stride, dilation, padding: before };
      plans.push(spreadPlan(setting), insertionPlan(setting));
    }
    for (const plan of plans) {
      for (let at = plan.from; at < plan.to; at += 1) {
        const readers = Array.from({ length: plan.outputs }, (_, output) => output).filter((output) => plan.reads(output).some((tap) => tap.at === at));
        assert.deepEqual([...new Set(plan.readers(at))].sort((one, other) => one - other), readers);
      }
      for (let output = 0; output < plan.outputs; output += 1) for (const { at } of plan.reads(output)) assert.ok(at >= plan.from && at < plan.to);
    }
  }
});

test("zeros put between the inputs give what spreading gives", () => {
  const among = lots(9);
  for (let round = 0; round < 100; round += 1) {
    const [kernel, stride, dilation, padding, inputs] = [among(1, 4), among(1, 3), among(1, 2), among(0, 2), among(1, 6)];
    const outputs = (inputs - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1;
    if (outputs < 1) continue;
    const setting = { inputs, outputs, kernel, stride, dilation, padding };
    const [spread, inserted] = [spreadPlan(setting), insertionPlan(setting)];
    for (let output = 0; output < outputs; output += 1) {
      const real = inserted.reads(output).filter(({ at }) => at >= 0 && at % stride === 0 && at / stride < inputs);
      /** @param {import("../../static/js/core/shapes/axis_plan.js").Tap[]} taps @param {number} unit */
      const pairs = (taps, unit) => taps.map(({ at, tap }) => `${at / unit}:${tap}`).sort();
      assert.deepEqual(pairs(real, stride), pairs(spread.reads(output), 1));
    }
  }
});

test("copies of the padding come from where PyTorch takes them", () => {
  const row = [0, 1, 2, 3];
  /** @param {import("../../static/js/core/shapes/axis_plan.js").PaddingMode} mode */
  const padded = (mode) => [-3, -2, -1, ...row, 4, 5, 6].map((at) => originOf(at, 4, mode));
  assert.deepEqual(padded("reflect"), [3, 2, 1, 0, 1, 2, 3, 2, 1, 0]);
  assert.deepEqual(padded("replicate"), [0, 0, 0, 0, 1, 2, 3, 3, 3, 3]);
  assert.deepEqual(padded("circular"), [1, 2, 3, 0, 1, 2, 3, 0, 1, 2]);
  assert.deepEqual(padded("zeros"), [null, null, null, 0, 1, 2, 3, null, null, null]);
});

test("kernels of the gallery are those of the textbooks", () => {
  assert.deepEqual(kernelPlane("sobel-x", 3, 3), [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]);
  assert.deepEqual(kernelPlane("prewitt-y", 3, 3), [[-1, -1, -1], [0, 0, 0], [1, 1, 1]]);
  assert.deepEqual(kernelPlane("gaussian", 3, 3).map((row) => row.map((value) => value * 16)), [[1, 2, 1], [2, 4, 2], [1, 2, 1]]);
  assert.deepEqual(kernelPlane("sobel-x", 5, 5)[0], [-1, -2, 0, 2, 1]);
  assert.deepEqual(kernelPlane("laplacian", 1, 3), [[1, -2, 1]]);
  for (const { name } of GALLERY) {
    for (const sizes of /** @type {[number, number, number][]} */ ([[1, 1, 3], [1, 3, 3], [3, 3, 3], [1, 1, 1], [2, 5, 4]])) {
      const kernel = kernelOf(name, sizes, 4, null);
      const turned = flipped(flipped(kernel, sizes), sizes);
      let sum = 0;
      for (let d = 0; d < sizes[0]; d += 1) for (let row = 0; row < sizes[1]; row += 1) for (let column = 0; column < sizes[2]; column += 1) {
        const weight = kernel.weight(2, 1, [d, row, column]);
        assert.ok(Number.isFinite(weight), `${name} ${sizes}`);
        assert.equal(turned.weight(2, 1, [d, row, column]), weight);
        sum += weight;
      }
      if (["identity", "box", "gaussian"].includes(name)) assert.ok(Math.abs(sum - 1) < 1e-12, `${name} ${sizes}`);
    }
  }
});

test("typed numbers survive the address, and nonsense is none", () => {
  const planes = [[[1, -2.5], [0, 4]], [[1e-3, 2], [3, 4]]];
  assert.deepEqual(readPlanes(planesText(planes)), planes);
  for (const text of ["", "1,,2", "alert(1)", "1,2;x", "Infinity"]) assert.equal(readPlanes(text), null, text);
  for (const { name } of PATTERNS) assert.ok(Number.isFinite(inputNumbers(name, [1, 3, 3], null)([0, 0, 1, 2])));
  assert.equal(inputNumbers("typed:1,2;3,4", [1, 2, 2], null)([0, 0, 1, 0]), 3);
  assert.equal(inputNumbers("drawing", [1, 4, 4], [[0, 255], [51, 0]])([0, 0, 0, 3]), 1);
});

test("steps and places are each other's inverse", () => {
  const axes = [windowPlan({ inputs: 3, outputs: 2, kernel: 2, stride: 1, dilation: 1, before: 0, after: 0 }), windowPlan({ inputs: 4, outputs: 3, kernel: 2, stride: 1, dilation: 1, before: 0, after: 0 }), windowPlan({ inputs: 5, outputs: 4, kernel: 2, stride: 1, dilation: 1, before: 0, after: 0 })];
  const stepping = steppingOf(/** @type {any} */ ({ type: "Conv3d", axes, insertion: null }), false);
  assert.equal(stepping.count, 24);
  for (let step = 0; step < 24; step += 1) assert.equal(stepAt(stepping, placeAt(stepping, step, 1)), step);
});

test("a large grid is seen in part, with what matters in it", () => {
  const among = lots(3);
  for (let round = 0; round < 200; round += 1) {
    const [rows, columns] = [among(1, 5000), among(1, 5000)];
    const focus = { rows: { from: among(0, rows - 1), to: 0 }, columns: { from: among(0, columns - 1), to: 0 } };
    focus.rows.to = Math.min(rows, focus.rows.from + among(1, 5));
    focus.columns.to = Math.min(columns, focus.columns.from + among(1, 5));
    const seen = viewportOf({ rows: { from: 0, to: rows }, columns: { from: 0, to: columns } }, { width: 500, height: 400 }, focus, null);
    for (const side of /** @type {const} */ (["rows", "columns"])) {
      assert.ok(seen[side].from <= focus[side].from && seen[side].to >= focus[side].to, JSON.stringify({ rows, columns, focus, seen }));
      assert.ok(seen[side].from >= 0 && seen[side].to <= (side === "rows" ? rows : columns));
    }
    assert.ok(lengthOf(seen.columns) * seen.cell <= 500 && lengthOf(seen.rows) * seen.cell <= 400);
  }
});

test("a cell's number is short", () => {
  for (const [value, text] of /** @type {[number, string][]} */ ([[3, "3"], [-2, "−2"], [0.5, ".50"], [-0.25, "−.25"], [12.34, "12"], [1.25, "1.3"], [123456, "1e5"], [0, "0"], [NaN, "nan"], [-Infinity, "−∞"]])) assert.equal(cellText(value), text);
});

test("formulas are cut at their symbols", () => {
  const step = { name: "o", meaning: "output size", axis: 2, formula: "⌊(n − w) / s⌋ + 1", filled: "⌊(10 − 3) / 2⌋ + 1", value: 4, note: "", rounding: null, symbols: [{ name: "n", meaning: "", value: 10, parameter: null }, { name: "w", meaning: "", value: 3, parameter: null }, { name: "s", meaning: "", value: 2, parameter: "stride" }] };
  const { letters, numbers } = pieces(step);
  assert.equal(letters.map(({ text }) => text).join(""), step.formula);
  assert.equal(numbers.map(({ text }) => text).join(""), step.filled);
  assert.equal(letters.filter(({ symbol }) => symbol?.parameter === "stride").length, 1);
  assert.deepEqual(pieces({ ...step, filled: "something else" }).numbers, [{ text: "something else", symbol: null }]);
  assert.deepEqual(stepsByAxis([step, { ...step, axis: 3 }]).map(({ axes }) => axes), [[2, 3]]);
  assert.deepEqual(stepsByAxis([step, { ...step, axis: 3, value: 5 }]).map(({ axes }) => axes), [[2], [3]]);
  const [reach, windows] = [{ ...step, axis: null, name: "w" }, { ...step, axis: null, name: "o" }];
  const unfolded = stepsByAxis([reach, windows, reach, windows, step]);
  assert.deepEqual(unfolded.map(({ axes, steps }) => [axes[0], steps.length]), [[null, 2], [null, 2], [2, 1]], "the windows of each axis of the input");
});

test("what fits stays when another layer is chosen", () => {
  const before = { type: "Conv3d", input: [2, 4, 5, 6, 7], values: { in_channels: 4, kernel_size: [3, 3, 3], padding: 1 }, view: { cell: "0,0,0", drawing: "x" } };
  const after = switchTo(before, CONVOLUTION);
  assert.deepEqual(after, { type: "Conv2d", input: [2, 4, 6, 7], values: { in_channels: 4, kernel_size: 3, padding: 1 }, view: { drawing: "x" } });
  assert.equal(familyOf("MaxPool3d")?.name, "Max pooling");
  assert.equal(familyOf("ReLU"), null);
  assert.equal(new Set(GROUPS.flatMap(({ families }) => families.map(({ name }) => name))).size, GROUPS.flatMap(({ families }) => families).length);
});

test("axes have their names", () => {
  assert.deepEqual(axisNames("Conv2d", 2, 4), ["batch", "channels", "height", "width"]);
  assert.deepEqual(axisNames("Conv2d", 2, 3), ["channels", "height", "width"]);
  assert.deepEqual(axisNames("Linear", 0, 2), ["batch", "features"]);
  assert.deepEqual(axisNames("Linear", 0, 3), ["axis 0", "axis 1", "features"]);
  assert.deepEqual(partNames("ZeroPad2d", "padding", 2), ["left", "right", "top", "bottom"]);
  assert.deepEqual(partNames("Conv3d", "stride", 3), ["depth", "height", "width"]);
});

test("a value with its terms is the same as without, and steps of a spread add up to it", () => {
  const among = lots(21);
  for (let round = 0; round < 150; round += 1) {
    const type = ["Conv2d", "ConvTranspose2d", "MaxPool2d", "AvgPool2d", "LPPool2d"][round % 5];
    const pooled = type.includes("Pool");
    const [kernel, stride, before, dilation] = [among(2, 3), among(1, 3), pooled ? 1 : among(0, 2), type === "Conv2d" ? among(1, 2) : 1];
    const groups = pooled ? 1 : among(1, 2);
    const channels = groups * among(1, 2);
    const made = pooled ? channels : groups * among(1, 2);
    const size = among(5, 7);
    const spread = type === "ConvTranspose2d";
    const output = spread ? (size - 1) * stride - 2 * before + kernel : Math.floor((size + 2 * before - dilation * (kernel - 1) - 1) / stride) + 1;
    const reads = [2, 3].map((axis) => ({ axis, kind: spread ? "spread" : "windows", kernel, stride, dilation, before, after: spread ? null : before }));
    const layer = /** @type {any} */ ({ type, input_shape: [1, channels, size, size], output_shape: [1, made, output, output], reads });
    const plan = layerPlan(layer, /** @type {any} */ ({ type, axes: 2, parameters: [] }), { groups, norm_type: 2, count_include_pad: among(0, 1) === 1, padding_mode: type === "Conv2d" && round % 2 ? "reflect" : "zeros" });
    assert.ok(plan);
    const numbers = inputNumbers("digits", [1, size, size], null);
    const kernels = kernelOf("digits", plan.kernel, made, null);
    for (let turn = 0; turn < 5; turn += 1) {
      /** @type {[number, number, number, number]} */
      const place = [among(0, made - 1), 0, among(0, output - 1), among(0, output - 1)];
      const { value, terms } = evaluate(plan, place, numbers, kernels);
      assert.ok(Math.abs(value - valueOf(plan, place, numbers, kernels)) < 1e-9, `${type} ${place}`);
      for (const { place: from } of terms) {
        const inside = from[2] >= 0 && from[3] >= 0 && from[2] < size && from[3] < size;
        if (inside) assert.ok(plan.readers(from, place[0]).some((reader) => reader.join() === place.join()));
      }
    }
  }
});
