import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { retryDelay } from "../../static/js/core/backoff.js";
import { mapInWords, summarise } from "../../static/js/core/describe.js";
import { count, exact, percent, short } from "../../static/js/core/numbers.js";
import { nextPrompt, withArticle } from "../../static/js/core/prompts.js";
import { commandOf, SINGLE_KEYS } from "../../static/js/core/shortcuts.js";

test("numbers for a glance", () => {
  assert.equal(short(0), "0");
  assert.equal(short(-0.98765), "−0.9877");
  assert.equal(short(0.00001234), "1.23e-5");
  assert.equal(short(1234567), "1.23e+6");
  assert.equal(short(NaN), "not a number");
  assert.equal(short(-Infinity), "−∞");
  assert.equal(count(1234567), "1\u202f234\u202f567");
});

test("an exact value reads back as the same float32", () => {
  let seed = 1;
  for (let round = 0; round < 2000; round += 1) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    const value = new Float32Array(new Uint32Array([seed]).buffer)[0];
    if (!Number.isFinite(value)) continue;
    assert.equal(Math.fround(Number(exact(value).replace("−", "-"))), value);
  }
  assert.equal(exact(Math.fround(0.1)), "0.1");
});

test("percentages are 0 and 100 only where they are", () => {
  assert.equal(percent(0), "0 %");
  assert.equal(percent(1e-9), "< 0.1 %");
  assert.equal(percent(0.042), "4.2 %");
  assert.equal(percent(0.5), "50 %");
  assert.equal(percent(0.99999), "> 99.9 %");
  assert.equal(percent(1), "100 %");
});

test("a map in words", () => {
  const words = mapInWords(3, summarise([[0, -1], [2.5, 0]]));
  assert.equal(words, "Channel 3: from −1.000 to 2.500, 50 % zeros, maximum at row 1, column 0.");
  assert.equal(mapInWords(0, summarise([[0, 0]])), "Channel 0: every cell is 0.");
});

test("prompts have their article", () => {
  assert.equal(withArticle("guitar"), "a guitar");
  assert.equal(withArticle("owl"), "an owl");
  assert.equal(withArticle("scissors"), "scissors");
  assert.equal(withArticle("The Mona Lisa"), "The Mona Lisa");
  assert.equal(withArticle("t-shirt"), "a t-shirt");
});

test("the next prompt is another one, and every category can come", () => {
  const names = ["a", "b", "c"];
  assert.deepEqual([0, 0.5, 0.99].map((value) => nextPrompt(names, null, () => value)), names);
  for (const value of [0, 0.3, 0.7, 0.999]) assert.notEqual(nextPrompt(names, "b", () => value), "b");
  assert.equal(nextPrompt([], null), null);
});

test("waiting times double, are bounded, and respect what the server asks", () => {
  assert.deepEqual([0, 1, 2].map((attempt) => retryDelay(attempt)), [500, 1000, 2000]);
  assert.equal(retryDelay(50), 15_000);
  assert.equal(retryDelay(0, 3), 3000);
  assert.equal(retryDelay(0, 1e9), 15_000);
});

test("keys: modifiers always, single letters only where they are on", () => {
  const none = { ctrlKey: false, metaKey: false, altKey: false, shiftKey: false };
  assert.equal(commandOf({ ...none, key: "z", ctrlKey: true }, false), "undo");
  assert.equal(commandOf({ ...none, key: "Z", metaKey: true, shiftKey: true }, false), "redo");
  assert.equal(commandOf({ ...none, key: "r", ctrlKey: true }, true), null, "reload stays the browser's");
  for (const { key, command } of SINGLE_KEYS) {
    assert.equal(commandOf({ ...none, key }, true), command);
    assert.equal(commandOf({ ...none, key }, false), null);
  }
});

test("examples are drawings of known categories", () => {
  const { examples } = JSON.parse(readFileSync(new URL("../../static/examples.json", import.meta.url), "utf8"));
  const categories = new Set(readFileSync(new URL("../../server/doodle/categories.txt", import.meta.url), "utf8").trim().split("\n"));
  assert.ok(examples.length >= 8);
  for (const { label, drawing } of examples) {
    assert.ok(categories.has(label), label);
    for (const [x, y] of drawing) {
      assert.ok(x.length === y.length && x.length > 0, label);
      for (const value of [...x, ...y]) assert.ok(value >= -20 && value <= 275, `${label}: ${value}`);
    }
  }
});
