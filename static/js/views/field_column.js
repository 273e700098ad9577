/** The boxes of a value in all layers from the image to it, each on a map of the current drawing. @import {ColumnPart, FieldColumn} from "../core/field_types.js" @import {Channel, InputImage, Theme} from "../core/types.js" */
import { colourRange, lookupTable, scalePosition } from "../core/colour.js";
import { columnSteps, forks } from "../core/field_column.js";
import { inputColours } from "../core/input_image.js";
import { plural } from "../core/numbers.js";
import { rectanglePath } from "../core/receptive_field.js";
import { rangeCount, regionPath, sizeInWords } from "../core/regions.js";
import { kindInWords } from "../core/graph.js";
import { Disclosure } from "./disclosure.js";
import { breakable, context2d, html, svg } from "./dom.js";
import { currentTheme, onThemeChange } from "./theme.js";

/**
 * @typedef {object} ColumnHandlers
 * @property {(open: boolean, byReader: boolean) => void} onToggle
 * @property {(part: ColumnPart) => void} onWant  the map of a part has come into view
 * @property {(part: ColumnPart) => void} onGo
 */

/** @typedef {{part: ColumnPart, canvas: HTMLCanvasElement, values: number[][] | null}} Tile */

export class FieldColumnView {
  #disclosure;
  #handlers;
  #words = html("p", {});
  #strip = html("ol", { class: "column-strip", tabindex: 0, "aria-label": "From the image to the value" });
  #all = html("input", { type: "checkbox" });
  #more = html("label", { class: "column-all" }, this.#all, html("span"));
  /** @type {FieldColumn | null} */
  #column = null;
  /** @type {InputImage | null} */
  #image = null;
  /** @type {Map<Element, Tile>} */
  #tiles = new Map();
  #observer;
  #forgetTheme;

