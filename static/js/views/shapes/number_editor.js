/** The numbers of the input, typed cell by cell or all of a slice. @import {Scene} from "../../core/shapes/scene.js" @import {Cell} from "../../core/types.js" */
import { MOST_TYPED } from "../../core/shapes/input_numbers.js";
import { plainNumber } from "../../core/shapes/sentences.js";
import { placeWords } from "../../core/shapes/steps.js";
import { html } from "../dom.js";

const LARGEST = 1e6;

/** @param {string} text  which may have a true minus sign */
const numberOf = (text) => (text.trim() === "" ? NaN : Number(text.replace("−", "-")));
/** @param {number} value */
const isGood = (value) => Number.isFinite(value) && Math.abs(value) <= LARGEST;

export class NumberEditor {
  #rows = html("textarea", { class: "shape-input typed-rows", rows: 6, spellcheck: "false", "aria-label": "Numbers of the input, a line for each row", oninput: () => this.#editedRows() });
  /** All of a slice. */
  all = html(
    "details",
    { class: "values", ontoggle: () => this.#showRows() },
    html("summary", {}, "Type the numbers of the input"),
    this.#rows,
    html("p", { class: "formula-meaning" }, "A line for each row, numbers with commas or spaces between them. Every channel gets the same."),
  );
  #value = html("input", { class: "shape-input", inputmode: "text", autocomplete: "off", oninput: () => this.#editedCell() });
  #label = html("span", { class: "label" });
  /** One cell, after it was clicked. */
  one = html("label", { class: "choice choice-typed", hidden: true }, this.#label, this.#value);
  /** @type {Scene | null} */
  #scene = null;
  /** @type {Cell | null} */
  #cell = null;
  #onPlanes;

  /** @param {(planes: number[][][]) => void} onPlanes  all slices, with what was typed */
  constructor(onPlanes) {
    this.#onPlanes = onPlanes;
  }

  /** @param {Scene} scene */
  show(scene) {
    this.#scene = scene;
    this.all.hidden = !this.#small;
    this.#showRows();
  }

  /** @param {Cell} cell */
  open(cell) {
    const scene = this.#scene;
    this.one.hidden = !this.#small;
    if (!scene || !this.#small) return;
    this.#cell = cell;
    this.#label.textContent = `Value at ${placeWords(scene.plan, [0, scene.depth, cell.row, cell.column])}`;
    this.#value.value = plainNumber(scene.numbers([scene.input, scene.depth, cell.row, cell.column])).replace("−", "-");
    this.#value.removeAttribute("aria-invalid");
    this.#value.focus({ preventScroll: true });
    this.one.scrollIntoView({ block: "nearest" });
    this.#value.select();
  }

  close() {
    this.one.hidden = true;
    this.#cell = null;
  }

  get #small() {
    return this.#scene?.plan.axes.every(({ inputs }) => inputs <= MOST_TYPED) ?? false;
  }

  /** The slice that is shown. */
  get #depth() {
    return this.#scene && !this.#scene.inserted ? this.#scene.depth : 0;
  }

  /** What was not typed over stays. @param {(row: number, column: number, before: number) => number} typed */
  #emit(typed) {
    const scene = this.#scene;
    if (!scene) return;
    const [depths, rows, columns] = scene.plan.axes.map(({ inputs }) => inputs);
    const shown = this.#depth;
    this.#onPlanes(
      Array.from({ length: depths }, (_, depth) =>
        Array.from({ length: rows }, (__, row) =>
          Array.from({ length: columns }, (___, column) => {
            const before = scene.numbers([scene.input, depth, row, column]);
            return depth === shown ? typed(row, column, before) : before;
          }),
        ),
      ),
    );
  }

  #editedCell() {
    const value = numberOf(this.#value.value);
    mark(this.#value, isGood(value));
    const cell = this.#cell;
    if (cell && isGood(value)) this.#emit((row, column, before) => (row === cell.row && column === cell.column ? value : before));
  }

  #showRows() {
    const scene = this.#scene;
    if (!scene || !this.all.open || !this.#small || document.activeElement === this.#rows) return;
    const [, rows, columns] = scene.plan.axes.map(({ inputs }) => inputs);
    const lines = Array.from({ length: rows }, (_, row) => Array.from({ length: columns }, (__, column) => String(Math.round(scene.numbers([scene.input, this.#depth, row, column]) * 1e4) / 1e4)));
    this.#rows.value = lines.map((line) => line.join(", ")).join("\n");
    this.#rows.removeAttribute("aria-invalid");
  }

  #editedRows() {
    const scene = this.#scene;
    if (!scene) return;
    const [, rows, columns] = scene.plan.axes.map(({ inputs }) => inputs);
    const lines = this.#rows.value.trim().split("\n").map((line) => line.trim().split(/[\s,;]+/).filter(Boolean).map(numberOf));
    const good = lines.length <= rows && lines.every((line) => line.length <= columns && line.every(isGood));
    mark(this.#rows, good);
    if (good) this.#emit((row, column) => lines[row]?.[column] ?? 0);
  }
}

/** @param {HTMLElement} control @param {boolean} good */
function mark(control, good) {
  if (good) control.removeAttribute("aria-invalid");
  else control.setAttribute("aria-invalid", "true");
}
