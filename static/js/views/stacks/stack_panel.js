/**
 * One stack: where it begins, its layers, what they come to, and what can be done with all of them.
 *
 * @import {LayerKinds, StackAnswer, StackLayer} from "../../core/stack.js"
 * @import {StackListHandlers} from "./stack_list.js"
 */
import { fieldAxes, fieldExtent } from "../../core/field_scale.js";
import { count, plural } from "../../core/numbers.js";
import { bytes, compact, shapeText } from "../../core/quantities.js";
import { BROKEN, COMPARISON, TEMPLATES } from "../../core/stack_templates.js";
import { html } from "../dom.js";
import { COSTS } from "./layer_row.js";
import { StackList } from "./stack_list.js";

/**
 * @typedef {StackListHandlers & {
 *   onAdd: () => void, onTemplate: (name: string) => void, onImport: () => void, onExport: () => void,
 *   onClear: () => void, onClose: () => void, onAxis: (axis: number) => void, onShowBroken: () => void,
 * }} PanelHandlers
 *
 * @typedef {object} PanelState
 * @property {StackLayer[]} layers
 * @property {StackAnswer | null} answer
 * @property {(StackAnswer | null)[]} answers  of all stacks: their fields are drawn to one scale
 * @property {number[]} input
 * @property {number} axis
 * @property {string} title  "" where there is one stack only
 * @property {string} failure  why there is no answer; "" if there is or will be
 * @property {boolean} settled  whether the answer is of these layers
 */

const AXES = [["position"], ["length"], ["height", "width"], ["depth", "height", "width"]];

export class StackPanel {
  element;
  #list;
  #title = html("h2", { class: "stack-title" });
  #summary = html("p", { class: "stack-summary", "aria-live": "off" });
  #template;
  #close;
  #clear;
  #axis;
  #axisLabel;
  #scale = html("span", { class: "head-scale" });
  #input = html("span", { class: "cell-value" });
  #totals = new Map(COSTS.map(([name]) => [name, html("span", { class: "cell-value" })]));
  #inputBytes = html("span", { class: "cell-value" });
  #empty;
  #add;
  #output = html("span", { class: "cell-value" });

