/** The values of a map as a table, for reading and copying. */
import { exact } from "../core/numbers.js";
import { html } from "./dom.js";

export class ValueTable {
  #element;
  #table = html("table");
  /** @type {number[][]} */
  #values = [];
  /** @type {((index: number) => string) | null} */
  #rowName = null;

  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.#element = html(
      "details",
      { class: "values", ontoggle: () => this.#build() },
      html("summary", {}, "Values as a table"),
      html("div", { class: "values-scroll", tabindex: 0, role: "region", "aria-label": "Values" }, this.#table),
    );
    parent.append(this.#element);
  }

  /**
   * @param {number[][]} values
   * @param {((index: number) => string) | null} [rowName]
   */
  show(values, rowName = null) {
    this.#values = values;
    this.#rowName = rowName;
    this.#build();
  }

  #build() {
    if (!this.#element.open) return;
    const width = this.#values[0]?.length ?? 0;
    const columns = Array.from({ length: width }, (_, column) => html("th", { scope: "col" }, this.#rowName ? "value" : String(column)));
    this.#table.replaceChildren(
      html("thead", {}, html("tr", {}, html("th", { scope: "col" }, this.#rowName ? "channel" : "row"), ...columns)),
      html(
        "tbody",
        {},
        ...this.#values.map((line, row) =>
          html("tr", {}, html("th", { scope: "row" }, this.#rowName?.(row) ?? String(row)), ...line.map((value) => html("td", {}, exact(value)))),
        ),
      ),
    );
  }

  destroy() {
    this.#element.remove();
  }
}
