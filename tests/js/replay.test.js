import assert from "node:assert/strict";
import { test } from "node:test";
import { drawingAt, duration, LONGEST_PAUSE, timeline } from "../../static/js/core/replay.js";

const drawing = [
  { x: [0, 100], y: [0, 0], t: [5000, 5100] },
  { x: [7], y: [7], t: [65_100] },
];

test("a timeline begins at 0 and shortens long pauses only", () => {
  const line = timeline(drawing);
  assert.deepEqual(line.map(({ t }) => t), [[0, 100], [100 + LONGEST_PAUSE]]);
  assert.equal(duration(line), 100 + LONGEST_PAUSE);
  assert.equal(drawing[0].t[0], 5000, "the argument is as it was");
  assert.equal(duration(timeline([])), 0);
});

test("the pen is between two points in between their times", () => {
  const line = timeline(drawing);
  assert.deepEqual(drawingAt(line, 50), [{ x: [0, 50], y: [0, 0], t: [0, 50] }]);
  assert.deepEqual(drawingAt(line, 0), [{ x: [0, 0], y: [0, 0], t: [0, 0] }]);
  assert.deepEqual(drawingAt(line, duration(line)), line);
  assert.deepEqual(drawingAt(line, -1), []);
});
