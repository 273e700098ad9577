import assert from "node:assert/strict";
import { test } from "node:test";
import { bars, binInWords, placeOfZero, restInWords } from "../../static/js/core/histogram.js";

const SIGNED = { edges: [-2, -1, 0, 1, 2], counts: [1, 4, 2, 0], zeros: 3, not_a_number: 0, infinite: 0, total: 10 };
const EQUAL = { edges: [2.5, 2.5], counts: [7], zeros: 0, not_a_number: 1, infinite: 2, total: 10 };
const NONE = { edges: [], counts: [], zeros: 4, not_a_number: 0, infinite: 0, total: 4 };

test("bars stand side by side, the highest is 1", () => {
  const found = bars(SIGNED);
  assert.deepEqual(found.map(({ height }) => height), [0.25, 1, 0.5, 0]);
  assert.deepEqual(found.map(({ left }) => left), [0, 0.25, 0.5, 0.75]);
  assert.deepEqual(found.map(({ sign }) => sign), [-1, -1, 1, 1]);
  assert.deepEqual(bars(EQUAL), [{ left: 0, width: 1, height: 1, sign: 1 }]);
  assert.deepEqual(bars(NONE), []);
});

test("zero is marked only inside", () => {
  assert.equal(placeOfZero(SIGNED), 0.5);
  assert.equal(placeOfZero(EQUAL), null);
});

test("bins and what is in none are told in words", () => {
  assert.equal(binInWords(SIGNED, 1), "From −1.000 to 0: 4 values, 40 %.");
  assert.equal(binInWords(EQUAL, 0), "All of them are 2.500: 7 values, 70 %.");
  assert.equal(restInWords(SIGNED), "7 of 10 values, 3 zeros (30 %) not among the bars.");
  assert.equal(restInWords(EQUAL), "7 of 10 values, 1 not a number, 2 infinite.");
  assert.equal(restInWords(NONE), "none of 4 values, 4 zeros (100 %) not among the bars.");
});
