/**
 * The animation of a layer: the input, the kernel and the output beside each other, step by step.
 *
 * @import {Announcer} from "./announcer.js"
 * @import {Cell} from "../core/types.js"
 * @import {Configuration, KernelSource, Scalar, Values} from "../core/shapes/types.js"
 * @import {LayerPlan, Place} from "../core/shapes/layer_plan.js"
 * @import {Scene} from "../core/shapes/scene.js"
 */
import { getKernelSources } from "../api.js";
import { evaluate, MOST_TERMS } from "../core/shapes/evaluate.js";
import { flipped, MOST_EDITED, needsThree, planesText } from "../core/shapes/kernels.js";
import { sceneNote, sceneSentence } from "../core/shapes/scene_words.js";
import { placeAt, readsOf, stepAt, steppingOf } from "../core/shapes/steps.js";
import { recall } from "../storage.js";
import { html } from "../views/dom.js";
import { GridPane } from "../views/shapes/grid_pane.js";
import { KernelEditor } from "../views/shapes/kernel_editor.js";
import { legend } from "../views/shapes/animation_legend.js";
import { paintOutput, paintSource } from "../views/shapes/animation_paint.js";
import { AnimationSettings } from "../views/shapes/animation_settings.js";
import { NumberEditor } from "../views/shapes/number_editor.js";
import { Transport } from "../views/shapes/transport.js";
import { ValueTable } from "../views/value_table.js";
import { onThemeChange } from "../views/theme.js";
import { isFlipped, ShapesNumbers } from "./shapes_numbers.js";

/** Products that are computed to colour the whole output at once. */
const MOST_PRODUCTS = 500_000;
/** The same where every product has to be listed first. */
const MOST_LISTED = 50_000;

/** Cells of the output that are written as a table. */
const MOST_TABLED = 1600;

