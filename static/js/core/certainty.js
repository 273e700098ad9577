/** How sure the network is, in words. @import {Prediction} from "./types.js" */

/**
 * @param {Prediction[]} predictions  best first
 * @param {boolean} [unknown]  the network says that it does not know
 * @returns {{phrase: string, sentence: string}} a phrase for beside the best guess, and a
 *   sentence that stands alone
 */
export function certainty(predictions, unknown = false) {
  const [first, second] = predictions;
  if (!first) return { phrase: "", sentence: "" };
  const { label, probability } = first;
  if (unknown) return { phrase: "not known; this is only the nearest", sentence: `Not known; nearest is ${label}.` };
  const rival = second?.probability ?? 0;
  if (probability >= 0.95) return { phrase: "almost certain", sentence: `Almost certain: ${label}.` };
  if (probability >= 0.8) return { phrase: "confident", sentence: `Confident: ${label}.` };
  if (probability + rival >= 0.5 && rival >= 0.6 * probability) {
    return {
      phrase: `undecided between ${label} and ${second.label}`,
      sentence: `Undecided between ${label} and ${second.label}.`,
    };
  }
  if (probability >= 0.5) return { phrase: "leaning towards it", sentence: `Leaning towards ${label}.` };
  if (probability >= 0.2) return { phrase: "a first hunch", sentence: `A first hunch: ${label}.` };
  return { phrase: "no clear idea yet", sentence: `No clear idea yet; perhaps ${label}.` };
}
