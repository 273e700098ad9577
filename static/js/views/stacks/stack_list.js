/**
 * The layers of a stack as rows, kept while they change and move.
 *
 * @import {LayerKinds, Repair, StackAnswer, StackLayer} from "../../core/stack.js"
 * @import {Value} from "../../core/python_literal.js"
 * @import {Extent} from "../../core/field_scale.js"
 * @import {Costs} from "./layer_row.js"
 */
import { fieldAxes } from "../../core/field_scale.js";
import { shapeBefore } from "../../core/stack.js";
import { html } from "../dom.js";
import { COSTS, LayerRow } from "./layer_row.js";
import { Reorder } from "./reorder.js";

/** Milliseconds of work after which the page is given back, so that it never hangs. */
const SLICE = 12;

/** Rows from which on those outside the screen are not laid out. */
const LONG = 60;

/**
 * @typedef {object} StackListHandlers
 * @property {(index: number, name: string, value: Value | undefined) => void} onParameter
 * @property {(from: number, to: number) => void} onMove
 * @property {(index: number) => void} onDuplicate
 * @property {(index: number) => void} onInsert  a layer before this place
 * @property {(index: number) => void} onRemove
 * @property {(repair: Repair) => void} onRepair
 * @property {(text: string) => void} onSay
 *
 * @typedef {object} ListState
 * @property {StackLayer[]} layers
 * @property {StackAnswer | null} answer  of these layers; null: not there yet
 * @property {number[]} input
 * @property {number} axis  of space along which fields are drawn
 * @property {Extent} extent  of what is drawn of that axis
 */

export class StackList {
  element = html("ol", { class: "layer-list" });
  #kinds;
  #handlers;
  #reorder;
  /** @type {Map<number, LayerRow>} by the layer's id */
  #rows = new Map();
  /** @type {ListState} */
  #state = { layers: [], answer: null, input: [], axis: 0, extent: { low: 0, high: 1 } };
  #timer = 0;
  /** @type {{id: number, parameter: string | undefined} | null} to be focused once it is there */
  #wanted = null;

  /**
   * @param {LayerKinds} kinds
   * @param {StackListHandlers} handlers
   */
  constructor(kinds, handlers) {
    this.#kinds = kinds;
    this.#handlers = handlers;
    this.#reorder = new Reorder(this.element, handlers);
  }

  /** @param {ListState} state */
  update(state) {
    this.#state = state;
    const ids = new Set(state.layers.map(({ id }) => id));
    for (const [id, row] of this.#rows) {
      const layer = ids.has(id) ? state.layers.find((each) => each.id === id) : undefined;
      // Another class has other fields.
      if (layer && row.element.querySelector(".layer-type")?.textContent === layer.type) continue;
      row.destroy();
      this.#rows.delete(id);
    }
    this.element.toggleAttribute("data-long", state.layers.length > LONG);
    clearTimeout(this.#timer);
    this.#work(0);
  }

  /**
   * @param {number} id  of the layer
   * @param {string} [parameter]
   */
  focus(id, parameter) {
    const row = this.#rows.get(id);
    if (row) row.focus(parameter);
    else this.#wanted = { id, parameter };
  }

  /** @param {number} id  of a layer whose row, not a field of it, is focused */
  focusRow(id) {
    this.#rows.get(id)?.handle.focus();
  }

  /** Rows from one on, as many as a slice of time has room for. @param {number} first */
  #work(first) {
    const { layers, answer, input, axis, extent } = this.#state;
    const until = performance.now() + SLICE;
    const focused = document.activeElement;
    const axes = fieldAxes(answer);
    const size = input[input.length - axes + axis] ?? 1;
    const shared = { count: layers.length, hasFields: axes > 0, axis, inputSize: size, extent, largest: largestCosts(answer) };
    const broken = answer?.problems[0]?.layer ?? layers.length;
    let index = first;
    for (; index < layers.length && (index === first || performance.now() < until); index += 1) {
      const layer = layers[index];
      const row = this.#row(layer);
      if (this.element.children[index] !== row.element) this.element.insertBefore(row.element, this.element.children[index] ?? null);
      row.update({ ...shared, layer, index, input: shapeBefore(answer, input, index), answered: answer?.layers[index] ?? null, problem: index === broken ? (answer?.problems[0] ?? null) : null, behind: index > broken });
    }
    this.#keepFocus(focused);
    this.element.toggleAttribute("data-partial", index < layers.length);
    if (index < layers.length) this.#timer = window.setTimeout(() => this.#work(index), 0);
  }

  /** @param {Element | null} focused */
  #keepFocus(focused) {
    if (this.#wanted && this.#rows.has(this.#wanted.id)) {
      const { id, parameter } = this.#wanted;
      this.#wanted = null;
      this.#rows.get(id)?.focus(parameter);
    } else if (focused instanceof HTMLElement && focused !== document.activeElement && this.element.contains(focused)) focused.focus({ preventScroll: false });
  }

  /** @param {StackLayer} layer */
  #row(layer) {
    const known = this.#rows.get(layer.id);
    if (known) return known;
    const at = () => this.#state.layers.findIndex(({ id }) => id === layer.id);
    const row = new LayerRow(layer, this.#kinds.get(layer.type), {
      onParameter: (name, value) => this.#handlers.onParameter(at(), name, value),
      onDuplicate: () => this.#handlers.onDuplicate(at()),
      onInsert: () => this.#handlers.onInsert(at() + 1),
      onRemove: () => this.#handlers.onRemove(at()),
      onRepair: (repair) => this.#handlers.onRepair(repair),
    });
    this.#rows.set(layer.id, row);
    return row;
  }

  destroy() {
    clearTimeout(this.#timer);
    this.#reorder.destroy();
    for (const row of this.#rows.values()) row.destroy();
    this.element.remove();
  }
}

/** @param {StackAnswer | null} answer @returns {Costs} */
function largestCosts(answer) {
  const largest = { parameters: 0, multiply_accumulates: 0, activation_bytes: 0, saved_for_backward_bytes: 0 };
  for (const layer of answer?.layers ?? []) for (const [name] of COSTS) largest[name] = Math.max(largest[name], layer[name] ?? 0);
  return largest;
}
