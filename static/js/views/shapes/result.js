/**
 * What the layer makes of the input: shape, arithmetic and costs, or why nothing.
 *
 * @import {LayerKind, ShapeLayer, ShapeProblem, ShapeRepair} from "../../core/shapes/types.js"
 */
import { bytes, compact } from "../../core/quantities.js";
import { count, plural } from "../../core/numbers.js";
import { axisNames, outputAxisNames } from "../../core/shapes/axes.js";
import { html } from "../dom.js";
import { formulaBlocks } from "./formula.js";

/** A whole number in full, where the browser knows it exactly. @param {number} value */
const full = (value) => (Number.isSafeInteger(value) ? count(value) : `about ${compact(value)}`);

/** @param {number[]} shape @param {string[]} names */
function shapeElement(shape, names) {
  return html(
    "span",
    { class: "shape-tensor" },
    "[",
    ...shape.flatMap((size, axis) => [axis ? ", " : "", html("span", { class: "shape-size", title: names[axis] }, String(size))]),
    "]",
  );
}

export class Result {
  element = html("section", { class: "shape-result panel", "aria-labelledby": "result-title", "data-export": "The output shape" });
  #head = html("div", { class: "shape-answer", role: "status" });
  #problem = html("div", { class: "shape-problem", hidden: true });
  #costs = html("dl", { class: "shape-costs" });
  #formulas = html("div", { class: "formulas" });
  #onRepair;

  /** @param {(repair: ShapeRepair) => void} onRepair */
  constructor(onRepair) {
    this.#onRepair = onRepair;
    this.element.append(html("h2", { id: "result-title", class: "label" }, "Output shape"), this.#head, this.#problem, this.#costs, this.#formulas);
  }

  /**
   * @param {ShapeLayer} layer
   * @param {LayerKind} kind
   * @param {(axis: number) => HTMLElement | null} drawAxis
   */
  showLayer(layer, kind, drawAxis) {
    const { input_shape: input, output_shape: output } = layer;
    if (!input || !output) return;
    const names = outputAxisNames(layer.type, kind.axes, output.length);
    this.element.classList.remove("is-stale");
    this.#problem.hidden = true;
    this.#head.replaceChildren(
      shapeElement(input, axisNames(layer.type, kind.axes, input.length)),
      html("span", { class: "shape-arrow", "aria-label": "becomes" }, "→"),
      html("strong", { id: "output-shape" }, shapeElement(output, names)),
    );
    this.#costs.hidden = false;
    this.#costs.replaceChildren(...costs(layer));
    const blocks = formulaBlocks(layer.steps, names, drawAxis);
    this.#formulas.replaceChildren(...(blocks.length > 0 ? blocks : [html("p", { class: "formula-meaning" }, "Every value is changed on its own: the shape stays.")]));
  }

  /**
   * @param {ShapeProblem} problem
   * @param {(repair: ShapeRepair) => string} linkOf  to the page of stacks, for a repair of two layers
   */
  showProblem({ parameter, detail, repairs }, linkOf) {
    const own = repairs.filter(({ insert }) => insert === null);
    const inserted = repairs.filter(({ insert }) => insert !== null);
    this.#head.replaceChildren(html("strong", { id: "output-shape", class: "shape-refused" }, "PyTorch refuses this layer"));
    this.#problem.hidden = false;
    this.#problem.replaceChildren(
      html("p", { class: "notice" }, ...linked(detail, parameter)),
      ...(own.length > 0 ? [html("h3", {}, "The smallest changes that make it fit"), html("ul", { class: "repairs" }, ...own.map((repair) => this.#repair(repair)))] : []),
      ...(inserted.length > 0
        ? [
            html("h3", {}, "Or with a layer before it"),
            html("ul", { class: "repairs" }, ...inserted.map((repair) => html("li", {}, html("a", { class: "repair", href: linkOf(repair) }, html("span", {}, repair.detail), html("span", { class: "repair-shape" }, `→ [${repair.output_shape.join(", ")}], in Stacks`))))),
          ]
        : []),
    );
    this.#costs.hidden = true;
    this.#formulas.replaceChildren();
  }

  /** @param {string} text */
  showFault(text) {
    this.#head.replaceChildren(html("strong", { id: "output-shape", class: "shape-refused" }, "No answer"));
    this.#problem.hidden = false;
    this.#problem.replaceChildren(html("p", { class: "notice" }, text));
    this.#costs.hidden = true;
    this.#formulas.replaceChildren();
  }

  /** @param {ShapeRepair} repair */
  #repair(repair) {
    return html(
      "li",
      {},
      html("button", { type: "button", class: "repair", onclick: () => this.#onRepair(repair) }, html("span", {}, repair.detail), html("span", { class: "repair-shape" }, `→ [${repair.output_shape.join(", ")}]`)),
    );
  }

  destroy() {
    this.element.remove();
  }
}

/** A sentence in which the parameter leads to its field. @param {string} detail @param {string} parameter */
function linked(detail, parameter) {
  const at = detail.indexOf(parameter);
  if (at < 0) return [detail];
  return [detail.slice(0, at), html("button", { type: "button", class: "symbol", "data-parameter": parameter }, parameter), detail.slice(at + parameter.length)];
}

/** @param {ShapeLayer} layer */
function costs(layer) {
  const { parameters, multiply_accumulates: products, activation_bytes: activation, saved_for_backward_bytes: saved, receptive_field: field } = layer;
  /** @type {[string, string, string][]} */
  const rows = [
    ["Parameters", full(parameters ?? 0), "Values that training learns"],
    ["Multiply-accumulates", full(products ?? 0), "For the whole batch"],
    ["Output in memory", bytes(activation ?? 0), `${full(activation ?? 0)} bytes in float32`],
    ["Kept for backward", saved === null ? "not known" : bytes(saved), "Without the parameters"],
  ];
  if (field && field.size.length > 0) {
    const size = field.size.join(" × ");
    const stride = field.stride.every((step) => step === 0) ? "all read the same" : `every ${field.stride.join(" × ")}`;
    rows.push(["Each output sees", size === "1" || /^1( × 1)*$/.test(size) ? plural(1, "position") : size, `${stride}, the first from ${field.start.join(", ").replaceAll("-", "−")}`]);
  }
  return rows.map(([name, value, title]) => html("div", {}, html("dt", {}, name), html("dd", {}, value), html("dd", { class: "cost-note" }, title)));
}
