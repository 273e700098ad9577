/** One layer opened. @import {Arithmetic, Cell, Channel, InspectedLayer, LayerMaps, LayerNode, RangeMode, ReceptiveField, UnitAddress} from "../core/types.js" */
import { mapInWords, quantisedValues, summarise } from "../core/describe.js";
import { layerRange } from "../core/colour.js";
import { isVector, kindInWords, shapeInWords } from "../core/graph.js";
import { channelName, mapShape } from "../core/layer_axes.js";
import { count, percent, plural, short } from "../core/numbers.js";
import { ArithmeticView } from "./arithmetic/arithmetic.js";
import { ChannelGrid } from "./channel_grid.js";
import { html, icon } from "./dom.js";
import { LayerPanel } from "./layer_panel.js";
import { Microscope, rangeOf } from "./microscope.js";
import { ReceptiveFieldView } from "./receptive_field.js";

/**
 * @typedef {object} LayerDetailHandlers
 * @property {(layer: string | null) => void} onLayer  open another layer, or none
 * @property {(channel: number | null) => void} onChannel
 * @property {(cell: Cell) => void} onCell
 * @property {(step: number) => void} onStep  to the layer or channel before (-1) or after (1)
 * @property {(unit: UnitAddress | null) => void} onPoint  the reading is at a value, chosen or pointed at
 * @property {(open: boolean) => void} onArithmeticOpen  the reader opened or closed it
 * @property {() => void} onArithmetic  the arithmetic of the chosen value is wanted, or more of it
 * @property {(layer: string, channel: number | null, cell: Cell | null) => void} onGo  to what was read
 * @property {(layer: string) => boolean} hasLayer
 */

/** @typedef {{layer: string, channel: number | null, cell: Cell | null}} Selection */

/**
 * What the numbers about a layer need, besides its maps.
 *
 * @typedef {object} LayerNumbersHandlers
 * @property {(layer: string) => {inputs: number, dead: (channel: number) => boolean, count: number}} seen
 * @property {(sort: import("../core/channel_order.js").Sort) => void} onSort
 * @property {(page: number) => void} onPage
 * @property {(hidden: boolean) => void} onHideDead
 * @property {(label: string | null) => void} onToward
 * @property {(channels: number[]) => void} onShown
 * @property {(inputs: string | null) => void} onInputs
 * @property {(parameter: import("../core/types.js").LayerParameter) => void} onParameter
 */

/** Shows a layer's channels, and one of them enlarged; or, for a vector, its values as a grid. */
export class LayerDetail {
  #element;
  #handlers;
  #trail = html("ol", { class: "trail" });
  #facts = html("p", { class: "detail-facts" });
  #body = html("div", { class: "detail-body" });
  /** Its channels, and what stands beside them. */
  grid;
  panel;
  /** @type {LayerNumbersHandlers | null} */
  #numbers = null;
  #microscope;
  #field;
  #arithmetic;
  #labels;
  /** @type {LayerNode | null} */
  #node = null;
  /** @type {Selection | null} */
  #selection = null;
  /** @type {LayerMaps | null} */
  #maps = null;
  /** @type {Channel | null} */
  #channel = null;
  /** @type {RangeMode} */
  #mode = "layer";

