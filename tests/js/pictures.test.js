import assert from "node:assert/strict";
import { test } from "node:test";

import { cameraProblem } from "../../static/js/core/camera_problem.js";
import { lookupTable } from "../../static/js/core/colour.js";
import { inputColours, inputSize } from "../../static/js/core/input_image.js";
import { samplePixels, SAMPLES } from "../../static/js/core/samples.js";
import { softmax } from "../../static/js/core/softmax.js";

test("samples are opaque, differ from each other, and are never not a colour", () => {
  const seen = new Set();
  for (const sample of SAMPLES) {
    for (let index = 0; index < 100; index += 1) {
      const colour = sample.colour((index % 10) / 9, Math.floor(index / 10) / 9);
      assert.ok(colour.every(Number.isFinite), `${sample.name} ${colour}`);
    }
    const pixels = samplePixels(sample, 24);
    assert.equal(pixels.length, 24 * 24 * 4);
    for (let index = 3; index < pixels.length; index += 4) assert.equal(pixels[index], 255);
    const levels = new Set(pixels.filter((_, index) => index % 4 !== 3));
    assert.ok(levels.size > 20, `${sample.name} has something in it`);
    seen.add(pixels.join());
  }
  assert.equal(seen.size, SAMPLES.length);
});

test("names of samples fit into addresses", () => {
  for (const { name } of SAMPLES) assert.match(name, /^[a-z0-9-]{1,40}$/);
});

test("each reason for no camera says what to do", () => {
  assert.match(cameraProblem("NotAllowedError", true), /Allow it for this page/);
  assert.match(cameraProblem("NotFoundError", true), /Connect one/);
  assert.match(cameraProblem("NotReadableError", true), /another program/);
  assert.match(cameraProblem("NotAllowedError", false), /localhost/);
  assert.match(cameraProblem("", true), /no access to cameras/);
});

test("a doodle is painted in the ink of the theme, an image in its own colours", () => {
  const table = lookupTable("ink", "dark");
  const doodle = inputColours([[0, 255, 7], [1, 2, 3]], "dark");
  assert.deepEqual([doodle.width, doodle.height], [3, 2]);
  assert.deepEqual([...doodle.colours], [0, 255, 7, 1, 2, 3].map((ink) => table[ink]));
  const image = { width: 2, height: 1, colours: new Uint32Array([1, 2]) };
  assert.equal(inputColours(image, "light"), image);
  assert.deepEqual(inputSize(image), [1, 2]);
});

test("where only the best of many categories are given, shares are still of all", () => {
  const logits = [3, 1, 0.5, -2];
  const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
  const all = logits.map((logit, index) => ({ label: String(index), logit, probability: Math.exp(logit) / sum }));
  const { rows } = softmax(all.slice(0, 2), 4);
  for (const [index, row] of rows.entries()) assert.ok(Math.abs(row.probability - all[index].probability) < 1e-12);
});
