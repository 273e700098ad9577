/**
 * One layer of a stack: its fields, what it makes of its input, what that costs, and why not.
 *
 * @import {AnsweredLayer, LayerKind, Repair, StackLayer, StackProblem} from "../../core/stack.js"
 * @import {Extent} from "../../core/field_scale.js"
 * @import {Value} from "../../core/python_literal.js"
 */
import { fieldWords } from "../../core/field_scale.js";
import { bytes, compact, shapeText } from "../../core/quantities.js";
import { formatConfiguration } from "../../core/shapes/configuration.js";
import { html, icon } from "../dom.js";
import { FieldPicture } from "./field_picture.js";
import { ICONS } from "./icons.js";
import { ParameterFields } from "./parameter_fields.js";

/**
 * @typedef {object} RowHandlers
 * @property {(name: string, value: Value | undefined) => void} onParameter
 * @property {() => void} onDuplicate
 * @property {() => void} onInsert
 * @property {() => void} onRemove
 * @property {(repair: Repair) => void} onRepair
 *
 * @typedef {{parameters: number, multiply_accumulates: number, activation_bytes: number, saved_for_backward_bytes: number}} Costs
 *
 * @typedef {object} RowState
 * @property {StackLayer} layer
 * @property {number} index
 * @property {number} count  of layers
 * @property {AnsweredLayer | null} answered  null: not known yet
 * @property {StackProblem | null} problem  the one that breaks the stack, if it is here
 * @property {number[] | null} input  shape of what the layer is given, as far as it is known
 * @property {boolean} behind  whether the stack breaks before this layer
 * @property {boolean} hasFields  whether there are receptive fields in this stack
 * @property {number} axis  of space along which fields are drawn
 * @property {number} inputSize  on that axis
 * @property {Extent} extent
 * @property {Costs} largest  of each cost in the stack
 */

/** @type {[keyof Costs, string, (value: number) => string][]} */
export const COSTS = [
  ["parameters", "Parameters", compact],
  ["multiply_accumulates", "MACs", compact],
  ["activation_bytes", "Forward", bytes],
  ["saved_for_backward_bytes", "Backward", bytes],
];

export class LayerRow {
  element;
  #handle;
  #link;
  #fields;
  #sentence;
  #repairs = html("ul", { class: "repair-list" });
  #shape = html("span", { class: "cell-value" });
  #picture = new FieldPicture();
  #words = html("span", { class: "cell-value" });
  #pictureCell;
  /** @type {Map<keyof Costs, {value: HTMLElement, bar: HTMLElement}>} */
  #costs = new Map();
  #handlers;
  #key = "";

