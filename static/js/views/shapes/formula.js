/** The arithmetic of a shape, line by line. @import {Piece} from "../../core/shapes/formula.js" @import {ShapeStep} from "../../core/shapes/types.js" */
import { pieces, stepsByAxis } from "../../core/shapes/formula.js";
import { html } from "../dom.js";

/**
 * @param {Piece} piece
 * @param {number | null} axis  of the input, for symbols that are a size of it
 */
function pieceElement({ text, symbol }, axis) {
  if (!symbol) return text;
  const { name, meaning, value, parameter } = symbol;
  const words = `${name} = ${value}: ${meaning}${parameter ? `, from ${parameter}` : ""}`;
  if (!parameter) return html("span", { class: "symbol symbol-made", title: words }, text);
  const own = parameter === "input_shape" && axis !== null ? { "data-axis": axis } : {};
  return html("button", { type: "button", class: "symbol", title: words, "aria-label": words, "data-parameter": parameter, ...own }, text);
}

/** @param {ShapeStep} step @param {number | null} axis */
function line(step, axis) {
  const { letters, numbers } = pieces(step);
  const plain = letters.length === 1 && letters[0].symbol;
  return html(
    "li",
    { class: "formula-line" },
    html(
      "p",
      { class: "formula-sum" },
      html("span", { class: "symbol symbol-made", title: step.meaning }, step.name),
      " = ",
      ...letters.map((piece) => pieceElement(piece, axis)),
      ...(plain ? [] : [html("span", { class: "formula-filled" }, " = ", ...numbers.map((piece) => pieceElement(piece, axis)))]),
      " = ",
      html("strong", {}, String(step.value)),
    ),
    html("p", { class: "formula-meaning" }, step.meaning),
    step.note ? html("p", { class: "formula-note" }, step.note) : null,
  );
}

/**
 * @param {ShapeStep[]} steps
 * @param {string[]} axisNames  of the output
 * @param {(axis: number) => HTMLElement | null} drawAxis  a drawing of one axis, where there is something to see
 * @returns {HTMLElement[]}
 */
export function formulaBlocks(steps, axisNames, drawAxis) {
  return stepsByAxis(steps).map(({ axes, steps: own }) => {
    const names = axes.map((axis) => (axis === null ? null : axisNames[axis])).filter((name) => name !== null);
    const title = names.length > 0 ? `${names.join(" and ")}${names.length > 1 ? ", alike" : ""}` : own[own.length - 1].meaning;
    const axis = axes[0];
    return html(
      "section",
      { class: "formula" },
      html("h3", {}, title.slice(0, 1).toUpperCase() + title.slice(1)),
      html("ol", { class: "formula-lines" }, ...own.map((step) => line(step, axes.length > 1 ? null : axis))),
      axis === null ? null : drawAxis(axis),
    );
  });
}