export class ShapesAnimation {
  element = html("section", { class: "animation panel", "aria-labelledby": "animation-title", "data-export": "The animation, as it stands" });
  #announcer;
  #options;
  #body = html("div", { class: "animation-body" });
  #none = html("p", { class: "formula-meaning" });
  #sentence = html("p", { class: "animation-sentence", id: "animation-sentence" });
  #both = html("p", { class: "animation-both" });
  #transport = new Transport((step, playing) => this.#stepped(step, playing));
  #source;
  #output;
  #kernelView = new KernelEditor((row, column, value) => this.#editedKernel(row, column, value));
  #legend = html("ul", { class: "animation-legend" });
  #sourceTitle = html("h3", {});
  #outputTitle = html("h3", {});
  #settings = new AnimationSettings({
    onNumbers: (value) => this.#choseNumbers(value),
    onKernel: (value) => this.#choseKernel(value),
    onOperation: (operation) => this.#set({ operation }),
    onSpread: (spread) => this.#set({ spread, cell: "" }),
    onInput: (channel) => this.#set({ channel: `${this.#scene?.output ?? 0},${channel}` }),
    onOutput: (channel) => this.#set({ channel: `${channel},${this.#scene?.input ?? 0}` }),
    onInputDepth: (depth) => {
      this.#depth = depth;
      this.#paint();
    },
    onOutputDepth: (depth) => {
      const scene = this.#scene;
      if (scene) this.#transport.go(stepAt(scene.stepping, [0, depth, scene.place[2], scene.place[3]]));
    },
  });
  #table = html("div", { class: "animation-table" });
  #values = new ValueTable(this.#table);
  #panes = html("div", { class: "animation-panes" });
  #editor = new NumberEditor((planes) => this.#set({ numbers: `typed:${planesText(planes)}`, drawing: "" }));
  #data = new ShapesNumbers();
  /** @type {LayerPlan | null} */
  #plan = null;
  /** @type {Configuration | null} */
  #configuration = null;
  /** @type {Record<string, string>} */
  #view = {};
  /** @type {Scene | null} */
  #scene = null;
  /** @type {Scene["hover"]} */
  #hover = null;
  /** @type {number | null} */
  #depth = null;
  /** @type {KernelSource[]} */
  #sources = [];
  #forgetTheme;

  /**
   * @param {Announcer} announcer
   * @param {object} options
   * @param {(view: Record<string, string>) => void} options.onView
   * @param {(change: {type?: string, input?: Scalar[], values: Values, view: Record<string, string>}) => void} options.onValues
   */
  constructor(announcer, options) {
    this.#announcer = announcer;
    this.#options = options;
    this.#source = new GridPane({
      label: "Input",
      onHover: (cell) => this.#hovered("input", cell),
      onChoose: (cell) => this.#choseInput(cell),
      onKey: (event) => this.#keyed(event),
    });
    this.#output = new GridPane({
      label: "Output",
      onHover: (cell) => this.#hovered("output", cell),
      onChoose: (cell) => this.#choseOutput(cell),
      onKey: (event) => this.#keyed(event),
    });
    this.#body.append(
      this.#settings.element,
      this.#transport.element,
      this.#panes,
      this.#sentence,
      this.#both,
      this.#legend,
      this.#editor.all,
      this.#table,
    );
    this.#panes.append(
      html("div", { class: "animation-pane" }, this.#sourceTitle, this.#source.element, this.#editor.one),
      this.#kernelView.element,
      html("div", { class: "animation-pane" }, this.#outputTitle, this.#output.element),
    );
    this.element.append(html("h2", { id: "animation-title" }, "How each value comes about"), this.#none, this.#body);
    this.#forgetTheme = onThemeChange(() => this.#recolour());
    this.clear();
    void this.#loadSources();
  }

  async #loadSources() {
    try {
      this.#sources = await getKernelSources();
      this.#showSettings();
    } catch {
      // The gallery does without trained kernels.
    }
  }

  #recolour() {
    this.#source.recolour();
    this.#output.recolour();
    this.#paint();
  }

  clear() {
    this.#transport.pause();
    this.#plan = null;
    this.#scene = null;
    this.#body.hidden = true;
    this.#none.hidden = false;
    this.#none.textContent = "Once the layer fits its input, this shows how each value of the output comes about.";
  }

  /**
   * @param {LayerPlan | null} plan
   * @param {Configuration} configuration
   */
  show(plan, configuration) {
    this.#configuration = configuration;
    this.#view = configuration.view;
    if (!plan) {
      this.clear();
      this.#none.textContent = `${configuration.type} changes each value on its own, or all of them together: there is no window to watch.`;
      return;
    }
    const same = this.#plan !== null && this.#plan.type === plan.type;
    this.#plan = plan;
    this.#depth = null;
    this.#hover = null;
    this.#none.hidden = true;
    this.#body.hidden = false;
    if (!same) this.#transport.pause();
    void this.#prepare();
  }

  async #prepare() {
    try {
      await this.#data.prepare(this.#view);
      if (this.#plan && !this.#data.fits(this.#view, this.#plan)) {
        this.#announcer.say("The trained kernels do not fit this layer; it has small whole numbers instead.");
        this.#view = { ...this.#view, kernel: "" };
        this.#options.onView(this.#view);
      }
    } catch (error) {
      this.#announcer.say(error instanceof Error ? error.message : String(error));
    }
    this.#restep();
  }

  /** @param {Record<string, string>} change */
  #set(change) {
    this.#view = { ...this.#view, ...change };
    this.#options.onView(this.#view);
    void this.#prepare();
  }

  /** The step that the address names. */
  #restep() {
    const plan = this.#plan;
    if (!plan) return;
    const stepping = this.#stepping(plan);
    const cell = (this.#view.cell ?? "").split(",").map(Number);
    const place = /** @type {Place} */ ([0, ...(cell.length === 3 && cell.every((at, axis) => Number.isInteger(at) && at >= 0 && at < stepping.sizes[axis]) ? cell : [0, 0, 0])]);
    this.#transport.set(stepping.count, stepAt(stepping, place));
    this.#showSettings();
    this.#paint();
  }

  /** @param {LayerPlan} plan */
  #stepping(plan) {
    return steppingOf(plan, plan.insertion !== null && this.#view.spread !== "insert");
  }

  /** @param {number} step @param {boolean} playing */
  #stepped(step, playing) {
    const plan = this.#plan;
    if (!plan) return;
    this.#hover = null;
    this.#depth = null;
    this.#paint();
    if (playing) return;
    const [, ...cell] = placeAt(this.#stepping(plan), step, 0);
    this.#view = { ...this.#view, cell: cell.join(",") };
    this.#options.onView(this.#view);
    this.#announcer.say(this.#sentence.textContent ?? "");
  }

  /** @returns {Scene | null} */
  #made() {
    const plan = this.#plan;
    if (!plan) return null;
    const stepping = this.#stepping(plan);
    const [o, i] = (this.#view.channel ?? "").split(",").map(Number);
    const output = Number.isInteger(o) && o >= 0 && o < plan.channels[1] ? o : 0;
    const place = placeAt(stepping, this.#transport.step, output);
    const inserted = plan.insertion !== null && this.#view.spread === "insert";
    let input = output;
    if (plan.operation === "sum" && plan.type !== "Linear") {
      const each = plan.channels[0] / plan.groups;
      const first = Math.floor(output / (plan.channels[1] / plan.groups)) * each;
      input = Number.isInteger(i) && i >= first && i < first + each ? i : first;
    } else if (plan.operation === "copy" || plan.type === "Fold") input = readsOf(plan, stepping, place)[0]?.place[0] ?? 0;
    if (stepping.by === "column") input = Number.isInteger(i) && i >= 0 && i < plan.channels[0] ? i : 0;
    if (stepping.by === "input") place[0] = input;
    const view = this.#view;
    const numbers = this.#data.input(view, plan);
    const kernel = this.#data.applied(view, plan);
    const reads = inserted && plan.insertion ? plan.insertion[0].reads(place[1]).map(({ at }) => at) : readsOf(plan, stepping, place).map((read) => read.place[1]);
    const slices = plan.axes[0].inputs > 1 ? [...new Set(reads)] : [0];
    const depth = this.#depth !== null ? this.#depth : (slices[Math.floor(slices.length / 2)] ?? 0);
    const evaluation = (/** @type {Place} */ at) => evaluate(plan, at, numbers, kernel);
    const value = this.#data.values(view, plan, [this.#configuration?.input, this.#configuration?.values, plan.type]);
    const visible = this.#output.visible;
    const cells = visible ? (visible.rows.to - visible.rows.from) * (visible.columns.to - visible.columns.from) : 400;
    const all = plan.readsEach * cells <= mostProducts(plan) && plan.readsEach <= MOST_TERMS;
    return {
      plan,
      stepping,
      place,
      step: this.#transport.step,
      output,
      input,
      depth,
      made: stepping.by === "input" ? (plan.axes[0].readers(place[1])[0] ?? 0) : place[1],
      inserted,
      numbers,
      values: (at) => (all || (at[2] === place[2] && at[3] === place[3] && plan.readsEach <= MOST_TERMS) ? value(at) : null),
      evaluation,
      hover: this.#hover,
    };
  }

  #paint() {
    const scene = this.#made();
    this.#scene = scene;
    if (!scene) return;
    const { plan } = scene;
    this.#source.show(paintSource(scene));
    this.#output.show(paintOutput(scene));
    const channels = plan.channels;
    const depth = plan.axes[0].inputs > 1 ? `, depth ${scene.depth}` : "";
    this.#sourceTitle.textContent = `Input${channels[0] > 1 ? `, channel ${scene.input}` : ""}${depth}`;
    this.#outputTitle.textContent = `Output${channels[1] > 1 ? `, channel ${scene.output}` : ""}${plan.axes[0].outputs > 1 ? `, depth ${scene.made}` : ""}`;
    this.#settings.showPlace(scene);
    // What is one row is shown below each other, over the whole width.
    const line = isLine(plan.axes[1].outputs, plan.axes[2].outputs) || isLine(plan.axes[1].inputs, plan.axes[2].inputs);
    this.#panes.classList.toggle("is-line", line);
    this.#sentence.textContent = sceneSentence(scene);
    this.#both.textContent = sceneNote(scene, this.#data.kernel(this.#view, plan));
    this.#showKernel(scene);
    legend(this.#legend, scene);
    if (this.#transport.playing) return;
    this.#showValues(scene);
    this.#editor.show(scene);
  }

  /** The slice of the output that is shown, as a table. @param {Scene} scene */
  #showValues({ plan, output, made, values }) {
    const [, rows, columns] = plan.axes.map(({ outputs }) => outputs);
    const small = rows * columns <= MOST_TABLED && plan.readsEach * rows * columns <= mostProducts(plan);
    this.#table.hidden = !small;
    this.#values.show(small ? Array.from({ length: rows }, (_, row) => Array.from({ length: columns }, (__, column) => values([output, made, row, column]) ?? NaN)) : []);
  }

  /** @param {Scene} scene */
  #showKernel({ plan, output, input, place, depth }) {
    const own = this.#data.kernel(this.#view, plan);
    const [depths, rows, columns] = plan.kernel;
    if (plan.operation !== "sum" || plan.type === "Linear") {
      this.#kernelView.show(null, "", false);
      return;
    }
    if (rows > MOST_EDITED || columns > MOST_EDITED) {
      this.#kernelView.show(null, `Kernel of ${rows} × ${columns}`, false);
      return;
    }
    const first = Math.floor(output / (plan.channels[1] / plan.groups)) * (plan.channels[0] / plan.groups);
    const slice = depths > 1 ? (plan.axes[0].reads(place[1]).find(({ at }) => at === depth)?.tap ?? 0) : 0;
    // Over the input with its zeros, a transposed convolution's kernel slides flipped.
    const turned = isFlipped(this.#view, plan) || this.#scene?.inserted === true;
    const shownKernel = turned ? flipped(own, plan.kernel) : own;
    const plane = Array.from({ length: rows }, (_, row) => Array.from({ length: columns }, (__, column) => shownKernel.weight(output, input - first, [slice, row, column])));
    const editable = !turned && depths === 1;
    const caption = `Kernel${turned ? ", flipped" : ""}${depths > 1 ? `, slice ${slice}` : ""}`;
    this.#kernelView.show(plane, caption, editable);
  }

  #showSettings() {
    if (this.#plan) this.#settings.show(this.#plan, this.#view, this.#sources, Boolean(this.#view.drawing || recall("drawing")));
  }

  /** @param {string} value */
  #choseNumbers(value) {
    this.#editor.close();
    this.#set({ numbers: value, drawing: value === "drawing" ? (recall("drawing") ?? "") : "" });
  }

  /** @param {string} value */
  #choseKernel(value) {
    if (value.startsWith("model:")) {
      const source = this.#sources.find(({ model }) => `model:${model}` === value);
      if (!source) return;
      const channels = Number(source.parameters.in_channels);
      const drawn = recall("drawing") ?? "";
      const view = { numbers: "drawing", kernel: value, ...(drawn ? { drawing: drawn } : {}) };
      this.#options.onValues({ type: "Conv2d", input: [1, channels, 28, 28], values: source.parameters, view });
      return;
    }
    const plan = this.#plan;
    if (plan && needsThree(value) && plan.kernel.some((taps, axis) => taps !== 3 && axis >= 3 - plan.space)) {
      this.#options.onValues({ values: { kernel_size: 3 }, view: { ...this.#view, kernel: value } });
      return;
    }
    this.#set({ kernel: value });
  }

  /** @param {number} row @param {number} column @param {number} value */
  #editedKernel(row, column, value) {
    const scene = this.#scene;
    if (!scene) return;
    const own = this.#data.kernel(this.#view, scene.plan);
    const [, rows, columns] = scene.plan.kernel;
    const first = Math.floor(scene.output / (scene.plan.channels[1] / scene.plan.groups)) * (scene.plan.channels[0] / scene.plan.groups);
    const plane = Array.from({ length: rows }, (_, y) => Array.from({ length: columns }, (__, x) => (y === row && x === column ? value : own.weight(scene.output, scene.input - first, [0, y, x]))));
    this.#set({ kernel: `typed:${planesText([plane])}` });
  }

  /** @param {"input" | "output"} side @param {Cell | null} cell */
  #hovered(side, cell) {
    const scene = this.#scene;
    if (!scene || this.#transport.playing) return;
    const place = /** @type {Place} */ (cell ? (side === "input" ? [scene.input, scene.depth, cell.row, cell.column] : [scene.output, scene.made, cell.row, cell.column]) : [0, 0, 0, 0]);
    const hover = cell && (side === "input" || isMade(scene.plan, cell)) ? { side, place } : null;
    if (JSON.stringify(hover) === JSON.stringify(this.#hover)) return;
    this.#hover = hover;
    this.#paint();
  }

  /** A click on the input: the value there can be typed. @param {Cell} cell */
  #choseInput(cell) {
    const scene = this.#scene;
    if (!scene) return;
    const { plan, stepping, inserted } = scene;
    const [, rows, columns] = plan.axes;
    const inside = cell.row >= 0 && cell.column >= 0 && cell.row < rows.inputs && cell.column < columns.inputs;
    if (!inside || inserted) return;
    if (stepping.by === "input") this.#transport.go(stepAt(stepping, [0, scene.depth, cell.row, cell.column]));
    this.#editor.open(cell);
  }

  /** @param {Cell} cell */
  #choseOutput(cell) {
    const scene = this.#scene;
    if (!scene || scene.stepping.by === "input" || !isMade(scene.plan, cell)) return;
    this.#transport.go(stepAt(scene.stepping, scene.stepping.by === "column" ? [0, 0, 0, cell.column] : [0, scene.made, cell.row, cell.column]));
  }

  /** @param {KeyboardEvent} event */
  #keyed(event) {
    const scene = this.#scene;
    if (!scene || event.ctrlKey || event.metaKey || event.altKey) return;
    const { sizes, count } = scene.stepping;
    const step = this.#transport.step;
    const rowSteps = sizes[2];
    const sliceSteps = sizes[1] * sizes[2];
    /** @type {Record<string, number>} */
    const targets = { ArrowLeft: step - 1, ArrowRight: step + 1, ArrowUp: step - rowSteps, ArrowDown: step + rowSteps, PageUp: step - sliceSteps, PageDown: step + sliceSteps, Home: 0, End: count - 1 };
    const target = targets[event.key];
    if (event.key === " ") this.#transport.toggle();
    else if (target !== undefined) {
      if (target >= 0 && target < count) this.#transport.go(target);
    } else return;
    event.preventDefault();
  }

  destroy() {
    this.#forgetTheme();
    this.#transport.destroy();
    this.#source.destroy();
    this.#output.destroy();
    this.#values.destroy();
    this.element.remove();
  }
}

/** Whether a cell is of the output, and not cut off from it. @param {LayerPlan} plan @param {Cell} cell */
const isMade = ({ axes: [, down, across] }, { row, column }) => row >= 0 && column >= 0 && row < down.outputs && column < across.outputs;

/** Whether a grid is so flat that it needs the whole width. @param {number} rows @param {number} columns */
const isLine = (rows, columns) => rows <= 2 && columns > 8;

/** @param {LayerPlan} plan */
const mostProducts = (plan) => (plan.separable ? MOST_PRODUCTS : MOST_LISTED);