  /**
   * @param {StackLayer} layer
   * @param {LayerKind | undefined} kind
   * @param {RowHandlers} handlers
   */
  constructor(layer, kind, handlers) {
    this.#handlers = handlers;
    this.#handle = html("button", { type: "button", class: "layer-handle", "aria-describedby": "move-hint", "aria-pressed": "false" });
    this.#link = html("a", { title: "Look at this layer alone" }, layer.type);
    this.#fields = new ParameterFields(layer, kind, handlers.onParameter);
    this.#sentence = html("p", { class: "layer-sentence", id: `sentence-${layer.id}` });
    this.#pictureCell = html("div", { class: "layer-cell layer-picture" }, this.#picture.element);
    this.element = html(
      "li",
      { class: "layer-row", "data-id": layer.id, tabindex: -1 },
      this.#handle,
      html("div", { class: "layer-main" }, html("h3", { class: "layer-type" }, this.#link), this.#fields.element, this.#sentence, this.#repairs),
      html("div", { class: "layer-cell layer-shape" }, html("span", { class: "cell-label" }, "Output"), this.#shape),
      this.#pictureCell,
      html("div", { class: "layer-cell layer-words" }, html("span", { class: "cell-label" }, "Receptive field"), this.#words),
      ...COSTS.map(([name, label]) => this.#cost(name, label)),
      html(
        "div",
        { class: "layer-actions" },
        action("Duplicate", ICONS.duplicate, handlers.onDuplicate),
        action("Add a layer below", ICONS.add, handlers.onInsert),
        action("Delete", ICONS.remove, handlers.onRemove),
      ),
    );
  }

  get handle() {
    return this.#handle;
  }

  /** @param {string} [parameter]  whose field; else the first one, or the row itself */
  focus(parameter) {
    if (!this.#fields.focus(parameter)) this.element.focus();
  }

  /** @param {RowState} state */
  update(state) {
    const key = JSON.stringify(state);
    if (key === this.#key) return;
    this.#key = key;
    const { layer, index, count, answered, problem, behind, input } = state;
    const place = `layer ${index + 1} of ${count}`;
    this.#handle.replaceChildren(icon(ICONS.grip), html("span", {}, String(index + 1)));
    this.#handle.setAttribute("aria-label", `Move ${layer.type}, ${place}`);
    this.element.setAttribute("aria-label", `${layer.type}, ${place}`);
    this.element.toggleAttribute("data-broken", problem !== null);
    this.element.toggleAttribute("data-behind", behind);
    this.#showLink(layer, input, behind);
    this.#fields.update(layer, problem, this.#sentence.id);
    this.#sentence.textContent = problem?.detail ?? "";
    this.#sentence.hidden = problem === null;
    this.#showRepairs(problem?.repairs ?? [], index);
    this.#showShape(answered, behind);
    this.#showField(state);
    this.#showCosts(state);
  }

  /** @param {StackLayer} layer @param {number[] | null} input @param {boolean} behind */
  #showLink({ type, parameters }, input, behind) {
    if (input && !behind) this.#link.href = `/shapes${formatConfiguration({ type, input, values: parameters, view: {} })}`;
    else this.#link.removeAttribute("href");
  }

  /** @param {Repair[]} repairs @param {number} index */
  #showRepairs(repairs, index) {
    this.#repairs.hidden = repairs.length === 0;
    this.#repairs.replaceChildren(
      ...repairs.map((repair) =>
        html(
          "li",
          {},
          html(
            "button",
            { type: "button", class: "repair-button", onclick: () => this.#handlers.onRepair(repair) },
            html("span", {}, repairText(repair, index)),
            html("span", { class: "repair-shape" }, `→ ${shapeText(repair.output_shape)}`),
          ),
        ),
      ),
    );
  }

  /** @param {AnsweredLayer | null} answered @param {boolean} behind */
  #showShape(answered, behind) {
    const [before, after] = [answered?.input_shape, answered?.output_shape];
    if (!after) {
      this.#shape.replaceChildren(behind ? "gets no input" : answered ? "does not fit" : "…");
      return;
    }
    const same = before?.length === after.length;
    this.#shape.replaceChildren(
      ...after.flatMap((size, axis) => [
        axis > 0 ? "\u202f×\u202f" : "",
        same && before?.[axis] === size ? String(size) : html("b", {}, String(size)),
      ]),
    );
  }

  /** @param {RowState} state */
  #showField({ answered, axis, inputSize, extent, hasFields }) {
    const field = answered?.receptive_field ?? null;
    this.#pictureCell.hidden = !hasFields;
    if (hasFields) this.#picture.update(field, axis, inputSize, extent);
    if (field && field.size.length > 0) {
      const { size, stride, start } = fieldWords(field);
      const whole = field.stride.every((step) => step === 0);
      this.#words.replaceChildren(html("b", {}, size), whole ? " the same for all units" : ` stride ${stride}, start ${start}`);
    } else this.#words.replaceChildren(answered?.output_shape ? "differs from unit to unit" : "");
  }

  /** @param {RowState} state */
  #showCosts({ answered, largest }) {
    for (const [name, , written] of COSTS) {
      const cell = this.#costs.get(name);
      if (!cell) continue;
      const value = answered?.[name] ?? null;
      cell.value.textContent = value === null ? (answered?.output_shape ? "not known" : "") : value === 0 ? "0" : written(value);
      cell.value.toggleAttribute("data-none", value === 0);
      cell.bar.style.width = `${value && largest[name] > 0 ? Math.max(1, (100 * value) / largest[name]) : 0}%`;
    }
  }

  /** @param {keyof Costs} name @param {string} label */
  #cost(name, label) {
    const value = html("span", { class: "cell-value" });
    const bar = html("span", { class: "cell-bar" });
    this.#costs.set(name, { value, bar });
    return html("div", { class: "layer-cell layer-cost", "data-cost": name }, html("span", { class: "cell-label" }, label), value, html("span", { class: "cell-track", "aria-hidden": "true" }, bar));
  }

  destroy() {
    this.element.remove();
  }
}

/** @param {string} label @param {string} path @param {() => void} onClick */
function action(label, path, onClick) {
  return html("button", { type: "button", class: "icon-button", "aria-label": label, title: label, onclick: onClick }, icon(path));
}

/**
 * The server counts layers from 0, the page from 1.
 *
 * @param {Repair} repair
 * @param {number} index  of the layer that is broken
 */
function repairText({ detail, layer }, index) {
  const text = detail.replace(/\.$/, "");
  return layer === index ? text : text.replace(/of layer \d+/, `of layer ${layer + 1}`);
}
