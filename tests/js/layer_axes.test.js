import assert from "node:assert/strict";
import { test } from "node:test";
import { axesInWords, channelName, mapShape, shortChannelName } from "../../static/js/core/layer_axes.js";

test("every output is a list of maps, as the server makes them", () => {
  assert.deepEqual(mapShape([1, 8, 5, 6]), { channels: 8, height: 5, width: 6 });
  assert.deepEqual(mapShape([1, 8]), { channels: 8, height: 1, width: 1 });
  assert.deepEqual(mapShape([1, 16, 64]), { channels: 16, height: 1, width: 64 });
  assert.deepEqual(mapShape([1, 8, 4, 5, 6]), { channels: 32, height: 5, width: 6 });
  assert.deepEqual(mapShape([1]), { channels: 1, height: 1, width: 1 });
  assert.deepEqual(mapShape([]), { channels: 1, height: 1, width: 1 });
});

test("joined axes are named", () => {
  assert.equal(channelName([1, 8, 5, 6], 3), "channel 3");
  assert.equal(channelName([1, 8, 4, 5, 6], 9), "channel 2, slice 1");
  assert.equal(channelName([1, 8, 2, 4, 5, 6], 13), "channel 1, slice 1, 1");
  assert.equal(shortChannelName([1, 8, 5, 6], 3), "3");
  assert.equal(shortChannelName([1, 8, 4, 5, 6], 9), "2/1");
  assert.equal(shortChannelName([1, 8, 2, 4, 5, 6], 13), "1/1/1");
});

test("what is unusual is said, with what is not shown", () => {
  assert.equal(axesInWords([1, 8, 5, 6]), "");
  assert.equal(axesInWords([1, 8]), "");
  assert.match(axesInWords([1, 16, 64]), /16 rows of 64 values/);
  assert.match(axesInWords([1, 8, 4, 5, 6]), /all 8 × 4 before them/);
  assert.match(axesInWords([]), /single number/);
  assert.match(axesInWords([3, 8, 5, 6]), /Of the 3 items .* 2 are not/);
});