  /**
   * @param {HTMLElement} parent
   * @param {ColumnHandlers} handlers
   */
  constructor(parent, handlers) {
    this.#handlers = handlers;
    this.#disclosure = new Disclosure(parent, "column", "Its field in every layer on the way", handlers.onToggle);
    this.#disclosure.body.append(this.#words, this.#strip, this.#more);
    this.#all.addEventListener("change", () => this.#build());
    this.#observer = new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries) {
          const tile = this.#tiles.get(target);
          if (!isIntersecting || !tile) continue;
          this.#observer.unobserve(target);
          if (tile.part.kind === "Input") this.#paintInput(tile);
          else this.#handlers.onWant(tile.part);
        }
      },
      { root: null, rootMargin: "200px" },
    );
    this.#forgetTheme = onThemeChange(() => this.#repaint());
  }

  get open() {
    return this.#disclosure.open;
  }

  /** @param {boolean} open */
  setOpen(open) {
    this.#disclosure.setOpen(open);
  }

  /** @param {boolean} hidden */
  setHidden(hidden) {
    this.#disclosure.setHidden(hidden);
  }

  /** @param {InputImage | null} image */
  setImage(image) {
    this.#image = image;
    this.#repaint();
  }

  await() {
    this.#disclosure.setBusy(true);
  }

  /** @param {string} reason */
  fail(reason) {
    this.#column = null;
    this.#disclosure.setBusy(false);
    this.#words.textContent = reason;
    this.#strip.replaceChildren();
    this.#more.hidden = true;
  }

  /** @param {FieldColumn} column */
  show(column) {
    const same = this.#column && JSON.stringify(this.#column.parts.map(({ layer }) => layer)) === JSON.stringify(column.parts.map(({ layer }) => layer));
    this.#column = column;
    this.#disclosure.setBusy(false);
    this.#build(same ? this.#strip.scrollLeft : null);
  }

  /** @param {Channel} channel  exact values of a map that was wanted */
  update(channel) {
    for (const tile of this.#tiles.values()) {
      if (tile.part.layer !== channel.layer || tile.part.channel !== channel.channel) continue;
      tile.values = channel.values;
      paint(tile, currentTheme());
    }
  }

  /** @param {number | null} [scrolled]  where the strip was; null: at its end, the value */
  #build(scrolled = null) {
    const column = this.#column;
    if (!column) return;
    this.#observer.disconnect();
    this.#tiles.clear();
    const { steps, hidden } = columnSteps(column.parts, this.#all.checked);
    const ways = forks(column.parts);
    const divided = ways.length > 0 ? ` Ways divide at ${ways.length > 3 ? plural(ways.length, "layer") : ways.join(", ")}: what stands one below the other are steps of different ways, and a box is around what reaches the value by any of them.` : "";
    const sure = column.status === "exact" ? "" : ` Perhaps too large because of ${column.causes.join(", ")}, never too small.`;
    this.#words.textContent = `The image is at the left, the value at the right. Each map is the channel with the largest value in the box.${divided}${sure}`;
    this.#strip.replaceChildren(
      ...steps.map(({ depth, cells }) => html("li", { "data-depth": depth }, ...cells.map(({ part, beside }) => this.#tile(part, beside)))),
    );
    this.#more.hidden = hidden === 0 && !this.#all.checked;
    const label = this.#more.querySelector("span");
    if (label) label.textContent = this.#all.checked ? "every layer is shown" : `show ${plural(hidden, "more layer")}, whose box is that of the layer before`;
    this.#strip.scrollLeft = scrolled ?? this.#strip.scrollWidth;
  }

  /** @param {ColumnPart} part @param {boolean} beside */
  #tile(part, beside) {
    const [channels, height, width] = part.shape;
    const canvas = html("canvas", { "aria-hidden": "true", width, height });
    const isImage = part.kind === "Input";
    const path = regionPath(part);
    const overlay = svg(
      "svg",
      { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true", preserveAspectRatio: "none" },
      path ? svg("path", { class: "column-unseen", "fill-rule": "evenodd", d: rectanglePath([0, height], [0, width]) + path }) : "",
      part.box ? svg("path", { class: "column-box", d: rectanglePath(part.box[0], part.box[1]) }) : "",
    );
    const name = isImage ? "the image" : part.layer;
    const read = rangeCount(part.channels);
    const size = sizeInWords(part, [height, width]);
    const which = isImage || channels === 1 ? "" : part.layer === this.#column?.layer ? `channel ${part.channel}` : `channel ${part.channel}; ${read === channels ? "all" : `${read} of`} ${channels} are read`;
    const inner = [
      html("span", { class: "column-map" }, canvas, overlay),
      html("span", { class: "column-name" }, ...breakable(name)),
      html("span", { class: "column-kind" }, isImage ? "" : kindInWords(part.kind)),
      html("span", { class: "column-size" }, size),
      html("span", { class: "column-channel" }, which),
    ];
    const data = { class: "column-tile", "data-layer": part.layer, "data-box": JSON.stringify(part.box), "data-beside": beside };
    const element = isImage ? html("div", data, ...inner) : html("button", { ...data, type: "button", onclick: () => this.#handlers.onGo(part) }, ...inner);
    element.style.setProperty("--ratio", `${width} / ${height}`);
    this.#tiles.set(element, { part, canvas, values: null });
    this.#observer.observe(element);
    return element;
  }

  #repaint() {
    for (const tile of this.#tiles.values()) {
      if (tile.part.kind === "Input") this.#paintInput(tile);
      else if (tile.values) paint(tile, currentTheme());
    }
  }

  /** @param {Tile} tile */
  #paintInput({ part: { shape: [, height, width] }, canvas }) {
    if (!this.#image) return;
    const { width: across, height: down, colours } = inputColours(this.#image, currentTheme());
    if (across !== width || down !== height) return;
    const pixels = new ImageData(width, height);
    new Uint32Array(pixels.data.buffer).set(colours);
    context2d(canvas).putImageData(pixels, 0, 0);
  }

  destroy() {
    this.#observer.disconnect();
    this.#forgetTheme();
    this.#disclosure.destroy();
  }
}

/** @param {Tile} tile @param {Theme} theme */
function paint({ canvas, values }, theme) {
  if (!values) return;
  const height = values.length;
  const width = values[0]?.length ?? 0;
  const all = values.flat();
  const minimum = all.reduce((least, value) => Math.min(least, value), 0);
  const maximum = all.reduce((most, value) => Math.max(most, value), 0);
  const range = colourRange(minimum, maximum, minimum < 0);
  const table = lookupTable(range.kind, theme);
  [canvas.width, canvas.height] = [width, height];
  const pixels = new ImageData(width, height);
  const colours = new Uint32Array(pixels.data.buffer);
  all.forEach((value, place) => {
    colours[place] = table[Math.round(scalePosition(range, value) * 255)];
  });
  context2d(canvas).putImageData(pixels, 0, 0);
}
