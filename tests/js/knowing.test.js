/** When it is said that the network does not know. */
import assert from "node:assert/strict";
import test from "node:test";

import { certainty } from "../../static/js/core/certainty.js";
import { answered, doubt, inked, NOTHING_KNOWN, REST, STEADY, verdictAt } from "../../static/js/core/knowing.js";

const GUESSED = {
  predictions: [
    { label: "cat", probability: 0.184, logit: 1 },
    { label: "dog", probability: 0.12, logit: 0.5 },
    { label: "sun", probability: 0.02, logit: 0 },
  ],
  unknown: true,
};

test("what is known is said at once", () => {
  const drawn = answered(inked(NOTHING_KNOWN, 1000), true, 1010);
  assert.equal(verdictAt(answered(drawn, false, 1020), 1020).verdict, "known");
  assert.equal(verdictAt(answered(NOTHING_KNOWN, false, 0), 0).changesIn, null);
});

test("first strokes are not known yet, and unknown when the pen rests", () => {
  const drawn = answered(inked(NOTHING_KNOWN, 1000), true, 1010);
  assert.deepEqual(verdictAt(drawn, 1010), { verdict: "not yet", changesIn: REST - 10 });
  assert.deepEqual(verdictAt(drawn, 1000 + REST), { verdict: "unknown", changesIn: null });
  const more = answered(inked(drawn, 1000 + REST), true, 1010 + REST);
  assert.equal(verdictAt(more, 1010 + REST).verdict, "not yet", "the pen moves again");
});

test("what was not drawn now, such as an example, is unknown at once", () => {
  assert.equal(verdictAt(answered(NOTHING_KNOWN, true, 5), 5).verdict, "unknown");
});

test("a guess is not taken back for a moment of doubt", () => {
  const known = answered(inked(NOTHING_KNOWN, 0), false, 10);
  const doubted = answered(inked(known, 100), true, 110);
  assert.deepEqual(verdictAt(doubted, 120), { verdict: "known", changesIn: STEADY - 10 });
  const still = answered(inked(doubted, 400), true, 410);
  assert.equal(verdictAt(still, 110 + STEADY).verdict, "not yet", "doubted since the first of them");
  assert.equal(verdictAt(answered(still, false, 500), 2000).verdict, "known");
});

test("while answers alternate, what is shown does not", () => {
  let knowing = answered(inked(NOTHING_KNOWN, 0), false, 0);
  for (let now = 50; now < 3000; now += 50) {
    knowing = answered(inked(knowing, now), now % 100 === 50, now);
    assert.equal(verdictAt(knowing, now).verdict, "known");
  }
});

test("what time changes is told in time: the wait ends in another verdict", () => {
  for (const knowing of [answered(inked(NOTHING_KNOWN, 1000), true, 1010), answered(answered(inked(NOTHING_KNOWN, 1000), false, 1001), true, 1010)]) {
    let now = 1010;
    for (let step = 0; step < 5; step += 1) {
      const { verdict, changesIn } = verdictAt(knowing, now);
      if (changesIn === null) break;
      now += changesIn;
      assert.notEqual(verdictAt(knowing, now).verdict, verdict);
    }
    assert.equal(verdictAt(knowing, now).verdict, "unknown");
  }
});

test("doubt has words, and names what is nearest", () => {
  const unknown = doubt(GUESSED, "unknown", 0.25);
  assert.equal(unknown.label, "I don’t know this one");
  assert.equal(unknown.phrase, "Nothing is likely enough. Nearest: cat (18 %), dog (12 %).");
  assert.equal(unknown.sentence, "I don’t know this one. Nothing is likely enough. Nearest: cat.");
  assert.match(doubt(GUESSED, "unknown", 0.18).phrase, /^It looks like a scribble\. Nearest: cat/);
  assert.equal(doubt(GUESSED, "not yet", 0.25).phrase, "Nearest: cat (18 %), dog (12 %).");
  assert.match(doubt(GUESSED, "not yet", 0.25).sentence, /^Not known yet/);
  assert.match(certainty(GUESSED.predictions, true).sentence, /^Not known; nearest is cat/);
});
