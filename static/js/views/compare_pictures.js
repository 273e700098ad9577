/**
 * One channel of both sides and their difference, enlarged, with one cell that moves in all three.
 *
 * @import {ColourRange} from "../core/colour.js"
 * @import {Column} from "./compare_channels.js"
 * @import {Cell, ReceptiveField, UnitAddress} from "../core/types.js"
 */
import { lookupTable, scalePosition } from "../core/colour.js";
import { exact } from "../core/numbers.js";
import { html } from "./dom.js";
import { Legend } from "./legend.js";
import { PixelView } from "./pixel_view.js";
import { ReceptiveFieldView } from "./receptive_field.js";
import { currentTheme, onThemeChange } from "./theme.js";

const MINUS = "−";

/**
 * @typedef {object} ComparedPicture
 * @property {(number | null)[][]} values  null where one is not finite
 * @property {boolean} exact  else the figures have not come yet, and only the colours are shown
 * @property {ColourRange} range
 * @property {string} title
 * @property {number} [count]  cells that exist, for a list laid out as a square
 *
 * @typedef {object} ComparePicturesHandlers
 * @property {(cell: Cell | null, column: Column, chosen: boolean) => void} onCell
 */

/** @type {Column[]} */
const COLUMNS = ["a", "b", "difference"];

export class ComparePictures {
  #element = html("div", { class: "trio-large" });
  #columns;
  /** @type {Record<Column, ComparedPicture | null>} */
  #pictures = { a: null, b: null, difference: null };
  /** @type {Record<Column, Cell | null>} */
  #cells = { a: null, b: null, difference: null };
  #forgetTheme;

  /**
   * @param {HTMLElement} parent
   * @param {ComparePicturesHandlers} handlers
   */
  constructor(parent, handlers) {
    /** @param {Column} column */
    const make = (column) => {
      const title = html("p", { class: "trio-title" });
      const frame = html("div", { class: "trio-picture" });
      const value = html("output", { class: "trio-value" });
      const place = html("p", { class: "trio-place" });
      const legend = html("div", { class: "trio-legend" });
      const why = html("p", { class: "trio-why", hidden: true });
      const more = html("div", { class: "trio-more" });
      const name = column === "difference" ? `B ${MINUS} A` : column.toUpperCase();
      const element = html("section", { class: "trio-column", "data-column": column, "aria-label": column === "difference" ? "B minus A" : `Side ${name}` }, html("h3", { class: "trio-head" }, html("span", { class: `side-badge side-badge-${column}` }, name), title), frame, why, html("div", { class: "trio-reading" }, value, place), legend, more);
      const pixels = new PixelView(frame, { label: name, onCell: (cell, chosen) => handlers.onCell(cell, column, chosen) });
      this.#element.append(element);
      return { element, title, frame, value, place, why, more, pixels, legendFrame: legend, legend: new Legend(legend) };
    };
    this.#columns = { a: make("a"), b: make("b"), difference: make("difference") };
    this.fields = { a: new ReceptiveFieldView(this.#columns.a.more), b: new ReceptiveFieldView(this.#columns.b.more) };
    parent.append(this.#element);
    this.#forgetTheme = onThemeChange(() => COLUMNS.forEach((column) => this.#paint(column)));
  }

  /** Where more about the difference goes. */
  get beside() {
    return this.#columns.difference.more;
  }

  /**
   * @param {Column} column
   * @param {ComparedPicture | string} picture  or why there is none, in a sentence
   */
  show(column, picture) {
    const { title, frame, why, pixels, legendFrame, element } = this.#columns[column];
    const some = typeof picture !== "string";
    this.#pictures[column] = some ? picture : null;
    frame.hidden = legendFrame.hidden = !some;
    why.hidden = some;
    why.textContent = some ? "" : picture;
    title.textContent = some ? picture.title : "";
    if (some) pixels.setLabel(`${element.getAttribute("aria-label")}: ${picture.title}`);
    this.#paint(column);
    this.#read(column);
  }

  /**
   * The cell to read, in each picture.
   *
   * @param {Record<Column, Cell | null>} cells
   * @param {boolean} chosen  it stays; else only pointed at
   * @param {Record<Column, string>} places  in words
   */
  select(cells, chosen, places) {
    this.#cells = cells;
    for (const column of COLUMNS) {
      const { pixels, place } = this.#columns[column];
      if (chosen) pixels.select(cells[column]);
      pixels.point(chosen ? null : cells[column]);
      place.textContent = places[column];
      this.#read(column);
    }
  }

  /** Nothing is chosen any more. */
  deselect() {
    for (const column of COLUMNS) this.#columns[column].pixels.select(null);
  }

  /** @param {Column} column @param {import("../core/types.js").InputImage | null} image */
  setImage(column, image) {
    if (column !== "difference") this.fields[column].setImage(image);
  }

  /**
   * @param {"a" | "b"} side
   * @param {UnitAddress | null} unit
   * @param {ReceptiveField | string | null} field  null: it has been asked for; or why there is none
   */
  showField(side, unit, field) {
    const view = this.fields[side];
    if (!unit) view.hide();
    else if (field === null) view.await();
    else if (typeof field === "string") view.fail(field);
    else view.show(field, unit);
  }

  /** @param {Column} column */
  focus(column) {
    this.#columns[column].pixels.element.focus();
  }

  /** @param {Column} column */
  #paint(column) {
    const picture = this.#pictures[column];
    if (!picture) return;
    const { values, range, count } = picture;
    const table = lookupTable(range.kind, currentTheme());
    const width = values[0]?.length ?? 0;
    const { frame, pixels } = this.#columns[column];
    frame.style.setProperty("--ratio", String(width / Math.max(1, values.length)));
    pixels.show(
      width,
      values.length,
      (target) => {
        values.forEach((line, row) =>
          line.forEach((value, index) => {
            const place = row * width + index;
            const exists = value !== null && (count === undefined || place < count);
            target[place] = exists ? table[Math.round(scalePosition(range, value) * 255)] : 0;
          }),
        );
      },
      count,
    );
  }

  /** @param {Column} column */
  #read(column) {
    const picture = this.#pictures[column];
    const cell = this.#cells[column];
    const { value, legend } = this.#columns[column];
    if (!picture) {
      value.textContent = "";
      return;
    }
    const read = cell ? picture.values[cell.row]?.[cell.column] : undefined;
    if (read === undefined) value.textContent = "";
    else if (!picture.exact) value.textContent = "…";
    else value.textContent = read === null ? "not finite" : signed(column, read);
    legend.show(picture.range, read ?? null);
  }

  destroy() {
    this.#forgetTheme();
    for (const column of COLUMNS) {
      this.#columns[column].pixels.destroy();
      this.#columns[column].legend.destroy();
    }
    this.fields.a.destroy();
    this.fields.b.destroy();
    this.#element.remove();
  }
}

/** A difference has its sign. @param {Column} column @param {number} value */
function signed(column, value) {
  return column === "difference" && value > 0 ? `+${exact(value)}` : exact(value);
}
