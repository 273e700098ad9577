import assert from "node:assert/strict";
import { test } from "node:test";
import { colourRange, lookupTable, mapRange, scalePosition } from "../../static/js/core/colour.js";
import { paintChannels } from "../../static/js/core/tiles.js";

const THEMES = /** @type {const} */ (["light", "dark"]);

/** @param {number} colour  @returns {number[]} red, green, blue, alpha */
const parts = (colour) => [...new Uint8Array(new Uint32Array([colour]).buffer)];

/** Relative luminance, WCAG 2.1. @param {number} colour */
function luminance(colour) {
  const [red, green, blue] = parts(colour).map((part) => (part / 255 <= 0.03928 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

test("a signed range is centred at zero, another begins there", () => {
  assert.deepEqual(colourRange(-1, 3, true), { kind: "diverging", low: -3, high: 3 });
  assert.deepEqual(colourRange(-5, 3, true), { kind: "diverging", low: -5, high: 5 });
  assert.deepEqual(colourRange(0.5, 3, false), { kind: "sequential", low: 0, high: 3 });
});

test("zero has the same colour on both scales, and half the diverging one is the sequential", () => {
  for (const theme of THEMES) {
    const diverging = lookupTable("diverging", theme);
    const sequential = lookupTable("sequential", theme);
    assert.equal(diverging.length, 256);
    parts(diverging[128]).forEach((part, index) => assert.ok(Math.abs(part - parts(sequential[0])[index]) <= 3));
    assert.equal(diverging[255], sequential[255]);
    for (const colour of diverging) assert.equal(parts(colour)[3], 255, "opaque");
  }
});

test("luminance runs one way from zero to either end", () => {
  for (const theme of THEMES) {
    const sign = theme === "light" ? -1 : 1;
    for (const kind of /** @type {const} */ (["diverging", "difference"])) {
      const table = lookupTable(kind, theme);
      for (let index = 129; index < 256; index += 1) {
        assert.ok(sign * (luminance(table[index]) - luminance(table[index - 1])) >= -0.004, `${kind} ${theme} ${index}`);
        assert.ok(sign * (luminance(table[255 - index]) - luminance(table[256 - index])) >= -0.004, `${kind} ${theme} ${255 - index}`);
      }
    }
  }
});

test("a place on a scale is clipped, and a scale without extent is zero", () => {
  const range = colourRange(-2, 2, true);
  assert.equal(scalePosition(range, 0), 0.5);
  assert.equal(scalePosition(range, 9), 1);
  assert.equal(scalePosition(range, -9), 0);
  assert.equal(scalePosition(colourRange(0, 0, true), 0), 0.5);
  assert.equal(scalePosition(colourRange(0, 0, false), 0), 0);
});

test("painted pixels have the colours that the legend promises for their values", () => {
  const maps = {
    name: "stem", channels: 2, height: 1, width: 3, data: new Uint8Array([0, 51, 255, 0, 128, 255]),
    minimum: -1, maximum: 4, signed: true, channelMinimum: [-1, 0], channelMaximum: [1, 4], nonFinite: 0,
  };
  for (const mode of /** @type {const} */ (["layer", "channel"])) {
    for (const channel of [0, 1]) {
      const pixels = new Uint32Array(3);
      paintChannels(pixels, maps, [channel], mode, "light");
      const range = mapRange(maps, channel, mode);
      const table = lookupTable(range.kind, "light");
      pixels.forEach((pixel, index) => {
        const [low, high] = [maps.channelMinimum[channel], maps.channelMaximum[channel]];
        const value = low + (maps.data[channel * 3 + index] / 255) * (high - low);
        assert.equal(pixel, table[Math.floor(scalePosition(range, value) * 255 + 0.5)]);
      });
    }
  }
});
