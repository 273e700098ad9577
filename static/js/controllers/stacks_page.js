/**
 * Wires the page of stacks: edits -> history -> server -> rows, address and memory.
 *
 * @import {LayerKind, LayerKinds, Repair, StackLayer, Stacks} from "../core/stack.js"
 */
import { usualParameters } from "../core/new_layer.js";
import { count } from "../core/numbers.js";
import { compareStacks } from "../core/stack_comparison.js";
import { shapeText } from "../core/quantities.js";
import { changed, duplicated, fromSpec, inserted, MOST_LAYERS, moved, newLayer, removed, repaired, shapeBefore } from "../core/stack.js";
import { BROKEN, COMPARISON, TEMPLATES } from "../core/stack_templates.js";
import { UndoHistory } from "../core/undo.js";
import { byId, html, icon } from "../views/dom.js";
import { ComparisonTable } from "../views/stacks/comparison_table.js";
import { ICONS } from "../views/stacks/icons.js";
import { LayerPicker } from "../views/stacks/layer_picker.js";
import { StackInput } from "../views/stacks/stack_input.js";
import { StackPanel } from "../views/stacks/stack_panel.js";
import { Announcer } from "./announcer.js";
import { StackAddress } from "./stack_address.js";
import { StackCalculation } from "./stack_calculation.js";
import { findSizes } from "./stack_finder.js";
import { exportStack, importStack, readLines } from "./stack_transfer.js";

const TITLES = ["Stack A", "Stack B"];

/** @type {Stacks} */
const START = { input: TEMPLATES[0].input, training: false, stacks: [TEMPLATES[0].layers.map(fromSpec)] };

export class StacksPage {
  #kinds;
  #history;
  /** What the last change was of; a second one of the same is one step of undo with it. */
  #lastChange = "";
  #axis = Infinity;
  #announcer = new Announcer(byId("announcer", HTMLElement));
  #address;
  #input = new StackInput((change) => this.#change(change, "input"));
  #comparison = new ComparisonTable();
  /** @type {{panel: StackPanel, calculation: StackCalculation, said: string}[]} */
  #sides = [];
  #panels = html("div", { class: "stack-columns", "data-export": "The stacks" });
  #notice = html("div", { class: "notice stack-notice", role: "status", hidden: true });
  #undo;
  #redo;
  #compare;
  #edited = false;
  /** What was just said of a layer that moved, to be said again with what comes of it. */
  #moved = "";
  #noticeTimer = 0;
  #stop = new AbortController();