  /**
   * @param {LayerKinds} kinds
   * @param {PanelHandlers} handlers
   */
  constructor(kinds, handlers) {
    this.#list = new StackList(kinds, handlers);
    this.#template = html("select", { "aria-label": "Start from a template", class: "select", onchange: () => handlers.onTemplate(this.#template.value) }, html("option", { value: "" }, "Start from…"), 
      html("optgroup", { label: "Networks" }, ...TEMPLATES.map(({ name, title }) => html("option", { value: name }, title))),
      html("optgroup", { label: "To compare" }, html("option", { value: "comparison" }, COMPARISON.title)),
      html("optgroup", { label: "To repair" }, html("option", { value: "broken" }, BROKEN.title)));
    this.#close = html("button", { type: "button", class: "quiet-button", onclick: handlers.onClose }, "Remove");
    this.#clear = html("button", { type: "button", class: "quiet-button", onclick: handlers.onClear }, "Clear");
    this.#axis = html("select", { "aria-label": "Axis along which receptive fields are drawn", onchange: () => handlers.onAxis(Number(this.#axis.value)) });
    this.#axisLabel = html("span", { class: "head-axis" }, "along ", this.#axis);
    this.#add = html("button", { type: "button", class: "button add-button", onclick: handlers.onAdd }, "Add a layer");
    this.#empty = html("p", { class: "stack-empty" }, "No layers yet. Add one, start from a template, or import a network.");
    this.#summary.addEventListener("click", (event) => event.target instanceof HTMLButtonElement && handlers.onShowBroken());
    this.element = html(
      "section",
      { class: "stack-panel" },
      html(
        "div",
        { class: "stack-bar" },
        this.#title,
        this.#template,
        html("button", { type: "button", class: "quiet-button", onclick: handlers.onImport }, "Import…"),
        html("button", { type: "button", class: "quiet-button", onclick: handlers.onExport }, "Export…"),
        this.#clear,
        this.#close,
      ),
      this.#summary,
      this.#head(),
      html(
        "div",
        { class: "layer-row layer-input" },
        html("span", { class: "layer-handle" }),
        html("div", { class: "layer-main" }, html("span", { class: "layer-type" }, "Input")),
        html("div", { class: "layer-cell layer-shape" }, html("span", { class: "cell-label" }, "Shape"), this.#input),
        html("div", { class: "layer-cell layer-cost", "data-cost": "activation_bytes" }, html("span", { class: "cell-label" }, "Memory"), this.#inputBytes),
      ),
      this.#empty,
      this.#list.element,
      html("div", { class: "stack-add" }, this.#add),
      html(
        "div",
        { class: "layer-row layer-totals" },
        html("span", { class: "layer-handle" }),
        html("div", { class: "layer-main" }, html("span", { class: "layer-type" }, "Total")),
        html("div", { class: "layer-cell layer-shape" }, html("span", { class: "cell-label" }, "Output"), this.#output),
        ...COSTS.map(([name, label]) => html("div", { class: "layer-cell layer-cost", "data-cost": name }, html("span", { class: "cell-label" }, label), this.#totals.get(name) ?? null)),
      ),
    );
  }

  /** @param {PanelState} state */
  update(state) {
    const { layers, answer, answers, input, axis, title, failure, settled } = state;
    this.element.setAttribute("aria-busy", String(!settled));
    this.element.setAttribute("aria-label", title || "The stack");
    this.#title.textContent = title || "Layers";
    this.#close.setAttribute("aria-label", `Remove ${title}`);
    this.#title.classList.toggle("visually-hidden", title === "");
    this.#close.hidden = title === "";
    this.#clear.disabled = layers.length === 0;
    this.#template.value = "";
    this.#empty.hidden = layers.length > 0;
    this.#input.textContent = shapeText(input);
    this.#inputBytes.textContent = bytes(4 * input.reduce((product, size) => product * size, 1));
    const axes = fieldAxes(answer);
    this.element.toggleAttribute("data-fields", axes > 0);
    const shown = Math.min(axis, Math.max(0, axes - 1));
    const size = input[input.length - axes + shown] ?? 0;
    const extent = fieldExtent(answers, shown, size);
    this.#showAxes(axes, shown);
    this.#scale.textContent = axes === 0 ? "" : extent.high < size ? `first ${count(extent.high)} of ${count(size)}` : `all ${count(size)}`;
    this.#list.update({ layers, answer, input, axis: shown, extent });
    this.#showTotals(answer, layers);
    this.#showSummary(answer, layers, failure);
  }

  /** What the stack comes to, in a sentence. */
  get summary() {
    return (this.#summary.textContent ?? "").replace(/Show (it|the repairs)$/, "");
  }

  /** @param {number} id @param {string} [parameter] */
  focus(id, parameter) {
    this.#list.focus(id, parameter);
  }

  /** @param {number} id */
  focusRow(id) {
    this.#list.focusRow(id);
  }

  focusAdd() {
    this.#add.focus();
  }

  #head() {
    /** @param {string} name @param {...(Node | string)} content */
    const cell = (name, ...content) => html("span", { class: `head-cell ${name}` }, ...content);
    return html(
      "div",
      { class: "layer-row layer-head" },
      cell("layer-handle"),
      cell("layer-main", "Layer"),
      cell("layer-shape", "Output"),
      cell("layer-picture", "Receptive field ", this.#axisLabel, this.#scale),
      cell("layer-words", ""),
      cell("layer-cost", "Parameters"),
      html("abbr", { class: "head-cell layer-cost", title: "Multiply-accumulates" }, "MACs"),
      html("abbr", { class: "head-cell layer-cost", title: "Memory of the outputs, which a forward pass makes" }, "Forward"),
      html("abbr", { class: "head-cell layer-cost", title: "Memory that autograd keeps until the backward pass" }, "Backward"),
    );
  }

  /** @param {number} axes @param {number} shown */
  #showAxes(axes, shown) {
    const names = AXES[axes] ?? Array.from({ length: axes }, (_, index) => `axis ${index}`);
    this.#axisLabel.hidden = axes < 2;
    if (this.#axis.options.length !== axes) this.#axis.replaceChildren(...names.map((name, index) => html("option", { value: index }, name)));
    this.#axis.value = String(shown);
  }

  /** @param {StackAnswer | null} answer @param {StackLayer[]} layers */
  #showTotals(answer, layers) {
    for (const [name, , written] of COSTS) {
      const value = answer?.[name] ?? null;
      const cell = this.#totals.get(name);
      if (cell) cell.textContent = layers.length === 0 ? "" : value === null ? (answer ? "not known" : "…") : written(value);
    }
    this.#output.textContent = answer?.output_shape ? shapeText(answer.output_shape) : "";
  }

  /** @param {StackAnswer | null} answer @param {StackLayer[]} layers @param {string} failure */
  #showSummary(answer, layers, failure) {
    const problem = answer?.problems[0];
    this.#summary.toggleAttribute("data-broken", problem !== undefined || failure !== "");
    if (failure) this.#summary.replaceChildren(failure);
    else if (layers.length === 0) this.#summary.replaceChildren("");
    else if (!answer) this.#summary.replaceChildren("…");
    else if (problem) {
      const name = `${layers[problem.layer]?.type ?? "A layer"}, layer ${problem.layer + 1},`;
      this.#summary.replaceChildren(`${name} does not fit. ${problem.detail} `, html("button", { type: "button", class: "text-button" }, problem.repairs.length > 0 ? "Show the repairs" : "Show it"));
    } else this.#summary.replaceChildren(`${plural(layers.length, "layer")} · ${compact(answer.parameters)} parameters · output ${answer.output_shape ? shapeText(answer.output_shape) : ""}`);
  }

  destroy() {
    this.#list.destroy();
    this.element.remove();
  }
}
