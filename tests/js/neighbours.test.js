/** What feeds what on the map, and what is the same module. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { foldedMap, groupTree } from "../../static/js/core/fold.js";
import { joinOf } from "../../static/js/core/graph.js";
import { Neighbours } from "../../static/js/core/neighbours.js";

/** @param {string} name @param {string} path @param {string[]} inputs @param {string} [kind] */
const layer = (name, path, inputs, kind = "Conv2d") => ({ name, kind, module_path: path, call: 0, inputs, shape: [1, 8, 14, 14], attributes: {}, parameters: 0 });

test("a shared module's runs know each other; what feeds an item and what it feeds are lit", () => {
  const nodes = [layer("first", "first", ["input"]), layer("shared", "shared", ["first"]), layer("shared@1", "shared", ["shared"]), layer("add", "", ["shared@1", "first"], "add")];
  const { items, connections } = foldedMap(nodes, groupTree(nodes), new Set());
  const neighbours = new Neighbours(items, connections);
  assert.deepEqual(neighbours.twins("shared"), ["shared@1"]);
  assert.deepEqual([neighbours.run("shared"), neighbours.run("shared@1")], [0, 1]);
  assert.deepEqual(neighbours.twins("add"), [], "an operation outside of modules is shared by none");
  assert.deepEqual(neighbours.before("first"), [], "what the network is given is no item");
  assert.deepEqual(neighbours.after("first"), ["shared", "add"]);
  assert.ok(neighbours.feeds("first", "add"));
  assert.ok(!neighbours.feeds("add", "first"));
  assert.deepEqual(Object.fromEntries(neighbours.around("shared@1")), { shared: "in", add: "out" });
  assert.deepEqual(Object.fromEntries(neighbours.around("first")), { shared: "out", add: "out" });
});

test("joins are told from other operations, however they were called", () => {
  for (const kind of ["add", "add_", "__add__", "iadd"]) assert.equal(joinOf(kind)?.sign, "+", kind);
  assert.equal(joinOf("cat")?.sign, "concat");
  assert.equal(joinOf("mul_")?.sign, "×");
  for (const kind of ["Conv2d", "relu", "address"]) assert.equal(joinOf(kind), null, kind);
});
