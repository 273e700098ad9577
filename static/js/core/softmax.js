/** Softmax and cross-entropy, step by step. @import {Prediction} from "./types.js" */

/**
 * @typedef {object} SoftmaxRow
 * @property {string} label
 * @property {number} logit
 * @property {number} exponential  exp(logit - largest logit), in 0..1
 * @property {number} probability  exponential / sum
 */

/**
 * softmax(z)_i = exp(z_i) / sum_j exp(z_j). The largest logit is subtracted from each first, which
 * changes no quotient and keeps exp() finite.
 *
 * @param {{label: string, logit: number, probability?: number}[]} logits  all, or the largest of them
 * @param {number} [categories]  how many there are; where more than are given, the first has its
 *   probability, which tells the sum over all
 * @returns {{rows: SoftmaxRow[], largest: number, sum: number}}
 */
export function softmax(logits, categories = logits.length) {
  const largest = logits.reduce((most, { logit }) => Math.max(most, logit), -Infinity);
  const exponentials = logits.map(({ logit }) => Math.exp(logit - largest));
  const known = exponentials.reduce((total, value) => total + value, 0);
  const share = logits[0]?.probability;
  const sum = categories > logits.length && share ? exponentials[0] / share : known;
  const rows = logits.map(({ label, logit }, index) => ({
    label,
    logit,
    exponential: exponentials[index],
    probability: exponentials[index] / sum,
  }));
  return { rows, largest, sum };
}

/**
 * The cross-entropy loss of one category: -ln p, in nats, computed from logits so that it stays
 * finite where the probability has become 0.
 *
 * @param {Prediction[]} predictions  all categories
 * @param {string} label
 * @returns {number | null} null if the label is not among them
 */
export function crossEntropy(predictions, label) {
  const wanted = predictions.find((prediction) => prediction.label === label);
  if (!wanted) return null;
  const { largest, sum } = softmax(predictions);
  return Math.max(0, Math.log(sum) + largest - wanted.logit);
}
