import assert from "node:assert/strict";
import { test } from "node:test";
import { EMPTY_COMPARISON, formatComparison, parseComparison } from "../../static/js/core/compare_state.js";

/** @type {import("../../static/js/core/compare_state.js").CompareState} */
const FULL = {
  mode: "models",
  model: "doodle-classifier",
  other: "my model & co",
  layer: "stage1.add",
  otherLayer: "layer1.0@1",
  channel: 3,
  otherChannel: 12,
  cell: { side: "b", row: 4, column: 0 },
  sort: "order",
  range: "channel",
  page: 2,
  a: "AbC-_",
  b: "",
};

test("a link brings back what it was made of", () => {
  for (const state of [EMPTY_COMPARISON, FULL, { ...FULL, cell: { side: /** @type {const} */ ("a"), row: 1, column: 2 } }]) {
    assert.deepEqual(parseComparison(formatComparison(state)), state);
  }
  const drawings = { ...FULL, mode: /** @type {const} */ ("drawings"), other: null, otherLayer: null, b: "xyz" };
  assert.deepEqual(parseComparison(formatComparison(drawings)), drawings);
  assert.equal(formatComparison(EMPTY_COMPARISON), "");
});

test("what one mode does not show is not in its link", () => {
  assert.doesNotMatch(formatComparison({ ...FULL, b: "hidden" }), /hidden/);
  assert.doesNotMatch(formatComparison({ ...FULL, mode: "drawings" }), /other=/);
});

test("what cannot be read is as if it were not there", () => {
  assert.deepEqual(parseComparison("#mode=both&sort=size&page=-3&channel=x&cell=1,2&other-layer=x"), EMPTY_COMPARISON);
  assert.equal(parseComparison("layer=a&channel=2&cell=1").cell, null);
  assert.equal(parseComparison("page=0").page, 1);
});
