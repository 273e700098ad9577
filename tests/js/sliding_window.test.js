import assert from "node:assert/strict";
import { test } from "node:test";
import { cellOf, hasWindow, outputUntil, reachOf, resultAt, spreadAt, stepCount, stepOf, windowAt } from "../../static/js/core/sliding_window.js";

/** @typedef {import("../../static/js/core/field_types.js").SlidingWindow} SlidingWindow */

/** Two rows of three, padded by one, under a kernel of 2 x 2 with stride 2. */
const convolution = /** @type {SlidingWindow} */ ({
  layer: "c",
  kind: "convolution",
  channel: 0,
  source: "input",
  input_channel: 1,
  input_channels: [0, 2],
  values: [[1, 2, 3], [4, 5, 6]],
  output: [[1.5, 14.5], [0, 0]],
  rows: [[[0, -1, null], [1, 0, 0]], [[0, 1, 1], [1, 2, null]]],
  columns: [[[0, -1, null], [1, 0, 0]], [[0, 1, 1], [1, 2, 2]]],
  kernel: [[1, 2], [3, 4]],
  bias: 0.5,
  others: [[-3, -4], [-5, -6]],
  count_padding: false,
  divisor: null,
});

test("what lies under the window, padding included", () => {
  const cells = windowAt(convolution, { row: 0, column: 0 });
  assert.deepEqual(cells.map(({ value }) => value), [0, 0, 0, 1]);
  assert.deepEqual(cells.map(({ padding }) => padding), [true, true, true, false]);
  assert.deepEqual(cells.map(({ product }) => product), [0, 0, 0, 4]);
  assert.deepEqual(reachOf(convolution), { rows: [-1, 3], columns: [-1, 3] });
});

test("a cell is the sum of its products, what others add, and the bias", () => {
  assert.deepEqual(resultAt(convolution, { row: 0, column: 0 }), { own: 4, others: -3, bias: 0.5, value: 1.5, network: 1.5, winner: null, divisor: null });
  assert.equal(resultAt(convolution, { row: 0, column: 1 }).value, 3 * 2 + 4 * 3 - 4 + 0.5);
});

test("steps go row by row, and the output fills with them", () => {
  assert.equal(stepCount(convolution), 4);
  assert.deepEqual(cellOf(convolution, 3), { row: 1, column: 1 });
  assert.equal(stepOf(convolution, { row: 1, column: 0 }), 2);
  assert.deepEqual(outputUntil(convolution, 1), [[1.5, 14.5], [Number.NaN, Number.NaN]]);
});

test("a pooling picks the first of the largest, and divides as it is set", () => {
  const pooling = /** @type {SlidingWindow} */ ({ ...convolution, kind: "max_pooling", values: [[-7, -2, -2], [4, 5, 6]], kernel: null, bias: null, others: null });
  assert.deepEqual([resultAt(pooling, { row: 0, column: 0 }).value, resultAt(pooling, { row: 0, column: 0 }).winner], [-7, 3]);
  assert.equal(resultAt(pooling, { row: 0, column: 1 }).winner, 2);
  const average = /** @type {SlidingWindow} */ ({ ...pooling, kind: "average_pooling" });
  assert.equal(resultAt(average, { row: 1, column: 0 }).value, 4);
  assert.equal(resultAt({ ...average, count_padding: true }, { row: 1, column: 0 }).value, 1);
  assert.equal(resultAt({ ...average, divisor: 8 }, { row: 1, column: 0 }).value, 0.5);
});

test("of a transposed convolution each cell is spread", () => {
  const transposed = /** @type {SlidingWindow} */ ({
    ...convolution,
    kind: "transposed_convolution",
    values: [[1, 2]],
    output: [[0, 0, 0], [0, 0, 0]],
    rows: [[[0, 0, 0]], [[1, 0, 0]]],
    columns: [[[0, 0, 0]], [[1, 0, 0], [0, 1, 1]], [[1, 1, 1]]],
  });
  assert.equal(stepCount(transposed), 2);
  assert.deepEqual(spreadAt(transposed, { row: 0, column: 1 }).map(({ row, column, product }) => [row, column, product]), [[0, 1, 2], [0, 2, 4], [1, 1, 6], [1, 2, 8]]);
  assert.deepEqual(outputUntil(transposed, 0), [[1, 2, 0], [3, 4, 0]]);
  assert.deepEqual(outputUntil(transposed, 1), [[1, 4, 4], [3, 10, 8]]);
});

test("layers with a window", () => {
  for (const kind of ["Conv2d", "conv1d", "MaxPool2d", "ConvTranspose2d", "adaptive_avg_pool2d"]) assert.ok(hasWindow(kind), kind);
  for (const kind of ["Linear", "ReLU", "Conv3d", "add"]) assert.ok(!hasWindow(kind), kind);
});