  /**
   * @param {HTMLElement} element
   * @param {string[]} labels  the categories, for layers with one value each
   * @param {LayerDetailHandlers} handlers
   */
  constructor(element, labels, handlers) {
    this.#element = element;
    this.#labels = labels;
    this.#handlers = handlers;
    const moves = html(
      "div",
      { class: "detail-moves" },
      html("button", { class: "icon-button", type: "button", "aria-label": "Before", title: "Before ([)", onclick: () => handlers.onStep(-1) }, icon("M14 6l-6 6 6 6")),
      html("button", { class: "icon-button", type: "button", "aria-label": "After", title: "After (])", onclick: () => handlers.onStep(1) }, icon("M10 6l6 6-6 6")),
      html("button", { class: "icon-button", type: "button", "aria-label": "Close the layer", title: "Close (Esc)", onclick: () => handlers.onLayer(null) }, icon("M6 6l12 12M18 6L6 18")),
    );
    const trail = html("nav", { "aria-label": "Where you are" }, this.#trail);
    element.append(html("header", { class: "detail-head" }, trail, moves, this.#facts), this.#body);
    this.grid = new ChannelGrid(this.#body, labels, (layer) => this.#numbers?.seen(layer) ?? { inputs: 0, dead: () => false, count: 0 }, {
      onChannel: (channel) => handlers.onChannel(channel),
      onSort: (sort) => this.#numbers?.onSort(sort),
      onPage: (page) => this.#numbers?.onPage(page),
      onHideDead: (hidden) => this.#numbers?.onHideDead(hidden),
      onToward: (label) => this.#numbers?.onToward(label),
      onShown: (channels) => this.#numbers?.onShown(channels),
    });
    this.#microscope = new Microscope(
      this.#body,
      (cell) => this.#chosen(cell),
      (cell) => handlers.onPoint(this.#unitAt(cell)),
    );
    this.#field = new ReceptiveFieldView(this.#microscope.beside);
    this.#arithmetic = new ArithmeticView(this.#microscope.below, labels, {
      onOpen: (isOpen, byReader) => {
        if (byReader) handlers.onArithmeticOpen(isOpen);
        if (isOpen) handlers.onArithmetic();
      },
      onAll: () => handlers.onArithmetic(),
      onGo: handlers.onGo,
      has: handlers.hasLayer,
    });
    this.panel = new LayerPanel(this.#body, labels, {
      onInputs: (inputs) => this.#numbers?.onInputs(inputs),
      onParameter: (parameter) => this.#numbers?.onParameter(parameter),
    });
  }

  /** @param {LayerNumbersHandlers} handlers  who gives the numbers */
  connect(handlers) {
    this.#numbers = handlers;
  }

  get #vector() {
    return this.#node !== null && isVector(this.#node.shape);
  }

  /** Columns of the square in which a vector is laid out. */
  get #listWidth() {
    return Math.max(1, Math.ceil(Math.sqrt(this.#channelCount)));
  }

  get #channelCount() {
    return this.#node ? mapShape(this.#node.shape).channels : 0;
  }

  /**
   * @param {LayerNode | null} node
   * @param {Selection | null} selection
   */
  open(node, selection) {
    const other = node?.name !== this.#node?.name;
    const otherChannel = other || selection?.channel !== this.#selection?.channel;
    this.#node = node;
    this.#selection = selection;
    this.#element.hidden = node === null;
    if (!node || !selection) return;
    if (other) {
      this.#maps = null;
      this.grid.setLayer(node);
      // In the order in which they are seen, so that the focus goes from top to bottom.
      const open = this.#microscope.beside.closest(".channel-open");
      if (this.#vector) open?.after(this.grid.element);
      else open?.before(this.grid.element);
    }
    if (otherChannel) this.#channel = null;
    this.#writeTrail(node, selection);
    const magnified = this.#vector || selection.channel !== null;
    this.#body.toggleAttribute("data-channel", magnified && !this.#vector);
    this.#microscope.setHidden(!magnified || (this.#vector && !this.#maps));
    this.#body.toggleAttribute("data-vector", this.#vector);
    this.grid.setCurrent(selection.channel);
    if (otherChannel && magnified) this.#microscope.clear();
    this.#microscope.select(this.#vector ? this.#listCell(selection.channel) : selection.cell);
    this.#show();
  }

  /** Another cell of what is open was chosen in it. @param {Selection} selection */
  chooseCell(selection) {
    this.#selection = selection;
  }

  /** The value that is chosen, if one is. @returns {UnitAddress | null} */
  get unit() {
    const selection = this.#selection;
    if (!selection) return null;
    return this.#unitAt(this.#vector ? this.#listCell(selection.channel) : selection.cell);
  }

  /**
   * The value in a cell of the open picture.
   *
   * @param {Cell | null} cell
   * @returns {UnitAddress | null}
   */
  #unitAt(cell) {
    const node = this.#node;
    const selected = this.#selection?.channel ?? null;
    if (!node || !cell) return null;
    const { name: layer, kind, shape } = node;
    if (this.#vector) {
      const channel = cell.row * this.#listWidth + cell.column;
      return channel < this.#channelCount ? { layer, channel, y: 0, x: 0, kind, shape } : null;
    }
    const [height, width] = shape.length === 3 ? [1, shape[2]] : shape.slice(-2);
    if (selected === null || cell.row >= height || cell.column >= width) return null;
    return { layer, channel: selected, y: cell.row, x: cell.column, kind, shape };
  }

  /** Whether the arithmetic of the chosen value is open, so that it has to be fetched. */
  get wantsArithmetic() {
    return this.#arithmetic.open;
  }

  /** @param {boolean} open */
  setArithmeticOpen(open) {
    this.#arithmetic.setOpen(open);
  }

  /** Whether every term of it is wanted. */
  get wantsAll() {
    return this.#arithmetic.all;
  }

  /** @param {import("../core/types.js").InputImage | null} image  that the network received */
  setImage(image) {
    this.#field.setImage(image);
  }

  /** Where studies of the chosen value stand. */
  get studies() {
    return { field: this.#field, microscope: this.#microscope };
  }

  /** What is open. */
  get opened() {
    return { node: this.#node, channel: this.#selection?.channel ?? null };
  }

  /** @param {boolean} other  whether another value is chosen than before */
  awaitArithmetic(other) {
    this.#arithmetic.await(other);
  }

  hideArithmetic() {
    this.#arithmetic.hide();
  }

  /** @param {Arithmetic | string} arithmetic  or why there is none */
  showArithmetic(arithmetic) {
    if (typeof arithmetic === "string") this.#arithmetic.fail(arithmetic);
    else this.#arithmetic.show(arithmetic);
  }

  /**
   * @param {UnitAddress | null} unit
   * @param {ReceptiveField | string | null} field  null: it has been asked for; or why there is none
   */
  showField(unit, field) {
    if (!unit) this.#field.hide();
    else if (field === null) this.#field.await(unit, this.#node?.receptive_field ?? null);
    else if (typeof field === "string") this.#field.fail(field);
    else this.#field.show(field, unit);
  }

  /** Move the focus into what was opened. */
  focus() {
    if (this.#vector || this.#selection?.channel !== null) this.#microscope.focus();
    else this.grid.focus();
  }

  /** @param {RangeMode} mode */
  setMode(mode) {
    this.#mode = mode;
    this.panel.setMode(mode);
    this.#show();
  }

  /** @param {LayerMaps | null} maps  of this layer, for the current drawing */
  updateMaps(maps) {
    this.#maps = maps;
    this.#show();
  }

  /** @param {Channel} channel */
  updateChannel(channel) {
    if (channel.layer !== this.#node?.name || channel.channel !== this.#selection?.channel) return;
    this.#channel = channel;
    this.#show();
  }

  /** @param {InspectedLayer | null} layer  facts of the current drawing */
  describe(layer) {
    const node = this.#node;
    if (!node) return;
    const { attributes, inputs, parameters } = node;
    /** @type {(Node | string)[]} */
    const facts = [fact(kindInWords(node.kind), ""), fact(shapeInWords(node.shape), "output")];
    for (const name of ["kernel_size", "stride", "padding", "dilation", "groups"]) {
      const value = attributes?.[name];
      // One dilation, one group: as everyone expects.
      const usual = (name === "dilation" || name === "groups") && String(value).split(",").every((part) => part === "1");
      if (value !== undefined && value !== null && !usual) facts.push(fact(Array.isArray(value) ? [...new Set(value)].join(" × ") : String(value), name.replace("_", " ")));
    }
    if (parameters > 0) facts.push(fact(count(parameters), "parameters"));
    if (layer) facts.push(fact(`${short(layer.minimum)} to ${short(layer.maximum)}`, ""), fact(percent(layer.zero_fraction), "zeros"));
    const sources = inputs.map((input) =>
      input === "input" ? html("span", {}, "the image") : html("button", { type: "button", onclick: () => this.#handlers.onLayer(input) }, input),
    );
    const reads = html("span", {}, "reads ");
    sources.forEach((source, index) => reads.append(index > 0 ? " and " : "", source));
    if (sources.length > 0) facts.push(reads);
    this.#facts.replaceChildren(...facts);
  }

  /**
   * @param {LayerNode} node
   * @param {Selection} selection
   */
  #writeTrail(node, selection) {
    /** @param {string} text @param {(() => void) | null} go */
    const part = (text, go) => html("li", {}, go ? html("button", { type: "button", onclick: go }, text) : html("span", { "aria-current": "true" }, text));
    const parts = [part("Network", () => this.#handlers.onLayer(null))];
    if (selection.channel === null) parts.push(part(node.name, null));
    else parts.push(part(node.name, () => this.#handlers.onChannel(null)), part(this.#channelName(selection.channel), null));
    this.#trail.replaceChildren(...parts);
  }

  /** @param {number} channel */
  #channelName(channel) {
    const label = this.#vector && this.#labels.length === this.#channelCount ? `: ${this.#labels[channel]}` : "";
    return `${channelName(this.#node?.shape ?? [], channel)}${label}`;
  }

  /** @param {Cell} cell */
  #chosen(cell) {
    if (this.#vector) this.#handlers.onChannel(cell.row * this.#listWidth + cell.column);
    else this.#handlers.onCell(cell);
  }

  /** @param {number | null} channel */
  #listCell(channel) {
    return channel === null ? null : { row: Math.floor(channel / this.#listWidth), column: channel % this.#listWidth };
  }

  #show() {
    if (!this.#node) return;
    this.grid.update(this.#maps, this.#mode);
    if (this.#vector) this.#showVector();
    else this.#showChannel();
  }

  /** The values of a vector are in the atlas exactly: each channel's minimum is its one value. */
  #showVector() {
    const maps = this.#maps;
    this.#microscope.setHidden(maps === null);
    if (!maps) return this.#microscope.clear();
    const width = this.#listWidth;
    const rows = Math.ceil(maps.channels / width);
    const values = Array.from({ length: rows }, (_, row) => Array.from({ length: width }, (__, column) => maps.channelMinimum[row * width + column] ?? 0));
    const best = maps.channelMinimum.indexOf(Math.max(...maps.channelMinimum));
    this.#microscope.show({
      values,
      count: maps.channels,
      range: layerRange(maps, this.#mode),
      title: maps.name,
      words: `${plural(maps.channels, "value")} from ${short(maps.minimum)} to ${short(maps.maximum)}; the largest is ${this.#channelName(best)}.`,
      place: ({ row, column }) => this.#channelName(row * width + column),
      rowName: (index) => this.#channelName(index),
    });
  }

  #showChannel() {
    const maps = this.#maps;
    const channel = this.#selection?.channel ?? null;
    if (!maps || channel === null) return;
    const exact = this.#channel;
    // Until the exact values come, the quantised ones make the picture.
    const values = exact?.values ?? quantisedValues(maps, channel);
    const range = exact ?? { minimum: maps.channelMinimum[channel], maximum: maps.channelMaximum[channel] };
    this.#microscope.show({
      values,
      approximate: exact === null,
      range: this.#mode === "channel" ? rangeOf("channel", maps, range) : layerRange(maps, this.#mode),
      title: `${maps.name}, ${this.#channelName(channel)}`,
      words: exact ? mapInWords(channel, summarise(values)) : "",
      place: ({ row, column }) => `row ${row}, column ${column} of ${maps.height} × ${maps.width}`,
    });
  }

  destroy() {
    this.grid.destroy();
    this.panel.destroy();
    this.#field.destroy();
    this.#arithmetic.destroy();
    this.#microscope.destroy();
    this.#element.replaceChildren();
  }
}

/** @param {string} value @param {string} name */
function fact(value, name) {
  return html("span", {}, name ? `${name} ` : "", html("b", {}, value));
}