  /**
   * @param {HTMLElement} main
   * @param {LayerKinds} kinds
   */
  constructor(main, kinds) {
    this.#kinds = kinds;
    this.#address = new StackAddress((state) => this.#change(state, ""), (sentence, lasting) => this.#say(sentence, lasting));
    const { first, before } = this.#address.start(START);
    this.#history = new UndoHistory(before ?? first);
    if (before) this.#history.push(first);
    this.#undo = tool("Undo", ICONS.undo, () => this.#goBack(-1));
    this.#redo = tool("Redo", ICONS.redo, () => this.#goBack(1));
    this.#compare = html("button", { type: "button", class: "quiet-button", onclick: () => this.#toggleComparison() });
    const tools = html(
      "div",
      { class: "stack-tools" },
      this.#input.element,
      html("div", { class: "tool-group" }, this.#undo, this.#redo, this.#compare, html("button", { type: "button", class: "quiet-button", onclick: () => this.#find() }, "From one size to another…")),
    );
    byId("stacks-wait", HTMLElement).remove();
    main.append(tools, this.#notice, this.#comparison.element, this.#panels, byId("stacks-notes", HTMLElement));
    window.addEventListener("keydown", (event) => this.#key(event), { signal: this.#stop.signal });
    window.addEventListener("paste", (event) => void this.#paste(event), { signal: this.#stop.signal });
    this.#show();
  }

  get #state() {
    return this.#history.current;
  }

  /**
   * @param {Partial<Stacks>} change
   * @param {string} of  what; the same again goes with it into one step of undo, "" never does
   */
  #change(change, of) {
    const next = { ...this.#state, ...change };
    const tooMany = next.stacks.find((layers) => layers.length > MOST_LAYERS);
    if (tooMany) return this.#say(`A stack has at most ${count(MOST_LAYERS)} layers, not ${count(tooMany.length)}.`);
    if (of !== "" && of === this.#lastChange && this.#history.canUndo) this.#history.undo();
    this.#history.push(next);
    this.#lastChange = of;
    this.#edited = true;
    this.#say("");
    return this.#show();
  }

  /** @param {number} side @param {StackLayer[]} layers @param {string} [of] @param {number[]} [input] */
  #put(side, layers, of = "", input = this.#state.input) {
    this.#change({ input, stacks: this.#state.stacks.map((each, index) => (index === side ? layers : each)) }, of);
  }

  #show() {
    const { input, training, stacks } = this.#state;
    while (this.#sides.length < stacks.length) this.#sides.push(this.#newSide(this.#sides.length));
    while (this.#sides.length > stacks.length) {
      const side = this.#sides.pop();
      side?.calculation.destroy();
      side?.panel.destroy();
    }
    this.#panels.toggleAttribute("data-compared", stacks.length > 1);
    this.#input.update(input, training);
    this.#compare.textContent = stacks.length > 1 ? "Stop comparing" : "Compare with another";
    this.#undo.disabled = !this.#history.canUndo;
    this.#redo.disabled = !this.#history.canRedo;
    this.#sides.forEach(({ calculation }, index) => calculation.ask({ layers: stacks[index], input, training }));
    this.#sides.forEach((_, index) => this.#showSide(index));
    this.#address.note(this.#state);
  }

  /** @param {number} index */
  #showSide(index) {
    const { panel, calculation } = this.#sides[index];
    const { input, stacks } = this.#state;
    if (!stacks[index]) return;
    panel.update({ layers: stacks[index], answer: calculation.answer, answers: this.#sides.map((side) => side.calculation.answer), input, axis: this.#axis, title: stacks.length > 1 ? TITLES[index] : "", failure: calculation.failure, settled: calculation.settled });
    const [first, second] = this.#sides.map((side) => side.calculation.answer);
    this.#comparison.update(stacks.length > 1 ? (first && second ? compareStacks(first, second) : []) : null);
  }

  /** @param {number} index */
  #answered(index) {
    const { calculation } = this.#sides[index];
    this.#input.refuse(calculation.inputRefused ? calculation.failure : "");
    this.#sides.forEach((_, each) => this.#showSide(each));
    const { summary } = this.#sides[index].panel;
    if (this.#edited && summary !== this.#sides[index].said) this.#announcer.say(`${this.#moved}${summary}`);
    this.#moved = "";
    this.#sides[index].said = summary;
  }

  /** @param {number} index @returns {{panel: StackPanel, calculation: StackCalculation, said: string}} */
  #newSide(index) {
    const layers = () => this.#state.stacks[index];
    const panel = new StackPanel(this.#kinds, {
      onParameter: (at, name, value) => this.#put(index, changed(layers(), at, { [name]: value }), `${index} ${layers()[at].id} ${name}`),
      onMove: (from, to) => this.#put(index, moved(layers(), from, to)),
      onDuplicate: (at) => this.#add(index, duplicated(layers(), at), at + 1),
      onInsert: (at) => this.#pick(index, at),
      onRemove: (at) => this.#remove(index, at),
      onRepair: (repair) => this.#repair(index, repair),
      onSay: (text) => {
        this.#moved = `${text} `;
        this.#announcer.say(text);
      },
      onAdd: () => this.#pick(index, layers().length),
      onTemplate: (name) => this.#startFrom(index, name),
      onImport: () => importStack((found) => this.#imported(index, found)),
      onExport: () => exportStack(layers(), this.#kinds, this.#state.input, this.#sides[index].calculation.answer),
      onClear: () => {
        this.#put(index, []);
        this.#sides[index].panel.focusAdd();
      },
      onClose: () => {
        this.#change({ stacks: this.#state.stacks.filter((_, other) => other !== index) }, "");
        this.#compare.focus();
      },
      onAxis: (axis) => this.#setAxis(axis),
      onShowBroken: () => this.#showBroken(index),
    });
    this.#panels.append(panel.element);
    const calculation = new StackCalculation(() => this.#answered(index));
    return { panel, calculation, said: "" };
  }

  /** @param {number} side @param {StackLayer[]} layers @param {number} at  the new layer is */
  #add(side, layers, at) {
    const before = this.#state;
    this.#put(side, layers);
    if (before !== this.#state) this.#sides[side].panel.focus(layers[at].id);
  }

  /** @param {number} side @param {number} at */
  #pick(side, at) {
    new LayerPicker(this.#kinds, (kind) => this.#insert(side, at, kind)).open();
  }

  /** @param {number} side @param {number} at @param {LayerKind} kind */
  #insert(side, at, kind) {
    const layers = this.#state.stacks[side];
    const shape = shapeBefore(this.#sides[side].calculation.answer, this.#state.input, at);
    this.#add(side, inserted(layers, at, newLayer(kind.type, usualParameters(kind, shape))), at);
  }

  /** @param {number} side @param {number} at */
  #remove(side, at) {
    const layers = removed(this.#state.stacks[side], at);
    this.#put(side, layers);
    const next = layers[Math.min(at, layers.length - 1)];
    if (next) this.#sides[side].panel.focusRow(next.id);
    else this.#sides[side].panel.focusAdd();
  }

  /** @param {number} side @param {Repair} repair */
  #repair(side, repair) {
    const { layers, index } = repaired(this.#state.stacks[side], repair);
    this.#put(side, layers);
    this.#sides[side].panel.focus(layers[index].id, Object.keys(repair.changes)[0]);
  }

  /** @param {number} side */
  #showBroken(side) {
    const problem = this.#sides[side].calculation.answer?.problems[0];
    const layer = problem && this.#state.stacks[side][problem.layer];
    if (layer) this.#sides[side].panel.focus(layer.id, problem.parameter);
  }

  /** @param {number} side @param {string} name */
  #startFrom(side, name) {
    const { input } = this.#state;
    if (name === "comparison") return this.#change({ input: withBatch(COMPARISON.input, input), stacks: [COMPARISON.first.map(fromSpec), COMPARISON.second.map(fromSpec)] }, "");
    const template = name === "broken" ? BROKEN : TEMPLATES.find((each) => each.name === name);
    // The other stack is compared on the input that the first one has.
    if (template) this.#put(side, template.layers.map(fromSpec), "", side === 0 ? withBatch(template.input, input) : input);
    return undefined;
  }

  /** @param {number} side @param {import("./stack_transfer.js").Imported} found */
  #imported(side, { layers, input, notes, from }) {
    const before = this.#state;
    this.#put(side, layers, "", input && side === 0 ? input : this.#state.input);
    if (before === this.#state) return;
    if (side > 0 && input && String(input.slice(1)) !== String(before.input.slice(1))) notes = [...notes, `It was made for an input of ${shapeText(input)}; both stacks are given that of stack A.`];
    this.#say([`${from}: ${count(layers.length)} ${layers.length === 1 ? "layer" : "layers"}.`, ...notes].join(" "), notes.length > 0);
  }

  /** Lines of PyTorch, pasted anywhere but into a field. @param {ClipboardEvent} event */
  async #paste(event) {
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (isField(event.target) || document.querySelector("dialog[open]") || !/\w\(/.test(text)) return;
    event.preventDefault();
    try {
      this.#imported(0, await readLines(text));
    } catch (error) {
      this.#say(`What was pasted cannot be read. ${error instanceof Error ? error.message : error}`);
    }
  }

  /** The layer that is found goes behind the last one that gives what is asked about. */
  #find() {
    const { input } = this.#state;
    /** @param {number[]} sizes @returns {{at: number, shape: number[]}} */
    const place = (sizes) => {
      const layers = this.#state.stacks[0];
      const shapes = [input, ...(this.#sides[0].calculation.answer?.layers ?? []).map(({ output_shape: shape }) => shape)];
      const at = shapes.findLastIndex((shape) => String(shape?.slice(2)) === String(sizes));
      return at < 0 ? { at: layers.length, shape: shapes.at(-1) ?? input } : { at, shape: shapes[at] ?? input };
    };
    findSizes(this.#kinds, input, (sizes) => place(sizes).shape[1] ?? 1, (sizes, type, parameters) => {
      const { at } = place(sizes);
      this.#add(0, inserted(this.#state.stacks[0], at, newLayer(type, parameters)), at);
    });
  }

  #toggleComparison() {
    const [first, second] = this.#state.stacks;
    this.#change({ stacks: second ? [first] : [first, first.map(({ type, parameters }) => newLayer(type, parameters))] }, "");
  }

  /** @param {number} axis */
  #setAxis(axis) {
    this.#axis = axis;
    this.#sides.forEach((_, index) => this.#showSide(index));
  }

  /** @param {number} way */
  #goBack(way) {
    if (way < 0) this.#history.undo();
    else this.#history.redo();
    this.#lastChange = "";
    this.#say("");
    this.#announcer.say(way < 0 ? "Undone." : "Done again.");
    const pressed = document.activeElement;
    this.#show();
    // A button that can do no more would lose the focus to nowhere.
    if (pressed === this.#undo && this.#undo.disabled) this.#redo.focus();
    if (pressed === this.#redo && this.#redo.disabled) this.#undo.focus();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (!(event.ctrlKey || event.metaKey) || isField(event.target) || document.querySelector("dialog[open]")) return;
    const key = event.key.toLowerCase();
    if (key !== "z" && key !== "y") return;
    event.preventDefault();
    this.#goBack(key === "y" || event.shiftKey ? 1 : -1);
  }

  /** @param {string} sentence  "" for none @param {boolean} [lasting]  until the next change */
  #say(sentence, lasting = true) {
    clearTimeout(this.#noticeTimer);
    this.#notice.textContent = sentence;
    this.#notice.hidden = sentence === "";
    this.#notice.toggleAttribute("data-passing", !lasting);
    if (!lasting) this.#noticeTimer = window.setTimeout(() => this.#say(""), 4000);
  }

  destroy() {
    this.#stop.abort();
    clearTimeout(this.#noticeTimer);
    this.#address.destroy();
    this.#announcer.destroy();
    for (const { panel, calculation } of this.#sides) {
      calculation.destroy();
      panel.destroy();
    }
  }
}

/** Whether something is typed into. @param {EventTarget | null} target */
const isField = (target) => target instanceof HTMLTextAreaElement || (target instanceof HTMLInputElement && target.type !== "checkbox");

/** @param {number[]} shape @param {number[]} input  whose batch is kept */
const withBatch = (shape, input) => [input[0] ?? 1, ...shape.slice(1)];

/** @param {string} label @param {string} path @param {() => void} onClick */
function tool(label, path, onClick) {
  return html("button", { type: "button", class: "icon-button", "aria-label": label, title: label, onclick: onClick }, icon(path));
}
