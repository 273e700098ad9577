/**
 * Finding kinds of layers by what people type.
 *
 * @import {LayerKind} from "./stack.js"
 */

/** Shown first while nothing is typed: those that most networks are made of. */
const USUAL = ["Conv2d", "ReLU", "MaxPool2d", "BatchNorm2d", "Linear", "Flatten", "Dropout", "AvgPool2d", "AdaptiveAvgPool2d", "ConvTranspose2d"];

/** Words that people use for kinds, beside their names. @type {[RegExp, RegExp][]} */
const WORDS = [
  [/^(dense|fully|fc)/, /^Linear$/],
  [/^(deconv|transposed)/, /^ConvTranspose/],
  [/^(activation|nonlinear)/, /^(ReLU|GELU|SiLU|Tanh|Sigmoid|LeakyReLU|ELU|Hardswish|Mish|PReLU|Softmax)/],
  [/^norm/, /Norm/],
  [/^(subsampl|downsampl)/, /Pool/],
  [/^(swish)/, /^SiLU$/],
  [/^(global)/, /^Adaptive/],
  [/^(resize|interpolat)/, /^Upsample$/],
];

/**
 * @param {LayerKind[]} kinds
 * @param {string} text
 * @returns {LayerKind[]} the likeliest first
 */
export function searchKinds(kinds, text) {
  const wanted = text.toLowerCase().replace(/^nn\./, "").replace(/[^a-z0-9]/g, "");
  /** @param {LayerKind} kind */
  const usual = ({ type }) => (USUAL.includes(type) ? USUAL.indexOf(type) : USUAL.length);
  if (wanted === "") return kinds.toSorted((one, other) => usual(one) - usual(other));
  /** @param {LayerKind} kind */
  const rank = ({ type }) => {
    const name = type.toLowerCase();
    if (name === wanted) return 0;
    if (name.startsWith(wanted)) return 1;
    if (name.includes(wanted)) return 2;
    if (WORDS.some(([word, types]) => word.test(wanted) && types.test(type))) return 3;
    return 4;
  };
  return kinds.filter((kind) => rank(kind) < 4).toSorted((one, other) => rank(one) - rank(other) || usual(one) - usual(other));
}
