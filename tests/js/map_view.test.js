/** Panning and zooming a map. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { between, bringing, cameraOf, curvePath, fitting, LARGEST, opening, overlap, SMALLEST, smallestScale, viewOf, visiblePart, zoomed } from "../../static/js/core/map_view.js";

const FRAME = { width: 1000, height: 500 };

test("zooming keeps the point under the pointer, within its limits", () => {
  const view = { scale: 0.5, x: 40, y: -30 };
  const after = zoomed(view, 1.7, { x: 300, y: 200 });
  assert.ok(Math.abs((300 - view.x) / view.scale - (300 - after.x) / after.scale) < 1e-9);
  assert.ok(Math.abs((200 - view.y) / view.scale - (200 - after.y) / after.scale) < 1e-9);
  assert.equal(zoomed(view, 1e9, { x: 0, y: 0 }).scale, LARGEST);
  assert.equal(zoomed(view, 1e-9, { x: 0, y: 0 }).scale, SMALLEST);
});

test("a part that fits is in the middle, whole", () => {
  const part = { x: 100, y: 50, width: 3000, height: 200 };
  const seen = visiblePart(fitting(part, FRAME), FRAME);
  assert.ok(seen.x <= part.x && seen.x + seen.width >= part.x + part.width);
  assert.ok(Math.abs(seen.x + seen.width / 2 - (part.x + part.width / 2)) < 1e-6);
  assert.ok(Math.abs(seen.y + seen.height / 2 - (part.y + part.height / 2)) < 1e-6);
});

test("a long map opens at its beginning, legible; a short one whole", () => {
  assert.ok(opening({ width: 40_000, height: 300 }, FRAME).scale >= 0.7);
  assert.equal(opening({ width: 40_000, height: 300 }, FRAME).x, 24);
  const seen = visiblePart(opening({ width: 800, height: 300 }, FRAME), FRAME);
  assert.ok(seen.x <= 0 && seen.x + seen.width >= 800);
});

test("bringing into the frame moves no more than is needed", () => {
  const view = { scale: 1, x: 0, y: 0 };
  assert.deepEqual(bringing(view, { x: 100, y: 100, width: 50, height: 50 }, FRAME), view);
  const right = bringing(view, { x: 1500, y: 100, width: 100, height: 50 }, FRAME);
  assert.equal(right.x, 1000 - 32 - 1600);
  assert.equal(right.y, 0);
  assert.equal(bringing(view, { x: -500, y: 0, width: 100, height: 50 }, FRAME).x, 532);
});

test("boxes that only touch do not overlap", () => {
  const box = { x: 0, y: 0, width: 10, height: 10 };
  assert.equal(overlap(box, { x: 10, y: 0, width: 5, height: 5 }), false);
  assert.equal(overlap(box, { x: 9, y: 9, width: 5, height: 5 }), true);
});

test("a path begins and ends at its points, level at each of them", () => {
  assert.equal(curvePath([{ x: 0, y: 0 }]), "");
  assert.equal(curvePath([{ x: 0, y: 0 }, { x: 10, y: 0 }]), "M0 0H10");
  assert.equal(curvePath([{ x: 0, y: 0 }, { x: 10, y: 5 }, { x: 20, y: 5 }]), "M0 0C5 0 5 5 10 5H20");
});

test("a camera is the same place on every screen", () => {
  const view = { scale: 0.6, x: -300, y: 70 };
  const camera = cameraOf(view, FRAME);
  const back = viewOf(camera, FRAME);
  assert.ok(Math.abs(back.x - view.x) < 1e-9 && Math.abs(back.y - view.y) < 1e-9 && back.scale === view.scale);
  const small = { width: 390, height: 300 };
  const seen = visiblePart(viewOf(camera, small), small);
  assert.ok(Math.abs(seen.x + seen.width / 2 - camera.x) < 1e-9);
  assert.ok(Math.abs(seen.y + seen.height / 2 - camera.y) < 1e-9);
});

test("a very long map can be seen whole, others no smaller than is of use", () => {
  const long = { width: 200_000, height: 400 };
  assert.ok(smallestScale(long, FRAME) * long.width <= FRAME.width);
  assert.equal(smallestScale({ width: 2000, height: 400 }, FRAME), SMALLEST);
});

test("a glide starts at one view and ends at the other, and never leaves what lies between", () => {
  const [from, to] = [{ scale: 1, x: 0, y: 0 }, { scale: 0.1, x: 300, y: 200 }];
  assert.deepEqual(between(from, to, 1, FRAME), to);
  assert.deepEqual(between(from, to, 0, FRAME), from);
  let before = 1;
  for (const share of [0.2, 0.4, 0.6, 0.8]) {
    const { scale } = between(from, to, share, FRAME);
    assert.ok(scale < before && scale > to.scale);
    before = scale;
  }
  const halfway = between(from, { scale: 1, x: 100, y: -50 }, 0.5, FRAME);
  assert.deepEqual([halfway.x, halfway.y], [50, -25]);
});
