import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeAtlas, quantisedValue } from "../../static/js/core/atlas.js";

/**
 * Write an atlas as the server does.
 *
 * @param {object} header
 * @param {number[]} body
 * @param {string} [magic]
 */
function atlas(header, body, magic = "DSA1") {
  let text = JSON.stringify(header);
  text += " ".repeat((4 - (text.length % 4)) % 4);
  const buffer = new ArrayBuffer(8 + text.length + body.length);
  const bytes = new Uint8Array(buffer);
  bytes.set(new TextEncoder().encode(magic));
  new DataView(buffer).setUint32(4, text.length, true);
  bytes.set(new TextEncoder().encode(text), 8);
  bytes.set(body, 8 + text.length);
  return buffer;
}

const layer = (changes = {}) => ({
  name: "stem",
  shape: [2, 1, 3],
  offset: 0,
  minimum: -1,
  maximum: 4,
  signed: true,
  channel_minimum: [-1, 4],
  channel_maximum: [1, 4],
  non_finite: 0,
  ...changes,
});

test("an atlas gives every layer its own part of the body", () => {
  const second = layer({ name: "relu", shape: [1, 1, 2], offset: 6, channel_minimum: [0], channel_maximum: [2] });
  const { inspection, layers } = decodeAtlas(atlas({ inspection: "ab12", layers: [layer(), second] }, [0, 128, 255, 0, 0, 0, 51, 255]));
  assert.equal(inspection, "ab12");
  assert.deepEqual([...layers.keys()], ["stem", "relu"]);
  assert.deepEqual([...(layers.get("relu")?.data ?? [])], [51, 255]);
  assert.equal(layers.get("stem")?.width, 3);
});

test("a quantised value runs from the channel's minimum to its maximum", () => {
  const maps = decodeAtlas(atlas({ inspection: "", layers: [layer()] }, [0, 51, 255, 0, 0, 0])).layers.get("stem");
  assert.ok(maps);
  assert.equal(quantisedValue(maps, 0, 0, 0), -1);
  assert.ok(Math.abs(quantisedValue(maps, 0, 0, 1) - -0.6) < 1e-12);
  assert.equal(quantisedValue(maps, 0, 0, 2), 1);
  assert.equal(quantisedValue(maps, 1, 0, 2), 4, "a constant channel is its minimum");
});

test("what is not an atlas, or is cut off, is refused", () => {
  assert.throws(() => decodeAtlas(new ArrayBuffer(3)), RangeError);
  assert.throws(() => decodeAtlas(atlas({ inspection: "", layers: [] }, [], "PNG!")), /DSA1/);
  assert.throws(() => decodeAtlas(atlas({ inspection: "", layers: [layer()] }, [1, 2, 3])), /within layer stem/);
  assert.throws(() => decodeAtlas(atlas({ inspection: "", layers: [layer()] }, []).slice(0, 20)), /within its header/);
});
