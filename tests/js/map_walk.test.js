import assert from "node:assert/strict";
import { test } from "node:test";

import { walkedTo } from "../../static/js/core/map_walk.js";
import { Neighbours } from "../../static/js/core/neighbours.js";

/** A stem, two branches one above the other, and their join. @param {string} id */
const item = (id) => /** @type {import("../../static/js/core/fold.js").MapItem} */ (/** @type {unknown} */ ({ id, group: null, within: [], layers: 1, node: { name: id, kind: "Conv2d", module_path: id, call: 0, inputs: [], shape: [1] } }));
const items = ["stem", "above", "below", "join"].map(item);
const [stem, above, below, join] = items;
const box = (/** @type {number} */ x, /** @type {number} */ y) => ({ x, y, width: 100, height: 80 });
const boxes = new Map([["stem", box(0, 50)], ["above", box(200, 0)], ["below", box(200, 100)], ["join", box(400, 50)]]);
const neighbours = new Neighbours(items, [
  { from: "stem", to: "above" },
  { from: "stem", to: "below" },
  { from: "above", to: "join" },
  { from: "below", to: "join" },
]);
/** @param {string} key @param {import("../../static/js/core/fold.js").MapItem} from */
const go = (key, from) => walkedTo(key, from, items, boxes, neighbours);

test("right and left follow the connections", () => {
  assert.equal(go("ArrowRight", stem), "above");
  assert.equal(go("ArrowRight", below), "join");
  assert.equal(go("ArrowLeft", join), "above");
  assert.equal(go("ArrowLeft", below), "stem");
  assert.equal(go("ArrowRight", join), null);
});

test("up and down go to the nearest item there, or nowhere", () => {
  assert.equal(go("ArrowDown", above), "below");
  assert.equal(go("ArrowUp", below), "above");
  assert.equal(go("ArrowUp", above), null);
});

test("home and end are the first and the last that run; other keys lead nowhere", () => {
  assert.equal(go("Home", join), "stem");
  assert.equal(go("End", stem), "join");
  assert.equal(go("x", stem), undefined);
});
