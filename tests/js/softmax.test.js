import assert from "node:assert/strict";
import { test } from "node:test";
import { certainty } from "../../static/js/core/certainty.js";
import { crossEntropy, softmax } from "../../static/js/core/softmax.js";

/** @param {number[]} logits */
const predictions = (...logits) => {
  const { rows } = softmax(logits.map((logit, index) => ({ label: "abcdef"[index], logit })));
  return rows.sort((one, other) => other.probability - one.probability);
};

test("softmax is exp(z) over the sum of exp(z)", () => {
  const { rows, sum } = softmax([{ label: "a", logit: 1 }, { label: "b", logit: 3 }]);
  assert.ok(Math.abs(rows[0].probability - Math.exp(1) / (Math.exp(1) + Math.exp(3))) < 1e-15);
  assert.ok(Math.abs(sum - (1 + Math.exp(-2))) < 1e-15);
});

test("large logits overflow nothing", () => {
  const { rows } = softmax([{ label: "a", logit: 5000 }, { label: "b", logit: -5000 }]);
  assert.deepEqual(rows.map(({ probability }) => probability), [1, 0]);
  assert.equal(crossEntropy(rows, "b"), 10_000);
  assert.equal(crossEntropy(rows, "a"), 0);
});

test("the loss is -ln p, and there is none for a category that is not there", () => {
  const rows = predictions(0.3, -1.2, 2);
  for (const { label, probability } of rows) assert.ok(Math.abs((crossEntropy(rows, label) ?? NaN) + Math.log(probability)) < 1e-12);
  assert.equal(crossEntropy(rows, "z"), null);
});

test("certainty has words for every case", () => {
  assert.equal(certainty([]).sentence, "");
  assert.match(certainty(predictions(9, 0, 0)).sentence, /^Almost certain: a/);
  assert.match(certainty(predictions(2.5, 0, -2)).sentence, /^Confident: a/);
  assert.equal(certainty(predictions(3, 2.8, 0)).phrase, "undecided between a and b");
  assert.match(certainty(predictions(1.5, 0, 0)).sentence, /^Leaning towards a/);
  assert.match(certainty(predictions(1, 0, 0, 0, 0)).sentence, /^A first hunch: a/);
  assert.match(certainty([{ label: "a", logit: 0, probability: 0.1 }, { label: "b", logit: 0, probability: 0.01 }]).sentence, /No clear idea/);
});
