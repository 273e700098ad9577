import assert from "node:assert/strict";
import { test } from "node:test";
import { NewestWins } from "../../static/js/core/newest_wins.js";

test("one job runs at a time, and only the newest of those that waited", async () => {
  /** @type {number[]} */
  const done = [];
  /** @type {() => void} */
  let release = () => {};
  let running = 0;
  const loop = new NewestWins(async (/** @type {number} */ job) => {
    running += 1;
    assert.equal(running, 1);
    await new Promise((/** @type {(value?: unknown) => void} */ resolve) => (release = () => resolve()));
    running -= 1;
    done.push(job);
  });
  loop.offer(1);
  loop.offer(2);
  loop.offer(3);
  assert.ok(loop.superseded);
  release();
  await new Promise(setImmediate);
  assert.deepEqual(done, [1]);
  assert.equal(running, 1);
  assert.ok(!loop.superseded);
  release();
  await new Promise(setImmediate);
  assert.deepEqual(done, [1, 3]);
  assert.equal(running, 0);
  loop.offer(4);
  release();
  await new Promise(setImmediate);
  assert.deepEqual(done, [1, 3, 4], "it starts again after a rest");
});
