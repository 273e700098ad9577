import assert from "node:assert/strict";
import { test } from "node:test";
import { blocks, blockTitle, connections, isVector, nameWithin, shapeInWords } from "../../static/js/core/graph.js";

/** @param {string} name @param {...string} inputs */
const node = (name, ...inputs) => ({ name, kind: "", module_path: name, call: 0, inputs, shape: [1, 8, 4, 4], parameters: 0, attributes: {} });

const network = [
  node("stem_convolution", "input"),
  node("stem_activation", "stem_convolution"),
  node("stage1.convolution1", "stem_activation"),
  node("stage1.convolution2", "stage1.convolution1"),
  node("stage1.shortcut.pool", "stem_activation"),
  node("stage1.shortcut.convolution", "stage1.shortcut.pool"),
  node("stage1.add", "stage1.convolution2", "stage1.shortcut.convolution"),
  node("linear", "stage1.add"),
];

test("operations are grouped by module, those of the network itself by where they are", () => {
  const groups = blocks(network);
  assert.deepEqual(groups.map(({ path, layers }) => [path, layers.length]), [["", 2], ["stage1", 5], ["", 1]]);
  assert.deepEqual(groups.map((block, index) => blockTitle(block, index === 2)), ["stem", "stage1", "head"]);
  assert.deepEqual(groups.flatMap(({ layers }) => layers), network, "nothing is lost or moved");
});

test("a module with too many operations is split into its own modules", () => {
  const many = Array.from({ length: 20 }, (_, index) => node(`stage.${index < 10 ? "a" : "b"}.convolution${index}`));
  assert.deepEqual(blocks(many).map(({ path, layers }) => [path, layers.length]), [["stage.a", 10], ["stage.b", 10]]);
});

test("connections that pass operations by get lanes that do not cross", () => {
  const { straight, detours, lanes } = connections(blocks(network)[1].layers);
  assert.deepEqual(straight, [true, true, false, true, true]);
  assert.deepEqual(detours.map(({ from, to }) => [from, to]), [[-1, 2], [1, 4]]);
  assert.equal(lanes, 2);
  assert.notEqual(detours[0].lane, detours[1].lane);
});

test("lanes are used again", () => {
  const line = [node("a", "x"), node("b", "x"), node("c", "x"), node("d", "b"), node("e", "c")];
  for (const [index, one] of connections(line).detours.entries()) {
    for (const other of connections(line).detours.slice(index + 1)) {
      const apart = one.to <= other.from || other.to <= one.from;
      assert.ok(apart || one.lane !== other.lane);
    }
  }
  assert.equal(connections([node("a", "x"), node("b", "a")]).lanes, 0);
});

test("names and shapes are as people read them", () => {
  assert.equal(nameWithin("stage1.shortcut.pool", "stage1"), "shortcut.pool");
  assert.equal(nameWithin("linear", ""), "linear");
  assert.equal(shapeInWords([1, 64, 14, 14]), "64 × 14 × 14");
  assert.ok(isVector([1, 345]) && isVector([1, 256, 1, 1]) && !isVector([1, 8, 2, 1]));
});
