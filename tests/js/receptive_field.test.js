import assert from "node:assert/strict";
import { test } from "node:test";
import { fieldInWords, maskPath, overhang, pixelCount, strideInWords, surroundings } from "../../static/js/core/receptive_field.js";

/** @import {ReceptiveField} from "../../static/js/core/types.js" */

/** @param {Partial<ReceptiveField>} change @returns {ReceptiveField} */
function field(change) {
  /** @type {ReceptiveField} */
  const corner = {
    layer: "two",
    channel: 0,
    y: 0,
    x: 0,
    input_shape: [6, 8],
    status: "exact",
    causes: [],
    box: [[0, 3], [0, 2]],
    mask: [[[0, 2]], [[0, 2]], [[0, 2]]],
    unclipped: [[-2, 3], [-1, 2]],
    size: [5, 3],
    stride: [2, 2],
    start: [-2, -1],
  };
  return { ...corner, ...change };
}

test("a field in the corner: its pixels, and what hangs over", () => {
  assert.deepEqual(overhang(field({})), { top: 2, bottom: 0, left: 1, right: 0 });
  assert.equal(fieldInWords(field({})), "Rows 0 to 2, columns 0 to 1. The whole field is 5 × 3; of it 2 rows at the top and 1 column at the left are padding.");
  const one = field({ unclipped: [[-1, 3], [0, 2]] });
  assert.match(fieldInWords(one), /of it 1 row at the top is padding\.$/);
});

test("a field in the middle, of one pixel, of all pixels, of none", () => {
  const middle = field({ box: [[2, 5], [3, 4]], mask: [[[3, 4]], [[3, 4]], [[3, 4]]], unclipped: [[2, 5], [3, 4]] });
  assert.equal(fieldInWords(middle), "Rows 2 to 4, column 3. The whole field is 3 × 1, none of it padding.");
  const all = field({ box: [[0, 6], [0, 8]], mask: Array.from({ length: 6 }, () => [[0, 8]]), unclipped: null });
  assert.equal(fieldInWords(all), "Every pixel of the image.");
  assert.equal(fieldInWords(field({ box: null, mask: [], unclipped: null })), "No pixel of the image reaches this value.");
});

test("holes are counted and drawn as holes", () => {
  const holes = field({ box: [[0, 3], [1, 6]], mask: [[[1, 2], [5, 6]], [], [[1, 2], [5, 6]]], unclipped: null });
  assert.equal(pixelCount(holes), 4);
  assert.match(fieldInWords(holes), /It has holes: 4 of these 15 pixels\./);
  assert.equal(maskPath(holes), "M1 0H2V1H1ZM5 0H6V1H5ZM1 2H2V3H1ZM5 2H6V3H5Z");
});

test("equal rows are one rectangle", () => {
  assert.equal(maskPath(field({})), "M0 0H2V3H0Z");
  assert.equal(maskPath(field({ box: null, mask: [] })), "");
});

test("what is not exact says so, and why", () => {
  assert.match(fieldInWords(field({ status: "bound", causes: ["sort", "take"] })), /perhaps too large because of sort and take, never too small\.$/);
  assert.match(fieldInWords(field({ status: "unsupported", causes: ["svd"] })), /because of svd/);
});

test("the picture has room for the window of every cell of the layer, and stands still", () => {
  const here = surroundings(field({}), [3, 4]);
  assert.deepEqual(here, { rows: [-2, 7], columns: [-1, 8], cut: false });
  const there = surroundings(field({ unclipped: [[2, 7], [5, 8]] }), [3, 4]);
  assert.deepEqual(there, here);
});

test("windows much larger than the image are cut in the picture, which says so", () => {
  const large = surroundings(field({ unclipped: [[-50, 60], [-3, 20]], size: null, stride: null, start: null }), [1, 1]);
  assert.deepEqual(large, { rows: [-6, 12], columns: [-3, 16], cut: true });
});

test("the step from cell to cell", () => {
  assert.match(strideInWords(field({})), /2 pixels further/);
  assert.match(strideInWords(field({ stride: [1, 1] })), /1 pixel further/);
  assert.equal(strideInWords(field({ size: null })), "");
});
