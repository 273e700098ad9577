/** What is done to one value, or to two: normalisation, elementwise functions, and what hands a value on. @import {ConcatenationTerms, DropoutTerms, ElementwiseTerms, EmbeddingTerms, Figure, GeneralTerms, IdentityTerms, LocalResponseNormalisationTerms, MovementTerms, NormalisationTerms} from "../../core/arithmetic_terms.js" @import {Arithmetic} from "../../core/types.js" @import {Child, Tools} from "./pieces.js" */
import { generalTerms } from "../../core/arithmetic.js";
import { count } from "../../core/numbers.js";
import { html } from "../dom.js";
import { figure, paragraph, restLine, sum, table } from "./pieces.js";

/**
 * @param {NormalisationTerms} terms
 * @returns {Child[]}
 */
export function normalisation(terms) {
  const { x, mean, variance, eps, weight, bias, statistics, steps } = terms;
  const from = statistics === "running" ? "as they were found in training" : `of ${count(terms.count)} values of this input`;
  return [
    paragraph(`${mean === null ? "The mean of squares is" : "Mean and variance are"} ${from}.`),
    sum([
      ["x", x],
      ...(mean === null ? [] : [/** @type {[string, Figure]} */ (["Mean", mean])]),
      [mean === null ? "Mean of squares" : "Variance", variance],
      ["eps", eps],
      ...(weight === null ? [] : [/** @type {[string, Figure]} */ (["Weight γ", weight])]),
      ...(bias === null ? [] : [/** @type {[string, Figure]} */ (["Bias β", bias])]),
    ]),
    table(
      "Step by step",
      ["step", "how", "value"],
      steps.map(({ name, expression, value }) => ({ label: name, children: [html("span", { class: "expression" }, expression), figure(value)] })),
    ),
  ];
}

/**
 * @param {LocalResponseNormalisationTerms} terms
 * @param {Arithmetic} arithmetic
 * @param {Tools} tools
 * @returns {Child[]}
 */
export function localResponseNormalisation(terms, arithmetic, tools) {
  const { x, size, alpha, beta, k, channels, rest, divisor } = terms;
  return [
    paragraph(`The value over a power of the squares of ${count(size)} channels around it, here: size ${size}, alpha ${alpha}, beta ${beta}, k ${k}.`),
    table(
      "Channels around it",
      ["channel", "value", "square"],
      channels.map(({ channel, value, square }) => ({ label: String(channel), children: [figure(value), figure(square)], current: channel === arithmetic.channel })),
    ),
    restLine(rest, "square", tools),
    sum([
      ["x", x],
      ["Sum of the squares", terms.sum],
      ["Divisor (k + alpha / size · sum)^beta", divisor],
      ["Value", arithmetic.value],
    ]),
  ];
}

/**
 * @param {ElementwiseTerms} terms
 * @param {Arithmetic} arithmetic
 * @param {Tools} tools
 * @returns {Child[]}
 */
export function elementwise(terms, arithmetic, tools) {
  const { operator, sides, alpha } = terms;
  return [
    table(
      "Both sides",
      ["side", "from", "value"],
      sides.map(({ name, source, index, broadcast, value }) => ({
        label: name,
        children: [source === null ? "a number" : html("span", {}, tools.source(source, index), broadcast ? ", the same at other places" : ""), figure(value)],
      })),
    ),
    alpha !== null && alpha !== 1 ? paragraph(`The right side is taken times ${alpha}.`) : null,
    terms.rounding_mode ? paragraph(`The quotient is rounded: ${terms.rounding_mode}.`) : null,
    sum([
      ...sides.map(({ value }, number) => /** @type {[string, Figure]} */ ([number === 0 ? "Left" : `${operator} right`, value])),
      ["Value", arithmetic.value],
    ]),
  ];
}

/**
 * @param {ConcatenationTerms} terms
 * @param {Arithmetic} _
 * @param {Tools} tools
 * @returns {Child[]}
 */
export function concatenation(terms, _, tools) {
  const { parts, part, index, axis, stacked } = terms;
  const along = axis === 1 && !stacked ? "channels" : `places of axis ${axis}`;
  const [from] = parts.slice(part, part + 1);
  return [
    paragraph(`The tensors lie one after the other${stacked ? " on an axis of their own" : ""}; the value comes from `, from?.source ? tools.source(from.source, index) : "a number", "."),
    table(
      "The tensors that are joined",
      ["tensor", along],
      parts.map(({ source, first, size }, number) => ({ label: source ?? "a number", children: [size === 1 ? String(first) : `${first} to ${first + size - 1}`], current: number === part })),
    ),
  ];
}

/**
 * @param {IdentityTerms} terms
 * @returns {Child[]}
 */
export function identity({ x }) {
  return [paragraph("The value is handed on as it is."), sum([["Value", x]])];
}

/**
 * @param {DropoutTerms} terms
 * @returns {Child[]}
 */
export function dropout(terms) {
  const { x, p, keep_probability: keep, scale, training, kept, value_if_kept: ifKept } = terms;
  const what = terms.whole_channels ? "its whole channel" : "it";
  return [
    paragraph(
      training
        ? `As in training: the value was ${kept ? "kept" : "dropped"}.`
        : `Nothing happens, since the network is not being trained. In training ${what} would become 0 with a probability of ${p}, and be kept with ${Number(keep.toPrecision(6))}.`,
    ),
    sum([
      ["x, what it was given", x],
      ...(scale === null ? [] : [/** @type {[string, number]} */ (["Scale of what is kept in training, 1 / (1 − p)", scale])]),
      ...(ifKept === null ? [] : [/** @type {[string, Figure]} */ (["In training, if kept", ifKept])]),
    ]),
  ];
}

/**
 * @param {MovementTerms} terms
 * @param {Arithmetic} _
 * @param {Tools} tools
 * @returns {Child[]}
 */
export function movement({ source, index }, _, tools) {
  return [source === null ? paragraph("A constant: nothing was read for it.") : paragraph("The same value, from another place: ", tools.source(source, index), ".")];
}

/**
 * @param {EmbeddingTerms} terms
 * @returns {Child[]}
 */
export function embedding({ row, column, rows }) {
  return [paragraph(`The input names row ${count(row)} of the table's ${count(rows)}; this is its value at ${count(column)}.`)];
}

/**
 * @param {GeneralTerms} terms
 * @returns {Child[]}
 */
export function general({ statement, recomputed, causes }) {
  return [
    paragraph(statement),
    paragraph(recomputed ? "The whole operation was run again in float64." : "It was not run again."),
    causes.length > 0 ? paragraph(`Perhaps more cells are given as read than are, because of ${causes.join(", ")}.`) : null,
  ];
}

/** Terms of a kind that has no view of its own. @param {unknown} terms @returns {Child[]} */
export function anything(terms) {
  const described = generalTerms(terms);
  return [
    sum(described.flatMap(({ name, text }) => (text === null ? [] : [/** @type {[string, string]} */ ([name, text])]))),
    ...described.flatMap(({ name, table: found }) => (found ? [table(name, found.columns, found.rows.map(([label, ...children]) => ({ label, children })))] : [])),
  ];
}
