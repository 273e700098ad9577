/** One map enlarged, with the value under the cursor. @import {Cell, RangeMode} from "../core/types.js" */
import { colourRange, lookupTable, scalePosition } from "../core/colour.js";
import { exact } from "../core/numbers.js";
import { html } from "./dom.js";
import { Legend } from "./legend.js";
import { PixelView } from "./pixel_view.js";
import { currentTheme, onThemeChange } from "./theme.js";
import { ValueTable } from "./value_table.js";

/**
 * @typedef {object} MicroscopeContent
 * @property {number[][]} values
 * @property {boolean} [approximate]  the exact values have not come yet: a picture, but no figures
 * @property {import("../core/colour.js").ColourRange} range
 * @property {string} title  of the picture
 * @property {string} words  a description of the map
 * @property {(cell: Cell) => string} place  where a cell is, in words
 * @property {number} [count]  cells that exist, for lists
 * @property {((index: number) => string) | null} [rowName]  for a list: the name of a value
 */

/** The enlarged picture, the reading beside it, legend, description and table. */
export class Microscope {
  #element = html("div", { class: "channel-open" });
  #value = html("output", { class: "reading-value", "aria-live": "polite" });
  #place = html("p", { class: "reading-place", "aria-live": "polite" });
  #words = html("p", { class: "reading-words" });
  #pixels;
  #legend;
  #table;
  /** @type {MicroscopeContent | null} */
  #content = null;
  /** @type {Cell | null} */
  #cell = null;
  #forgetTheme;
  /** Where more about the cell goes: under the reading, and under everything. */
  beside = html("div", { class: "reading-more" });
  below = html("div", { class: "channel-more" });

  /**
   * @param {HTMLElement} parent
   * @param {(cell: Cell) => void} onChoose  a cell was chosen by click or key
   * @param {(cell: Cell | null) => void} onPoint  the reading has moved to a cell, chosen or pointed at
   */
  constructor(parent, onChoose, onPoint) {
    const picture = html("div", { class: "microscope" });
    const legend = html("div");
    const table = html("div");
    const reading = html("div", { class: "reading" }, html("div", {}, this.#value, this.#place), legend, this.#words, this.beside, table);
    this.#pixels = new PixelView(picture, {
      label: "Feature map",
      onCell: (cell, chosen) => {
        this.#cell = cell;
        this.#read();
        if (cell && chosen) onChoose(cell);
        else onPoint(cell);
      },
    });
    this.#legend = new Legend(legend);
    this.#table = new ValueTable(table);
    this.#element.append(picture, reading, this.below);
    parent.append(this.#element);
    this.#forgetTheme = onThemeChange(() => this.#paint());
  }

  /** @param {boolean} hidden */
  setHidden(hidden) {
    this.#element.hidden = hidden;
  }

  focus() {
    this.#pixels.element.focus();
  }

  /** @param {Cell | null} cell */
  select(cell) {
    this.#cell = cell;
    this.#pixels.select(cell);
    this.#read();
  }

  /** @param {string} path  around cells to mark, as SVG path data in cells; "" for none */
  mark(path) {
    this.#pixels.mark(path);
  }

  clear() {
    this.#content = null;
    this.#value.textContent = "";
    this.#place.textContent = "";
    this.#words.textContent = "Draw something to see its values.";
  }

  /** @param {MicroscopeContent} content */
  show(content) {
    this.#content = content;
    this.#words.textContent = content.words;
    this.#pixels.setLabel(`${content.title}. ${content.words}`);
    const { values, rowName } = content;
    if (content.approximate) this.#table.show([]);
    else this.#table.show(rowName ? values.flat().slice(0, content.count).map((value) => [value]) : values, rowName ?? null);
    this.#paint();
    this.#read();
  }

  #paint() {
    const content = this.#content;
    if (!content) return;
    const { values, range, count } = content;
    const table = lookupTable(range.kind, currentTheme());
    const width = values[0]?.length ?? 0;
    this.#pixels.show(
      width,
      values.length,
      (pixels) => {
        values.forEach((line, row) =>
          line.forEach((value, column) => {
            const place = row * width + column;
            pixels[place] = count !== undefined && place >= count ? 0 : table[Math.round(scalePosition(range, value) * 255)];
          }),
        );
      },
      count,
    );
  }

  #read() {
    const content = this.#content;
    if (!content) return;
    const value = this.#cell ? content.values[this.#cell.row]?.[this.#cell.column] : undefined;
    if (!this.#cell || value === undefined) {
      this.#value.textContent = "";
      this.#place.textContent = "Point at a cell, or move with the arrow keys, for its exact value.";
      this.#legend.show(content.range);
      return;
    }
    this.#value.textContent = content.approximate ? "…" : exact(value);
    this.#place.textContent = content.place(this.#cell);
    this.#legend.show(content.range, value);
  }

  destroy() {
    this.#forgetTheme();
    this.#pixels.destroy();
    this.#legend.destroy();
    this.#table.destroy();
    this.#element.remove();
  }
}

/**
 * The range of a picture from the values that the range mode asks for.
 *
 * @param {RangeMode} mode
 * @param {{minimum: number, maximum: number, signed: boolean}} layer
 * @param {{minimum: number, maximum: number}} channel
 */
export function rangeOf(mode, layer, channel) {
  const { minimum, maximum } = mode === "layer" ? layer : channel;
  return colourRange(minimum, maximum, layer.signed);
}
