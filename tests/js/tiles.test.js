import assert from "node:assert/strict";
import { test } from "node:test";
import { arrange, arrangeWithCounter,  } from "../../static/js/core/tiles.js";

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

test("a counter stands beside the tiles or below them, whichever leaves them more", () => {
  const counter = { width: 25, height: 14 };
  const high = arrangeWithCounter(130, 240, 32, counter, 3);
  assert.ok(high.shown < 32);
  assert.ok(high.columns * (high.side + 3) - 3 > 130 - 25, "the width is the tiles', not the counter's");
  assert.ok(high.rows * (high.side + 3) - 3 <= 240 - 14);
  const flat = arrangeWithCounter(120, 36, 64, counter, 3);
  assert.ok(flat.columns * (flat.side + 3) - 3 <= 120 - 25);
  assert.equal(flat.side > 22, true);
  const few = arrangeWithCounter(200, 60, 3, counter, 3);
  assert.deepEqual(few, arrange(200, 60, 3, { gap: 3 }), "nothing is hidden, so nothing is counted");
});
