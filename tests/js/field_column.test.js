import assert from "node:assert/strict";
import { test } from "node:test";
import { columnSteps, forks } from "../../static/js/core/field_column.js";
import { closedField, enlargement } from "../../static/js/core/receptive_field.js";
import { boxInWords, regionPath, sizeInWords } from "../../static/js/core/regions.js";

/** @typedef {import("../../static/js/core/field_types.js").ColumnPart} ColumnPart */

/**
 * @param {string} layer
 * @param {string} kind
 * @param {number} depth
 * @param {string[]} inputs
 * @param {number} side
 * @returns {ColumnPart}
 */
const part = (layer, kind, depth, inputs, side) => ({ layer, kind, depth, inputs, shape: [4, 8, 8], box: [[0, side], [0, side]], mask: null, cells: side * side, channels: [[0, 4]], channel: 0 });

/** A residual block, the deepest first. */
const BLOCK = [part("add", "add", 4, ["norm", "short"], 1), part("norm", "BatchNorm2d", 3, ["conv"], 1), part("conv", "Conv2d", 2, ["relu"], 1), part("short", "Conv2d", 2, ["relu"], 1), part("relu", "ReLU", 1, ["input"], 3), part("input", "Input", 0, [], 3)];

test("steps go from the image to the value, and ways of equal depth stand together", () => {
  const { steps, hidden } = columnSteps(BLOCK, false);
  assert.deepEqual(steps.map(({ cells }) => cells.map((cell) => cell.part.layer)), [["input"], ["conv", "short"], ["add"]]);
  assert.deepEqual(steps[1].cells.map(({ beside }) => beside), [true, true]);
  assert.equal(hidden, 2);
  assert.equal(columnSteps(BLOCK, true).hidden, 0);
  assert.equal(columnSteps(BLOCK, true).steps.length, 5);
  assert.deepEqual(forks(BLOCK), ["relu"]);
});

test("regions as paths and in words", () => {
  assert.equal(regionPath({ box: [[1, 3], [2, 4]], mask: null }), "M2 1H4V3H2Z");
  assert.equal(regionPath({ box: [[0, 3], [0, 3]], mask: [[[0, 1], [2, 3]], [], [[0, 3]]] }), "M0 0H1V1H0ZM2 0H3V1H2ZM0 2H3V3H0Z");
  assert.equal(regionPath({ box: null, mask: null }), "");
  assert.equal(boxInWords([[1, 2], [4, 7]]), "row 1, columns 4–6");
  assert.equal(sizeInWords({ box: [[0, 5], [0, 5]], mask: [], cells: 9 }, [14, 14]), "5 × 5 of 14 × 14, 9 cells");
  assert.equal(sizeInWords({ box: [[0, 8], [0, 8]], mask: null, cells: 64 }, [8, 8]), "all 8 × 8");
});

test("the closed form gives the box at once, clipped to the image", () => {
  const form = { size: [5, 5], stride: [2, 2], start: [-2, -2] };
  const unit = { layer: "a", channel: 0, y: 0, x: 3, kind: "Conv2d", shape: [1, 4, 8, 8] };
  const field = closedField(form, unit, [16, 16]);
  assert.deepEqual([field?.box, field?.unclipped], [[[0, 3], [4, 9]], [[-2, 3], [4, 9]]]);
  assert.equal(field?.mask.length, 3);
  assert.equal(closedField(form, { ...unit, shape: [1, 4] }, [16, 16]), null);
});

test("a small field on a large image is shown enlarged", () => {
  const field = closedField({ size: [7, 7], stride: [2, 2], start: [-3, -3] }, { layer: "a", channel: 0, y: 10, x: 0, kind: "Conv2d", shape: [1, 4, 112, 112] }, [224, 224]);
  assert.ok(field);
  assert.deepEqual(enlargement(field), { rows: [13, 27], columns: [-7, 7] });
  assert.equal(enlargement({ ...field, input_shape: [28, 28] }), null);
  assert.equal(enlargement({ ...field, unclipped: [[0, 100], [0, 100]] }), null);
});
