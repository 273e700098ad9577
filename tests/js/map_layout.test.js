/** Maps laid out from the inside to the outside. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as dagre from "@dagrejs/dagre";

import { flatWith, layOut } from "../../static/js/core/map_layout.js";
import { curves, overlap } from "../../static/js/core/map_view.js";

// The package is loaded as CommonJS here: its names are on the default export.
const flat = flatWith(/** @type {any} */ (dagre.default ?? dagre));
const SIZE = { width: 100, height: 60 };

/** A chain of residual blocks, each a group: two operations and an addition. @param {number} count */
function residual(count) {
  const items = [{ id: "input", ...SIZE, parent: /** @type {string | null} */ (null) }];
  const groups = [{ id: "stage", parent: /** @type {string | null} */ (null) }];
  const connections = [];
  let before = "input";
  for (let index = 0; index < count; index += 1) {
    const block = `stage.${index}`;
    groups.push({ id: block, parent: "stage" });
    for (const name of ["one", "two", "add"]) items.push({ id: `${block}.${name}`, ...SIZE, parent: block });
    connections.push({ from: before, to: `${block}.one` }, { from: `${block}.one`, to: `${block}.two` }, { from: `${block}.two`, to: `${block}.add` }, { from: before, to: `${block}.add` });
    before = `${block}.add`;
  }
  items.push({ id: "head", ...SIZE, parent: null });
  connections.push({ from: before, to: "head" });
  return { id: 1, items, groups, connections };
}

/** @param {import("../../static/js/core/map_view.js").MapBox} outer @param {import("../../static/js/core/map_view.js").MapBox} inner */
const holds = (outer, inner) => outer.x < inner.x && outer.y < inner.y && outer.x + outer.width > inner.x + inner.width && outer.y + outer.height > inner.y + inner.height;

test("nothing overlaps, frames hold what is theirs and nothing else, and all runs from left to right", () => {
  const request = residual(6);
  const answer = layOut(request, flat);
  const boxes = [...answer.items.values()];
  assert.equal(boxes.length, request.items.length);
  boxes.forEach((box, index) => boxes.slice(index + 1).forEach((other) => assert.ok(!overlap(box, other))));
  for (const { id, parent } of request.items) {
    const box = /** @type {import("../../static/js/core/map_view.js").MapBox} */ (answer.items.get(id));
    for (const [group, frame] of answer.groups) {
      const inside = parent !== null && (parent === group || group === "stage");
      assert.equal(overlap(frame, box), inside, `${id} in ${group}`);
      if (inside) assert.ok(holds(frame, box), `${group} holds ${id}`);
    }
  }
  for (const { from, to, points } of answer.connections) {
    const [start, end] = [/** @type {any} */ (answer.items.get(from)), /** @type {any} */ (answer.items.get(to))];
    assert.deepEqual(points[0], { x: start.x + start.width, y: start.y + start.height / 2 }, `${from} to ${to} starts`);
    assert.deepEqual(points.at(-1), { x: end.x, y: end.y + end.height / 2 }, `${from} to ${to} ends`);
    points.slice(1).forEach(({ x }, index) => assert.ok(x >= points[index].x, `${from} to ${to} runs back`));
  }
});

/** Places along a route as it is drawn. @param {import("../../static/js/core/map_view.js").MapPoint[]} points */
function along(points) {
  return curves(points).flatMap(([one, two, end], index) => {
    const start = points[index];
    return [0.1, 0.3, 0.5, 0.7, 0.9, 1].map((share) => {
      const rest = 1 - share;
      /** @param {"x" | "y"} axis */
      const at = (axis) => rest ** 3 * start[axis] + 3 * rest ** 2 * share * one[axis] + 3 * rest * share ** 2 * two[axis] + share ** 3 * end[axis];
      return { x: at("x"), y: at("y") };
    });
  });
}

test("routes, as they are drawn, cross no item that they do not touch", () => {
  const answer = layOut(residual(3), flat);
  for (const { from, to, points } of answer.connections) {
    for (const [id, box] of answer.items) {
      if (id === from || id === to) continue;
      for (const { x, y } of along(points)) assert.ok(!(x > box.x && x < box.x + box.width && y > box.y && y < box.y + box.height), `${from} to ${to} runs through ${id}`);
    }
  }
});

test("blocks that are alike are laid out once", () => {
  let runs = 0;
  /** @type {import("../../static/js/core/map_layout.js").LayOutFlat} */
  const counted = (sizes, edges) => {
    runs += 1;
    return flat(sizes, edges);
  };
  /** @type {[number, number][]} */
  const told = [];
  const answer = layOut(residual(50), counted, (done, all) => told.push([done, all]));
  assert.equal(runs, 3, "the block, the stage, the whole");
  assert.equal(answer.groups.size, 51);
  assert.deepEqual(told.at(-1), [52, 52]);
});

test("a module and an operation may be called the same", () => {
  const answer = layOut(
    {
      id: 7,
      items: [
        { id: "add", ...SIZE, parent: null },
        { id: "add.inner", ...SIZE, parent: "add" },
        { id: "add.other", ...SIZE, parent: "add" },
      ],
      groups: [{ id: "add", parent: null }],
      connections: [
        { from: "add", to: "add.inner" },
        { from: "add.inner", to: "add.other" },
        { from: "add", to: "add.other" },
      ],
    },
    flat,
  );
  assert.equal(answer.items.size, 3);
  assert.equal(answer.groups.size, 1);
  assert.ok(!overlap(/** @type {any} */ (answer.items.get("add")), /** @type {any} */ (answer.groups.get("add"))));
});
