import assert from "node:assert/strict";
import { test } from "node:test";
import { chosenNetworks } from "../../static/js/core/compared_networks.js";

/**
 * @param {string} name
 * @param {"doodle" | "image" | "example"} kind
 * @param {number} cost
 */
const choice = (name, kind, cost) => ({ name, title: name.toUpperCase(), kind, input_shape: kind === "doodle" ? [1, 28, 28] : [3, 224, 224], top_k: 345, multiply_accumulates: cost });

const CHOICES = [choice("own", "example", 5), choice("first", "doodle", 1000), choice("small", "doodle", 10), choice("alike", "doodle", 800), choice("photographs", "image", 1000), choice("pictures", "image", 9)];

/** @param {Partial<import("../../static/js/core/compare_state.js").CompareState>} state */
function names(state) {
  const found = chosenNetworks(CHOICES, { mode: "drawings", model: null, other: null, ...state });
  return typeof found === "string" ? found : [found.a.name, found.b.name];
}

test("without a name, networks that take the same are chosen, the nearest in cost", () => {
  assert.deepEqual(names({}), ["first", "first"]);
  assert.deepEqual(names({ mode: "models" }), ["first", "alike"]);
  assert.deepEqual(names({ mode: "models", model: "photographs" }), ["photographs", "pictures"]);
});

test("two drawings have one network, whatever the other was", () => {
  assert.deepEqual(names({ model: "small", other: "photographs" }), ["small", "small"]);
});

test("what cannot be compared is refused in a sentence that names it", () => {
  assert.match(String(names({ model: "nobody" })), /no network named nobody/);
  assert.match(String(names({ mode: "models", other: "nobody" })), /no network named nobody/);
  assert.match(String(names({ model: "own" })), /OWN runs on examples/);
  assert.match(String(names({ mode: "models", other: "photographs" })), /FIRST takes drawings and PHOTOGRAPHS takes images of 3 × 224 × 224/);
  assert.equal(chosenNetworks([], { mode: "models", model: null, other: null }), "No network here takes drawings or images.");
});
