import assert from "node:assert/strict";
import { test } from "node:test";
import { cellAt, fieldCentre, linkedCell, placed } from "../../static/js/core/linked_cells.js";

/**
 * @param {number} cells
 * @param {number} size
 * @param {number} stride
 * @param {number} start
 */
function layer(cells, size, stride, start) {
  const found = placed({ shape: [1, 8, cells, cells], receptive_field: { size: [size, size], stride: [stride, stride], start: [start, start] } });
  assert.ok(found);
  return found;
}

const image = layer(28, 1, 1, 0);
const padded = layer(28, 3, 1, -1);
const pooled = layer(14, 4, 2, -1);

test("padding moves no centre", () => {
  assert.deepEqual(fieldCentre(image, { row: 3, column: 5 }), [3.5, 5.5]);
  assert.deepEqual(fieldCentre(padded, { row: 3, column: 5 }), [3.5, 5.5]);
  assert.deepEqual(fieldCentre(pooled, { row: 0, column: 1 }), [1, 3]);
});

test("every cell links to itself in a layer like its own", () => {
  for (const one of [image, padded, pooled]) {
    for (let row = 0; row < one.shape[0]; row += 1) {
      assert.deepEqual(linkedCell(one, one, { row, column: 0 }), { cell: { row, column: 0 }, apart: [0, 0] });
    }
  }
});

test("a coarser layer has the cell whose field is nearest, and no other is nearer", () => {
  for (const to of [pooled, layer(7, 10, 4, -3), layer(2, 51, 8, -18)]) {
    for (let row = 0; row < 28; row += 1) {
      const found = linkedCell(padded, to, { row, column: 0 });
      assert.ok(found);
      const distances = Array.from({ length: to.shape[0] }, (_, index) => Math.abs(fieldCentre(to, { row: index, column: 0 })[0] - (row + 0.5)));
      assert.equal(Math.abs(found.apart[0]), Math.min(...distances));
      assert.equal(found.cell.row, distances.indexOf(Math.min(...distances)), "the first of two equally near");
    }
  }
});

test("what lies beyond belongs to the outermost cells", () => {
  assert.deepEqual(cellAt(pooled, [-50, 500]), { row: 0, column: 13 });
});

test("vectors, and layers without a field of one form, have no places", () => {
  const field = { size: [28, 28], stride: [1, 1], start: [0, 0] };
  assert.equal(placed({ shape: [1, 345], receptive_field: field }), null);
  assert.equal(placed({ shape: [1, 8, 7, 7], receptive_field: null }), null);
  assert.equal(placed({ shape: [1, 8, 7, 7], receptive_field: { ...field, stride: [0, 0] } }), null);
  assert.equal(linkedCell(null, image, { row: 0, column: 0 }), null);
});
