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
 * @param {{label: string, logit: number}[]} logits
 * @returns {{rows: SoftmaxRow[], largest: number, sum: number}}
 */
export function softmax(logits) {
  const largest = logits.reduce((most, { logit }) => Math.max(most, logit), -Infinity);
  const exponentials = logits.map(({ logit }) => Math.exp(logit - largest));
  const sum = exponentials.reduce((total, value) => total + value, 0);
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
