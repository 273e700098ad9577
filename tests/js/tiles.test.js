import assert from "node:assert/strict";
import { test } from "node:test";
import { arrange } from "../../static/js/core/tiles.js";

test("tiles fit into their area, whatever it is", () => {
  for (let width = 1; width <= 400; width += 13) {
    for (let height = 1; height <= 400; height += 17) {
      for (const count of [1, 3, 32, 256]) {
        const { columns, rows, side, shown } = arrange(width, height, count, { gap: 3 });
        const words = `${width} x ${height}, ${count}`;
        assert.ok(shown <= count && shown <= columns * rows, words);
        if (shown > 0) {
          assert.ok(Number.isInteger(side) && side >= 1, words);
          assert.ok(columns * side + 3 * (columns - 1) <= width, words);
          assert.ok(rows * side + 3 * (rows - 1) <= height, words);
        }
      }
    }
  }
});

test("a flat area gets a row, a high one a column", () => {
  assert.equal(arrange(200, 30, 64).rows, 1);
  assert.equal(arrange(30, 200, 64).columns, 1);
});

test("all are shown where there are few", () => {
  assert.equal(arrange(300, 300, 4).shown, 4);
  assert.equal(arrange(300, 300, 1).side, 300);
});
