import assert from "node:assert/strict";
import { test } from "node:test";
import { lookupTable, mapRange } from "../../static/js/core/colour.js";
import { channelsBeyond, LockedRanges } from "../../static/js/core/locked_ranges.js";
import { paintChannels } from "../../static/js/core/tiles.js";

const before = {
  name: "relu", channels: 2, height: 1, width: 3, data: new Uint8Array([0, 128, 255, 0, 0, 255]),
  minimum: 0, maximum: 2, signed: false, channelMinimum: [0, 0], channelMaximum: [2, 1], nonFinite: 0,
};
const after = { ...before, maximum: 8, channelMaximum: [8, 1] };

test("a layer keeps the range that it had when it was locked", () => {
  const ranges = new LockedRanges();
  const [first, second] = [structuredClone(before), structuredClone(after)];
  ranges.attach(first);
  ranges.attach(second);
  assert.deepEqual(mapRange(first, 0, "locked"), { kind: "sequential", low: 0, high: 2 });
  assert.deepEqual(mapRange(second, 0, "locked"), { kind: "sequential", low: 0, high: 2 });
  assert.deepEqual(mapRange(second, 0, "layer"), { kind: "sequential", low: 0, high: 8 });
  assert.deepEqual(channelsBeyond(second, { minimum: 0, maximum: 2, signed: false }), { below: 0, above: 1 });
});

test("values beyond it are painted as its ends, and those within keep their colours", () => {
  const ranges = new LockedRanges();
  ranges.set("relu", 0, 2);
  const maps = structuredClone(after);
  ranges.attach(maps);
  const pixels = new Uint32Array(6);
  paintChannels(pixels, maps, [0, 1], "locked", "light");
  const table = lookupTable("sequential", "light");
  assert.deepEqual([...pixels], [table[0], table[255], table[255], table[0], table[0], table[128]]);
});

test("what was locked comes back from text; what is not ours does not", () => {
  const ranges = new LockedRanges();
  ranges.set("conv", -1.5, 2);
  const again = new LockedRanges(ranges.saved);
  assert.deepEqual(again.get("conv"), { minimum: -2, maximum: 2, signed: true });
  assert.equal(new LockedRanges("{").get("conv"), null);
  assert.equal(new LockedRanges('[["conv","x",1]]').get("conv"), null);
  again.clear();
  assert.equal(again.get("conv"), null);
});
