/** Folding: groups by module, runs of shared modules apart, connections kept. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { foldedMap, groupsAround, groupsIn, groupTree, unfoldedAtFirst } from "../../static/js/core/fold.js";

/** @param {[string, ...string[]][]} rows  name, then its inputs */
function network(rows) {
  return rows.map(([name, ...inputs]) => ({
    name, inputs, kind: "", module_path: name, call: 0, shape: [1, 2, 3, 3], parameters: 0, attributes: {},
    multiply_accumulates: 0, activation_bytes: 0, saved_for_backward_bytes: null, receptive_field: null,
  }));
}

const RESIDUAL = network([
  ["stem", "input"],
  ["stage.0.convolution", "stem"],
  ["stage.0.normalisation", "stage.0.convolution"],
  ["stage.0.add", "stage.0.normalisation", "stem"],
  ["stage.1.convolution", "stage.0.add"],
  ["stage.1.add", "stage.1.convolution", "stage.0.add"],
  ["linear", "stage.1.add"],
]);

test("groups are the modules that hold several operations, nested", () => {
  const tree = groupTree(RESIDUAL);
  assert.deepEqual(groupsIn(tree).map(({ id, first, last }) => [id, first, last]), [["stage", 1, 6], ["stage.0", 1, 4], ["stage.1", 4, 6]]);
  assert.deepEqual(groupsAround(tree, 3), ["stage", "stage.0"]);
  assert.deepEqual(groupsAround(tree, 0), []);
});

test("a folded group has the connections of what it holds, none twice and none to itself", () => {
  const tree = groupTree(RESIDUAL);
  const folded = foldedMap(RESIDUAL, tree, new Set());
  assert.deepEqual(folded.items.map(({ id, layers }) => [id, layers]), [["stem", 1], ["stage", 5], ["linear", 1]]);
  assert.deepEqual(folded.connections, [{ from: "input", to: "stem" }, { from: "stem", to: "stage" }, { from: "stage", to: "linear" }]);
  const blocks = foldedMap(RESIDUAL, tree, new Set(["stage"]));
  assert.deepEqual(blocks.items.map(({ id, within }) => [id, within]), [["stem", []], ["stage.0", ["stage"]], ["stage.1", ["stage"]], ["linear", []]]);
  assert.equal(blocks.items[1].node.name, "stage.0.add");
});

test("unfolding everything gives every operation and every connection", () => {
  const tree = groupTree(RESIDUAL);
  const { items, connections } = foldedMap(RESIDUAL, tree, new Set(groupsIn(tree).map(({ id }) => id)));
  assert.deepEqual(items.map(({ id }) => id), RESIDUAL.map(({ name }) => name));
  assert.equal(connections.length, RESIDUAL.flatMap(({ inputs }) => inputs).length);
});

test("a module that runs twice is two groups, so that the map has no cycle", () => {
  const nodes = network([
    ["shared.convolution", "input"], ["shared.activation", "shared.convolution"],
    ["pooling", "shared.activation"],
    ["shared.convolution@1", "pooling"], ["shared.activation@1", "shared.convolution@1"],
  ]);
  const { items, connections } = foldedMap(nodes, groupTree(nodes), new Set());
  assert.deepEqual(items.map(({ id }) => id), ["shared", "pooling", "shared#2"]);
  const place = new Map(items.map(({ id }, index) => [id, index]));
  for (const { from, to } of connections) assert.ok((place.get(from) ?? -1) < (place.get(to) ?? -1));
});

test("a map opens with whole levels unfolded while it is legible", () => {
  const tree = groupTree(RESIDUAL);
  assert.deepEqual([...unfoldedAtFirst(tree, 7)], ["stage", "stage.0", "stage.1"]);
  assert.deepEqual([...unfoldedAtFirst(tree, 6)], ["stage"]);
  assert.deepEqual([...unfoldedAtFirst(tree, 3)], []);
});

test("a module that holds only another one is shown as that one", () => {
  const nodes = network([["features.block.a", "input"], ["features.block.b", "features.block.a"]]);
  assert.deepEqual(groupsIn(groupTree(nodes)).map(({ id }) => id), ["features.block"]);
});
