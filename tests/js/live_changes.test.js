import assert from "node:assert/strict";
import { test } from "node:test";
import { changesBetween, isOpenAfter } from "../../static/js/core/live_changes.js";

/** @import {Change} from "../../static/js/core/live_changes.js" */
/** @import {Drawing, Stroke} from "../../static/js/core/types.js" */

/** @param {number[][]} points @returns {Stroke} */
const stroke = (points) => ({ x: points.map(([x]) => x), y: points.map(([, y]) => y), t: points.map((_, index) => index) });

/**
 * What a server makes of changes, as docs/live.md has them.
 *
 * @param {[number[], number[]][]} there
 * @param {Change[]} changes
 * @param {boolean} open
 */
function applied(there, changes, open) {
  let drawing = there.map(([x, y]) => /** @type {[number[], number[]]} */ ([[...x], [...y]]));
  let isOpen = open;
  for (const change of changes) {
    if (change.change === "begin") drawing.push([[...change.x], [...change.y]]);
    else if (change.change === "replace") drawing = change.drawing.map(([x, y]) => [[...x], [...y]]);
    else if (change.change === "clear") drawing = [];
    else if (change.change === "extend") {
      assert.ok(isOpen, "the last stroke may be extended");
      drawing[drawing.length - 1][0].push(...change.x);
      drawing[drawing.length - 1][1].push(...change.y);
    } else {
      assert.ok(drawing.length > 0, "there is a stroke to take away");
      drawing.pop();
    }
    isOpen = isOpenAfter([change], isOpen);
  }
  return { drawing, isOpen };
}

/** @param {Drawing} drawing @returns {[number[], number[]][]} */
const lists = (drawing) => drawing.map(({ x, y }) => [x, y]);

const A = stroke([[1, 1], [2, 2], [3, 3]]);
const B = stroke([[9, 9], [8, 8]]);
const C = stroke([[5, 5]]);

test("a stroke that grows is extended by what is new of it", () => {
  const [start, more] = [stroke([[9, 9]]), stroke([[9, 9], [8, 8], [7, 7]])];
  assert.deepEqual(changesBetween([A, start], [A, more], true), [{ change: "extend", x: [8, 7], y: [8, 7] }]);
  assert.deepEqual(changesBetween([A, start], [A, more], false), [{ change: "undo" }, { change: "begin", x: more.x, y: more.y }]);
});

test("a new stroke is begun, an old one taken away, nothing is no change", () => {
  assert.deepEqual(changesBetween([A], [A, B], true), [{ change: "begin", x: B.x, y: B.y }]);
  assert.deepEqual(changesBetween([A, B], [A], true), [{ change: "undo" }]);
  assert.deepEqual(changesBetween([A, B], [A, stroke([[9, 9], [8, 8]])], true), []);
  assert.deepEqual(changesBetween([A, B], [], true), [{ change: "clear" }]);
  assert.deepEqual(changesBetween([], [], false), []);
});

test("what is not known is replaced", () => {
  assert.deepEqual(changesBetween(null, [A], true), [{ change: "replace", drawing: [[A.x, A.y]] }]);
  assert.deepEqual(changesBetween(null, [], true), [{ change: "clear" }]);
  assert.deepEqual(changesBetween([A, B], [C], true), [{ change: "replace", drawing: [[C.x, C.y]] }]);
});

test("the changes of any sequence of drawings give each of them", () => {
  let seed = 7;
  const random = (/** @type {number} */ below) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return Math.floor((seed / 2147483648) * below);
  };
  /** @type {Drawing} */
  let before = [];
  /** @type {[number[], number[]][]} */
  let there = [];
  let open = false;
  for (let round = 0; round < 500; round += 1) {
    /** @type {Drawing} */
    const after = before.slice(0, Math.max(0, before.length - random(3)));
    const last = before.at(-1);
    if (last && after.length === before.length && random(2)) {
      after[after.length - 1] = { x: [...last.x, round], y: [...last.y, random(9)], t: [...last.t, 0] };
    }
    while (random(3) === 0) after.push(stroke(Array.from({ length: 1 + random(4) }, () => [random(50), random(50)])));
    if (random(40) === 0) after.length = 0;
    const changes = changesBetween(before, after, open);
    const done = applied(there, changes, open);
    assert.deepEqual(done.drawing, lists(after));
    assert.equal(done.isOpen, isOpenAfter(changes, open));
    [before, there, open] = [after, done.drawing, done.isOpen];
  }
});
