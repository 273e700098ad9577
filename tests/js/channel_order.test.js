import assert from "node:assert/strict";
import { test } from "node:test";
import { deadChannels, formatSort, MOST_INPUTS, orderChannels, pageInWords, pageOf, parseSort, SeenChannels } from "../../static/js/core/channel_order.js";

test("channels are listed by number, or the largest value first, equal ones by number", () => {
  assert.deepEqual(orderChannels(4, null, false), [0, 1, 2, 3]);
  assert.deepEqual(orderChannels(4, null, true), [3, 2, 1, 0]);
  assert.deepEqual(orderChannels(5, [1, 3, 1, -2, 3], false), [1, 4, 0, 2, 3]);
  assert.deepEqual(orderChannels(5, [1, 3, 1, -2, 3], true), [3, 0, 2, 1, 4]);
});

test("channels without a value are the last, either way round", () => {
  assert.deepEqual(orderChannels(4, [null, 2, Number.NaN, 5], false), [3, 1, 0, 2]);
  assert.deepEqual(orderChannels(4, [null, 2, Number.NaN, 5], true), [1, 3, 0, 2]);
  assert.deepEqual(orderChannels(3, [1], false), [0, 1, 2]);
});

test("a sort is read from the address as it was written", () => {
  for (const text of ["mean", "-mean", "-order", "contribution"]) assert.equal(formatSort(parseSort(text)), text);
  assert.equal(formatSort(parseSort("order")), null);
  assert.deepEqual(parseSort(null), { key: "order", reversed: false });
  assert.deepEqual(parseSort("colour"), { key: "order", reversed: false });
});

test("pages hold every channel once, and a page beyond the end is the last one", () => {
  const channels = orderChannels(150, null, true);
  const pages = [0, 1, 2].map((page) => pageOf(channels, page).channels);
  assert.deepEqual(pages.flat(), channels);
  assert.deepEqual(pages.map(({ length }) => length), [64, 64, 22]);
  assert.equal(pageOf(channels, 99).page, 2);
  assert.equal(pageOf(channels, -1).page, 0);
  assert.deepEqual(pageOf([], 0), { page: 0, pages: 1, channels: [] });
});

test("what is on a page and what is not is counted", () => {
  const channels = orderChannels(150, null, false);
  assert.equal(pageInWords(pageOf(channels, 0), 150, 0), "channels 1–64 of 150");
  assert.equal(pageInWords(pageOf(channels, 2), 150, 12), "channels 129–150 of 150, 12 dead channels hidden");
  assert.equal(pageInWords(pageOf([7], 0), 1, 1), "all 1 channel, 1 dead channel hidden");
  assert.equal(pageInWords(pageOf([], 0), 0, 3), "no channel left, 3 dead channels hidden");
});

test("a channel is dead where its extremes are zero, and never where values are not finite", () => {
  const maps = { channels: 3, channelMinimum: [0, 0, -1], channelMaximum: [0, 2, 0], nonFinite: 0 };
  assert.deepEqual(deadChannels(maps), [true, false, false]);
  assert.deepEqual(deadChannels({ ...maps, nonFinite: 1 }), [false, false, false]);
});

test("dead on one input is not dead on all of them", () => {
  const seen = new SeenChannels();
  assert.equal(seen.of("relu").inputs, 0);
  seen.add("a", "relu", [true, true, false]);
  seen.add("b", "relu", [true, false, true]);
  seen.add("b", "relu", [true, false, true]);
  const { inputs, count, dead } = seen.of("relu");
  assert.equal(inputs, 2);
  assert.equal(count, 1);
  assert.deepEqual([0, 1, 2].map(dead), [true, false, false]);
  for (let input = 0; input < MOST_INPUTS + 5; input += 1) seen.add(String(input), "relu", [false, true, true]);
  assert.ok(seen.of("relu").inputs > MOST_INPUTS);
  assert.equal(seen.of("relu").count, 0);
});
