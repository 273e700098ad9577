/** Sums of products and of values: linear layers, matrices, shares, interpolation, reductions. @import {CrossEntropyTerms, InterpolationTerms, LinearTerms, MatrixProductTerms, ReductionTerms, SoftmaxTerms} from "../../core/arithmetic_terms.js" @import {Arithmetic} from "../../core/types.js" @import {Child, Tools} from "./pieces.js" */
import { count } from "../../core/numbers.js";
import { figure, paragraph, restLine, sum, table } from "./pieces.js";

/**
 * @param {LinearTerms} terms
 * @param {Arithmetic} arithmetic
 * @param {Tools} tools
 * @returns {Child[]}
 */
export function linear(terms, arithmetic, tools) {
  const { products, rest, in_features: features } = terms;
  const from = arithmetic.reads[0]?.input ?? "the input";
  const label = tools.labels.length === terms.out_features ? ` for ${tools.labels[arithmetic.channel]}` : "";
  return [
    paragraph(`Each of the ${count(features)} values of `, tools.source(from, null), ` times its weight${label}, the largest contributions first.`),
    table(
      "Products",
      ["feature", "input", "weight", "product"],
      products.map(({ feature, input, weight, product }) => ({ label: String(feature), children: [figure(input), figure(weight), figure(product)] })),
    ),
    restLine(rest, "product", tools),
    sum([
      [`Sum of all ${count(features)} products`, terms.sum],
      ["Bias", terms.bias],
      ["Value", arithmetic.value],
    ]),
  ];
}

/**
 * @param {MatrixProductTerms} terms
 * @param {Arithmetic} arithmetic
 * @param {Tools} tools
 * @returns {Child[]}
 */
export function matrixProduct(terms, arithmetic, tools) {
  const { products, rest, length, alpha, beta, added } = terms;
  return [
    paragraph(`A row of the left matrix times a column of the right one: ${count(length)} products.`),
    table(
      "Products",
      ["place", "left", "right", "product"],
      products.map(({ index, left, right, product }) => ({ label: String(index), children: [figure(left), figure(right), figure(product)] })),
    ),
    restLine(rest, "product", tools),
    sum([
      [`Sum of all ${count(length)} products`, terms.sum],
      ...(alpha === 1 ? [] : [/** @type {[string, number]} */ (["Times alpha", alpha])]),
      ...(added === null ? [] : [/** @type {[string, typeof added]} */ ([beta === 1 ? "Added" : `Added, times beta = ${beta}`, added])]),
      ["Value", arithmetic.value],
    ]),
  ];
}

/**
 * @param {SoftmaxTerms} terms
 * @param {Arithmetic} arithmetic
 * @param {Tools} tools
 * @returns {Child[]}
 */
export function softmax(terms, arithmetic, tools) {
  const { logits, rest, maximum, index: own, logarithm } = terms;
  const named = arithmetic.index.length === 2 && tools.labels.length === logits.length + (rest?.count ?? 0);
  return [
    paragraph(`The largest logit is taken off all, each becomes e to that power, and the value is its share of their sum${logarithm === null ? "" : ", as a logarithm"}.`),
    table(
      "Logits and their shares",
      ["", "logit", "minus maximum", "exponential", "share"],
      logits.map(({ index, logit, shifted, exponential, share }) => ({
        label: named ? tools.labels[index] : String(index),
        children: [figure(logit), figure(shifted), figure(exponential), figure(share)],
        current: index === own,
      })),
    ),
    restLine(rest, "exponential", tools),
    sum([
      ["Maximum", maximum],
      ["Sum of the exponentials", terms.sum],
      ...(logarithm === null ? [] : [/** @type {[string, typeof logarithm]} */ (["Its logarithm", logarithm])]),
      ["Share of this place", terms.share],
      ["Value", arithmetic.value],
    ]),
  ];
}

/**
 * @param {CrossEntropyTerms} terms
 * @param {Arithmetic} arithmetic
 * @param {Tools} tools
 * @returns {Child[]}
 */
export function crossEntropy(terms, arithmetic, tools) {
  return [
    paragraph(`Over ${count(terms.classes)} classes; reduction: ${terms.reduction}.${terms.label_smoothing > 0 ? ` A share of ${terms.label_smoothing} of each target goes to all classes.` : ""}`),
    table(
      "Losses",
      ["item", "class", "logit", "log of the sum", "weight", "loss"],
      terms.items.map(({ index, target, logit, log_sum: total, weight, loss }) => ({
        label: index.join(", "),
        children: [target === null ? "shares" : String(target), logit === null ? "none" : figure(logit), figure(total), figure(weight), figure(loss)],
      })),
    ),
    restLine(terms.rest, "loss", tools),
    terms.ignored > 0 ? paragraph(`${count(terms.ignored)} have the class that is ignored.`) : null,
    sum([
      ["Sum of the losses", terms.sum],
      ["Divided by", terms.divisor],
      ["Value", arithmetic.value],
    ]),
  ];
}

/**
 * @param {InterpolationTerms} terms
 * @param {Arithmetic} arithmetic
 * @param {Tools} tools
 * @returns {Child[]}
 */
export function interpolation(terms, arithmetic, tools) {
  const { cells, rest, mode, sources, weights } = terms;
  const place = sources.every((source) => source !== null) ? ` It lies at ${sources.map((source) => Number(source?.toFixed(4))).join(", ")} of the input.` : "";
  return [
    paragraph(`Interpolation, ${mode}: cells of the input, each times its weight.${place}`),
    table(
      "Cells",
      ["cell", "value", "weight", "product"],
      cells.map(({ index, value, weight, product }) => ({ label: index.join(", "), children: [figure(value), figure(weight), figure(product)] })),
    ),
    restLine(rest, "product", tools),
    sum([
      ["Sum of the weights", weights],
      ["Value", arithmetic.value],
    ]),
  ];
}

/**
 * @param {ReductionTerms} terms
 * @param {Arithmetic} arithmetic
 * @param {Tools} tools
 * @returns {Child[]}
 */
export function reduction(terms, arithmetic, tools) {
  const { values, rest, divisor, count: all } = terms;
  return [
    paragraph(`The ${terms.function} of ${count(all)} values.`),
    table(
      "Values",
      ["place", "value"],
      values.map(({ index, value }) => ({ label: index.join(", "), children: [figure(value)] })),
    ),
    restLine(rest, "value", tools, "together they give"),
    sum([
      ...(terms.sum === null ? [] : [/** @type {[string, typeof terms.sum]} */ (["Sum", terms.sum])]),
      ...(divisor === 1 ? [] : [/** @type {[string, number]} */ (["Divided by", divisor])]),
      ["Value", arithmetic.value],
    ]),
  ];
}
