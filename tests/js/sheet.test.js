/** Measures of the pictures that are taken away. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { fileName, largestScale, sheetColumns, wrapped } from "../../static/js/core/sheet.js";

test("a picture is as sharp as wanted, where a canvas can hold it", () => {
  assert.equal(largestScale(800, 600, 2), 2);
  assert.ok(largestScale(100_000, 400, 2) * 100_000 <= 16_384);
  const scale = largestScale(12_000, 12_000, 2);
  assert.ok((12_000 * scale) ** 2 <= 120_000_001);
});

test("a sheet of channels is about as wide as a slide, in whole pixels of the maps", () => {
  for (const [count, size] of [[1, 28], [16, 28], [64, 14], [512, 7], [256, 56]]) {
    const { columns, side } = sheetColumns(count, size);
    assert.ok(columns * (side + 10) <= 1520, `${count} of ${size}`);
    assert.equal(side % size, 0, `${count} of ${size}`);
  }
  assert.ok(sheetColumns(2048, 112).side >= 20);
});

test("text is broken between words, and no word is lost", () => {
  /** @param {string} text */
  const measure = (text) => text.length;
  const lines = wrapped("one two three four", 9, measure);
  assert.deepEqual(lines, ["one two", "three", "four"]);
  assert.deepEqual(wrapped("", 9, measure), []);
  assert.deepEqual(wrapped("incomprehensibilities", 9, measure), ["incomprehensibilities"]);
});

test("names of files are names on every system", () => {
  assert.equal(fileName(["resnet", "stage1.0.add@1", "channel 3"], "png"), "resnet_stage1.0.add-1_channel-3.png");
  assert.equal(fileName(["../..", "a/b:c"], "svg"), "a-b-c.svg");
  assert.equal(fileName([], "npz"), "doodlescope.npz");
});
