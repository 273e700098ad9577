import assert from "node:assert/strict";
import { test } from "node:test";
import { CompareSelection, openLayers, PAGE } from "../../static/js/core/compare_selection.js";
import { EMPTY_COMPARISON } from "../../static/js/core/compare_state.js";

/** @import {Compared} from "../../static/js/core/compare_selection.js" */
/** @import {LayerMaps, Model} from "../../static/js/core/types.js" */

/**
 * @param {string} name
 * @param {number[]} shape
 * @param {[number, number, number] | null} [field]  size, stride and start along both axes
 */
function node(name, shape, field = null) {
  const [size, stride, start] = field ?? [0, 0, 0];
  return {
    name, kind: "Conv2d", module_path: name, call: 0, inputs: [], shape: [1, ...shape], attributes: {}, parameters: 0,
    multiply_accumulates: 0, activation_bytes: 0, saved_for_backward_bytes: null,
    receptive_field: field && { size: [size, size], stride: [stride, stride], start: [start, start] },
  };
}

/**
 * @param {string} name
 * @param {Model["nodes"]} nodes
 * @param {number} [side]  of its images
 */
function model(name, nodes, side = 28) {
  return /** @type {Model} */ (/** @type {unknown} */ ({ name, title: name, version: "1", input_shape: [1, side, side], categories: ["cat", "dog", "sun"], nodes }));
}

const A = model("a", [node("flat", [4]), node("fine", [40, 28, 28], [3, 1, -1]), node("coarse", [8, 14, 14], [4, 2, -1]), node("logits", [3])]);
const B = model("b", [node("fine", [40, 28, 28], [3, 1, -1]), node("pooled", [16, 14, 14], [4, 2, -1]), node("logits", [3])]);
const MATCHES = new Map(
  [["flat", "fine", "depth"], ["fine", "fine", "name"], ["coarse", "pooled", "kind"], ["logits", "logits", "name"]].map(([layer, other, by]) => [
    layer,
    { layer, other_layer: other, matched_by: by, same_shape: by === "name" },
  ]),
);

/**
 * @param {string} name
 * @param {number[]} largest  value of each channel
 * @returns {LayerMaps}
 */
const maps = (name, largest) => ({
  name, channels: largest.length, height: 28, width: 28, data: new Uint8Array(), minimum: 0, maximum: Math.max(...largest),
  signed: false, channelMinimum: largest.map(() => 0), channelMaximum: largest, nonFinite: 0,
});

/** @param {Partial<Compared>} compared @param {Partial<Compared["state"]>} [state] */
const select = (compared, state = {}) =>
  new CompareSelection({ networks: { a: A, b: B }, matches: MATCHES, maps: { a: null, b: null }, difference: null, pointed: null, ...compared, state: { ...EMPTY_COMPARISON, mode: "models", ...state } });

test("the first layer with maps is open, and its counterpart", () => {
  assert.deepEqual(openLayers({ networks: { a: A, b: B }, matches: MATCHES, state: EMPTY_COMPARISON }), { a: "fine", b: "fine" });
  assert.deepEqual(openLayers({ networks: { a: A, b: A }, matches: null, state: { ...EMPTY_COMPARISON, layer: "coarse" } }), { a: "coarse", b: "coarse" });
  assert.deepEqual(openLayers({ networks: { a: A, b: B }, matches: MATCHES, state: { ...EMPTY_COMPARISON, layer: "coarse" } }), { a: "coarse", b: "pooled" });
  assert.deepEqual(openLayers({ networks: { a: A, b: B }, matches: MATCHES, state: { ...EMPTY_COMPARISON, layer: "coarse", otherLayer: "fine" } }), { a: "coarse", b: "fine" });
  assert.deepEqual(openLayers({ networks: { a: A, b: B }, matches: MATCHES, state: { ...EMPTY_COMPARISON, layer: "gone", otherLayer: "gone" } }), { a: "fine", b: "fine" });
});

test("without a choice the channel that differs most is open, on each page the first", () => {
  const largest = Array.from({ length: 40 }, (_, channel) => channel);
  const compared = { maps: { a: maps("fine", largest), b: maps("fine", largest) }, difference: maps("fine", largest) };
  assert.deepEqual(select(compared).open, { a: 39, b: 39 });
  assert.deepEqual(select(compared, { page: 2 }).open, { a: 39 - PAGE, b: 39 - PAGE });
  assert.deepEqual(select(compared, { sort: "order" }).open, { a: 0, b: 0 });
  assert.deepEqual(select(compared, { layer: "fine", channel: 7 }).open, { a: 7, b: 7 });
  assert.equal(select({ ...compared, difference: maps("coarse", largest) }).difference, null, "of another layer");
});

test("layers of one shape share the cell, others have the one at the same place", () => {
  const cell = { side: /** @type {const} */ ("a"), row: 5, column: 27 };
  assert.deepEqual(select({}, { layer: "fine", cell }).cells, { a: { row: 5, column: 27 }, b: { row: 5, column: 27 } });
  const apart = select({}, { layer: "fine", otherLayer: "pooled", cell });
  assert.deepEqual(apart.cells, { a: { row: 5, column: 27 }, b: { row: 2, column: 13 } });
  assert.equal(apart.centresApart, Math.hypot(0.5, 0.5));
  const back = select({}, { layer: "fine", otherLayer: "pooled", cell: { side: "b", row: 2, column: 13 } });
  assert.deepEqual(back.cells.b, { row: 2, column: 13 });
  assert.ok((back.centresApart ?? 9) <= Math.hypot(0.5, 0.5));
});

test("images of two sizes, and what is not there, link no cells", () => {
  const cell = { side: /** @type {const} */ ("a"), row: 5, column: 9 };
  const other = model("b", B.nodes, 56);
  assert.equal(select({ networks: { a: A, b: other } }, { layer: "fine", otherLayer: "pooled", cell }).cells.b, null);
  assert.deepEqual(select({}, { layer: "coarse", cell: { ...cell, row: 20 } }).cells, { a: null, b: null });
});

test("the cell of a vector is its channel, with the name of its category", () => {
  const chosen = select({}, { layer: "logits", channel: 2 });
  assert.deepEqual(chosen.cells, { a: { row: 1, column: 0 }, b: { row: 1, column: 0 } });
  assert.equal(chosen.layers.a.placeInWords({ row: 1, column: 0 }), "channel 2: sun");
  assert.equal(chosen.layers.a.has({ row: 1, column: 1 }), false, "the square is not full");
  assert.deepEqual(select({ pointed: { side: "b", row: 0, column: 1 } }, { layer: "logits", channel: 2 }).cells.a, { row: 0, column: 1 });
});
