import assert from "node:assert/strict";
import { test } from "node:test";
import { boundingBox, fromLists, PAD_SIDE, pathData, pointCount, simplify, thin, toLists } from "../../static/js/core/geometry.js";

/** A seeded generator, so that a failure can be repeated (mulberry32). @param {number} seed */
function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** @param {number} points @param {number} seed */
function scribble(points, seed) {
  const next = random(seed);
  const stroke = { x: /** @type {number[]} */ ([]), y: /** @type {number[]} */ ([]), t: /** @type {number[]} */ ([]) };
  let [x, y] = [500, 500];
  for (let index = 0; index < points; index += 1) {
    x = Math.min(PAD_SIDE, Math.max(0, Math.round(x + (next() - 0.5) * 40)));
    y = Math.min(PAD_SIDE, Math.max(0, Math.round(y + (next() - 0.5) * 40)));
    stroke.x.push(x);
    stroke.y.push(y);
    stroke.t.push(index * 8);
  }
  return stroke;
}

/** @param {import("../../static/js/core/types.js").Stroke} line @param {number} x @param {number} y */
function distanceTo(line, x, y) {
  let least = Infinity;
  for (let index = 1; index < line.x.length; index += 1) {
    const [dx, dy] = [line.x[index] - line.x[index - 1], line.y[index] - line.y[index - 1]];
    const along = dx || dy ? ((x - line.x[index - 1]) * dx + (y - line.y[index - 1]) * dy) / (dx * dx + dy * dy) : 0;
    const share = Math.min(1, Math.max(0, along));
    least = Math.min(least, Math.hypot(x - line.x[index - 1] - share * dx, y - line.y[index - 1] - share * dy));
  }
  return least;
}

test("a simplified stroke stays within the tolerance of every point it left out", () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const stroke = scribble(300, seed);
    const before = structuredClone(stroke);
    for (const tolerance of [1, 5, 30]) {
      const simple = simplify(stroke, tolerance);
      assert.ok(simple.x.length <= stroke.x.length);
      assert.equal(simple.t[0], 0);
      assert.equal(simple.t.at(-1), stroke.t.at(-1));
      stroke.x.forEach((x, index) => assert.ok(distanceTo(simple, x, stroke.y[index]) <= tolerance + 1e-9));
    }
    assert.deepEqual(stroke, before, "the argument is as it was");
  }
});

test("a straight line needs its ends only", () => {
  assert.deepEqual(simplify({ x: [0, 10, 20, 30], y: [0, 10, 20, 30], t: [0, 1, 2, 3] }, 0.5), { x: [0, 30], y: [0, 30], t: [0, 3] });
});

test("a closed loop is not taken for a point", () => {
  assert.equal(simplify({ x: [0, 100, 0], y: [0, 100, 0], t: [0, 1, 2] }, 1).x.length, 3);
});

test("too many points are thinned to the limit, fewer are left alone", () => {
  const small = [scribble(50, 3)];
  assert.deepEqual(thin(small, 100), { drawing: small, thinned: false });
  const large = Array.from({ length: 10 }, (_, seed) => scribble(500, seed + 1));
  const { drawing, thinned } = thin(large, 1000);
  assert.ok(thinned);
  assert.ok(pointCount(drawing) <= 1000);
  assert.equal(drawing.length, 10, "no stroke is lost where simplifying is enough");
});

test("ten thousand dots keep within both limits", () => {
  const dots = Array.from({ length: 10_000 }, (_, index) => ({ x: [index % 1000], y: [5], t: [index] }));
  const { drawing, thinned } = thin(dots, 50, 200);
  assert.ok(thinned && drawing.length === 50);
});

test("the box holds every point", () => {
  assert.equal(boundingBox([]), null);
  assert.deepEqual(boundingBox([{ x: [3, 9], y: [4, 1], t: [0, 1] }, { x: [5], y: [7], t: [2] }]), { left: 3, top: 1, right: 9, bottom: 7 });
});

test("a drawing from lists is centred on the pad, in proportion", () => {
  const drawing = fromLists([[[0, 200], [0, 100]], [[100], [50]]]);
  const box = boundingBox(drawing);
  assert.ok(box);
  assert.equal(box.right - box.left, PAD_SIDE - 256);
  assert.ok(Math.abs((box.bottom - box.top) * 2 - (box.right - box.left)) <= 2);
  assert.ok(Math.abs(box.left + box.right - PAD_SIDE) <= 1);
  const times = drawing.flatMap(({ t }) => t);
  assert.deepEqual(times, [...times].sort((one, other) => one - other));
  assert.deepEqual(fromLists([]), []);
});

test("lists are those of Quick, Draw!", () => {
  assert.deepEqual(toLists([{ x: [1, 2], y: [3, 4], t: [0, 8] }]), [[[1, 2], [3, 4], [0, 8]]]);
});

test("a path maps points by scale and offset, and makes dots visible", () => {
  assert.equal(pathData([{ x: [0, 10], y: [0, 20], t: [0, 1] }], 0.5, { x: 1, y: 2 }), "M1 2L6 12");
  assert.equal(pathData([{ x: [4], y: [5], t: [0] }]), "M4 5L4 5");
});
