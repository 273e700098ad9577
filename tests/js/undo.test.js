import assert from "node:assert/strict";
import { test } from "node:test";
import { UndoHistory } from "../../static/js/core/undo.js";

test("undo and redo go back and forth", () => {
  const history = new UndoHistory("");
  history.push("a");
  history.push("ab");
  assert.equal(history.undo(), "a");
  assert.equal(history.undo(), "");
  assert.equal(history.undo(), "", "there is nothing before the first");
  assert.equal(history.redo(), "a");
  assert.ok(history.canUndo && history.canRedo);
});

test("a new state drops those that were undone", () => {
  const history = new UndoHistory(0);
  history.push(1);
  history.undo();
  history.push(2);
  assert.ok(!history.canRedo);
  assert.equal(history.redo(), 2);
  assert.equal(history.undo(), 0);
});

test("the oldest states are forgotten", () => {
  const history = new UndoHistory(0);
  for (let state = 1; state <= 1000; state += 1) history.push(state);
  let steps = 0;
  while (history.canUndo) {
    history.undo();
    steps += 1;
  }
  assert.equal(steps, 199);
});
