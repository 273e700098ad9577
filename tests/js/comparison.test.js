import assert from "node:assert/strict";
import { test } from "node:test";
import { lookupTable } from "../../static/js/core/colour.js";
import { differenceRange, largestDifference, orderChannels, pageOf, paintMap, pairGuesses, sharedRange, subtract, totalVariation, whyNoDifference } from "../../static/js/core/comparison.js";

/** @param {[string, number][]} pairs */
const guesses = (pairs) => pairs.map(([label, probability]) => ({ label, probability, logit: 0 }));

/**
 * @param {number[][]} values  of each channel, in one row
 * @returns {import("../../static/js/core/types.js").LayerMaps}
 */
function maps(values) {
  const channelMinimum = values.map((row) => Math.min(...row));
  const channelMaximum = values.map((row) => Math.max(...row));
  const levels = values.flatMap((row, channel) => {
    const span = channelMaximum[channel] - channelMinimum[channel];
    return row.map((value) => (span === 0 ? 0 : Math.round(((value - channelMinimum[channel]) / span) * 255)));
  });
  return {
    name: "layer",
    channels: values.length,
    height: 1,
    width: values[0].length,
    data: Uint8Array.from(levels),
    minimum: Math.min(...channelMinimum),
    maximum: Math.max(...channelMaximum),
    signed: Math.min(...channelMinimum) < 0,
    channelMinimum,
    channelMaximum,
    nonFinite: 0,
  };
}

test("guesses of both sides are paired by category", () => {
  const a = guesses([["cat", 0.6], ["dog", 0.3], ["sun", 0.1]]);
  const b = guesses([["sun", 0.75], ["dog", 0.25], ["cat", 0]]);
  assert.deepEqual(pairGuesses(a, b, 1), [
    { label: "sun", a: 0.1, b: 0.75, difference: 0.65 },
    { label: "cat", a: 0.6, b: 0, difference: -0.6 },
  ]);
  assert.deepEqual(pairGuesses(a, b, 2).map(({ label }) => label), ["sun", "cat", "dog"]);
  const foreign = guesses([["tench", 1]]);
  assert.deepEqual(pairGuesses(a, foreign, 1)[0], { label: "tench", a: null, b: 1, difference: null });
});

test("total variation is the probability that has to move", () => {
  const a = guesses([["cat", 0.75], ["dog", 0.25]]);
  assert.equal(totalVariation(a, a), 0);
  assert.equal(totalVariation(a, guesses([["dog", 0.75], ["cat", 0.25]])), 0.5);
  assert.equal(totalVariation(guesses([["cat", 1], ["dog", 0]]), guesses([["dog", 1], ["cat", 0]])), 1);
  assert.equal(totalVariation(a, guesses([["sun", 1], ["dog", 0]])), null, "other categories");
  assert.equal(totalVariation(a, guesses([["cat", 1]])), null);
});

test("channels stand by their greatest difference, either way", () => {
  const difference = maps([[0, 1], [-3, 0], [0, 0], [1, -1]]);
  assert.equal(largestDifference(difference, 1), 3);
  assert.deepEqual(orderChannels(4, difference, "difference"), [1, 0, 3, 2]);
  assert.deepEqual(orderChannels(4, difference, "order"), [0, 1, 2, 3]);
  assert.deepEqual(orderChannels(3, null, "difference"), [0, 1, 2]);
});

test("pages hold everything once, and count what they hide", () => {
  const items = Array.from({ length: 50 }, (_, index) => index);
  const seen = [1, 2, 3].flatMap((page) => pageOf(items, page, 24).shown);
  assert.deepEqual(seen, items);
  assert.deepEqual({ ...pageOf(items, 3, 24), shown: [] }, { shown: [], page: 3, pages: 3, hidden: 48 });
  assert.equal(pageOf(items, 9, 24).page, 3);
  assert.deepEqual(pageOf([], 1, 24), { shown: [], page: 1, pages: 1, hidden: 0 });
});

test("both sides have one range, and differences as much below zero as above", () => {
  const sides = [maps([[0, 2], [0, 1]]), maps([[0, 1], [0, 5]])];
  assert.deepEqual(sharedRange(sides, 0, "layer"), { kind: "sequential", low: 0, high: 5 });
  assert.deepEqual(sharedRange(sides, 0, "channel"), { kind: "sequential", low: 0, high: 2 });
  assert.deepEqual(sharedRange([...sides, maps([[-7, 0]])], 0, "layer"), { kind: "diverging", low: -7, high: 7 });
  const difference = maps([[-4, 1], [0, 2]]);
  assert.deepEqual(differenceRange(difference, 1, "layer"), { kind: "difference", low: -4, high: 4 });
  assert.deepEqual(differenceRange(difference, 1, "channel"), { kind: "difference", low: -2, high: 2 });
});

test("a difference is painted around the ground: A's colour below zero, B's above", () => {
  const difference = maps([[-1, 0, 1]]);
  const pixels = new Uint32Array(3);
  const table = lookupTable("difference", "light");
  paintMap(pixels, difference, 0, differenceRange(difference, 0, "layer"), "light");
  assert.equal(pixels[0], table[0]);
  assert.equal(pixels[2], table[255]);
  assert.equal(pixels[1], table[128], "zero is in the middle");
  paintMap(pixels, maps([[0, 0, 0]]), 0, { kind: "difference", low: 0, high: 0 }, "light");
  assert.deepEqual([...pixels], [table[128], table[128], table[128]], "equal sides have the colour of the ground");
});

test("values are subtracted as float32 numbers", () => {
  const [a, b] = [Math.fround(0.1), Math.fround(1e8)];
  assert.equal(subtract(a, b), Math.fround(b - a));
  assert.equal(subtract(Math.fround(0.3), Math.fround(0.1)), Math.fround(Math.fround(0.1) - Math.fround(0.3)));
  assert.equal(subtract(null, 1), null);
  assert.equal(subtract(1, undefined), null);
});

test("unequal shapes are named", () => {
  assert.match(whyNoDifference([1, 32, 28, 28], [1, 345]), /32 × 28 × 28.*345.*equal shape/);
});
