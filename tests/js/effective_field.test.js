import assert from "node:assert/strict";
import { test } from "node:test";
import { heatInWords, heatOf, middleHalf, pixelsOfHalf, shareWithin } from "../../static/js/core/effective_field.js";

/** @param {number[]} values @param {number} height @param {number} width */
const heat = (values, height, width) => ({ values: Float32Array.from(values), height, width });

/** @param {[[number, number], [number, number]]} unclipped @param {[number, number]} sides */
const field = (unclipped, sides) => /** @type {import("../../static/js/core/types.js").ReceptiveField} */ ({ unclipped, box: unclipped, mask: [], input_shape: sides, status: "exact", causes: [], layer: "a", channel: 0, y: 0, x: 0, size: null, stride: null, start: null });

test("a line's picture is read as little-endian float32", () => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat32(0, 0.1, true);
  new DataView(bytes.buffer).setFloat32(4, 2.5, true);
  const values = Buffer.from(bytes).toString("base64");
  const found = heatOf({ inputs: 1, of: 2, shape: [1, 2], values, ended: null });
  assert.deepEqual([...(found?.values ?? [])], [Math.fround(0.1), 2.5]);
  assert.equal(heatOf({ inputs: 1, of: 2, shape: [1, 2], values: null, ended: null }), null);
});

test("shares count pixels by the part of them that lies within", () => {
  const even = heat(Array(16).fill(3), 4, 4);
  assert.equal(shareWithin(even, [0, 4], [0, 4]), 1);
  assert.equal(shareWithin(even, [1, 3], [1, 3]), 0.25);
  assert.equal(shareWithin(even, [0.5, 1.5], [0, 4]), 0.25);
  assert.equal(shareWithin(heat([0, 0, 0, 0], 2, 2), [0, 2], [0, 2]), 0);
  assert.deepEqual(middleHalf([-2, 6]), [0, 4]);
});

test("half of the whole is in the fewest pixels that have it", () => {
  assert.equal(pixelsOfHalf(heat([1, 1, 1, 1], 2, 2)), 2);
  assert.equal(pixelsOfHalf(heat([9, 1, 1, 1], 2, 2)), 1);
  assert.equal(pixelsOfHalf(heat([0, 0], 1, 2)), 0);
});

test("words compare with an even spread over what is no padding", () => {
  const values = Array(64).fill(1);
  assert.equal(
    heatInWords(heat(values, 8, 8), field([[0, 8], [0, 8]], [8, 8]), "noise", 64),
    "Half of the effect on average over 64 random images comes from 32 pixels of 64. The middle quarter of the field has 25 % of it; spread evenly it would have 25 %.",
  );
  // The upper half of the field is padding: of its middle, too.
  const hanging = heatInWords(heat(values, 8, 8), field([[-8, 8], [0, 8]], [8, 8]), "input", 1);
  assert.match(hanging, /for this input .* 25 % of it; spread evenly it would have 25 %/);
  const cornered = heatInWords(heat(values, 8, 8), field([[-6, 2], [0, 8]], [8, 8]), "input", 1);
  assert.match(cornered, /has 0 % of it; spread evenly it would have 0 %/);
  assert.match(heatInWords(heat([0, 0, 0, 0], 2, 2), field([[0, 2], [0, 2]], [2, 2]), "examples", 9), /^No pixel changes this value on average over 9 examples/);
});
