import assert from "node:assert/strict";
import { test } from "node:test";
import { lookupTable } from "../../static/js/core/colour.js";
import { chosenInputs, paintColours, paintWeights, parameterRange, picturesInWords, weightRange } from "../../static/js/core/kernels.js";

const maps = {
  name: "weight", channels: 3, height: 1, width: 3, data: new Uint8Array([0, 128, 255, 0, 0, 255, 255, 0, 255]),
  minimum: -1, maximum: 2, signed: true, channelMinimum: [-1, 0, -1], channelMaximum: [1, 2, 0], nonFinite: 0,
};
/** @type {import("../../static/js/core/types.js").LayerParameter} */
const parameter = {
  name: "weight", shape: [3, 1, 1, 3], learnable: true, values: 9, minimum: -1, maximum: 2, bound: 2, beyond: 0, names: ["weight"], layers: ["conv"], picture: null, vector: null,
};

test("weights are centred at zero; a few outliers do not take the colours from the others", () => {
  assert.deepEqual(weightRange(-1, 3), { kind: "weights", low: -3, high: 3 });
  assert.deepEqual(parameterRange(parameter), { range: weightRange(-1, 2), beyond: 0 });
  assert.deepEqual(parameterRange({ ...parameter, bound: 0.5, beyond: 4 }), { range: weightRange(-0.5, 0.5), beyond: 4 });
  assert.deepEqual(parameterRange({ ...parameter, bound: 0, beyond: 1 }).beyond, 0);
});

test("painted weights have the colours of their values, and the ends' beyond the range", () => {
  const table = lookupTable("weights", "light");
  const pixels = new Uint32Array(3);
  paintWeights(pixels, maps, 0, weightRange(-2, 2), "light");
  assert.deepEqual([...pixels], [table[64], table[128], table[191]]);
  paintWeights(pixels, maps, 1, weightRange(-1, 1), "light");
  assert.deepEqual([...pixels], [table[128], table[128], table[255]]);
});

test("three inputs are red, green and blue, and grey is zero", () => {
  const pixels = new Uint32Array(3);
  paintColours(pixels, maps, 0, weightRange(-2, 2));
  const bytes = new Uint8Array(pixels.buffer);
  assert.deepEqual([...bytes.slice(0, 4)], [64, 128, 128, 255]);
  assert.deepEqual([...bytes.slice(8, 12)], [191, 255, 128, 255]);
});

test("inputs are chosen as the address says, if there are such", () => {
  const picture = { form: /** @type {const} */ ("kernels"), outputs: 8, inputs: 16, height: 3, width: 3, by_channel: true, groups: 1 };
  assert.equal(chosenInputs(picture, null), "0");
  assert.equal(chosenInputs(picture, "15"), "15");
  assert.equal(chosenInputs(picture, "16"), "0");
  assert.equal(chosenInputs(picture, "norm"), "norm");
  assert.equal(chosenInputs(picture, "rgb"), "0");
  assert.equal(chosenInputs({ ...picture, inputs: 3 }, null), "rgb");
  assert.equal(chosenInputs({ ...picture, inputs: 1 }, "norm"), "0");
  assert.match(picturesInWords(picture, "5"), /3 × 3 kernel of each channel, for input channel 5 of 16/);
  assert.match(picturesInWords({ ...picture, inputs: 1, groups: 8 }, "0"), /each channel reads one input channel/);
  assert.match(picturesInWords({ ...picture, form: "matrix", width: 40 }, "0"), /One row of 40 weights/);
});
