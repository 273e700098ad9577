/** A single row of parameters, such as biases, as bars. */
import { count, exact, plural, short } from "../core/numbers.js";
import { html, svg } from "./dom.js";

const WIDTH = 240;
const HEIGHT = 40;

export class WeightBars {
  #bars;
  #reading = html("p", { class: "kernel-reading" });
  #details;
  #table = html("table");
  #values;
  #nameOf;
  #rest;
  element;

  /**
   * @param {(number | null)[]} values  null: not finite
   * @param {(index: number) => string} nameOf
   */
  constructor(values, nameOf) {
    this.#values = values;
    this.#nameOf = nameOf;
    const known = /** @type {number[]} */ (values.filter((value) => value !== null));
    const [low, high] = [Math.min(0, ...known), Math.max(0, ...known)];
    const extent = high - low || 1;
    const missing = values.length - known.length;
    this.#rest = `${plural(values.length, "value")} from ${short(Math.min(...known), 3)} to ${short(Math.max(...known), 3)}${missing ? `, ${count(missing)} not finite` : ""}; the line is zero.`;
    const width = WIDTH / values.length;
    const zero = (high / extent) * HEIGHT;
    this.#bars = svg("svg", { class: "histogram-chart weights", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": this.#rest });
    values.forEach((value, index) => {
      if (value === null || value === 0) return;
      const length = (Math.abs(value) / extent) * HEIGHT;
      this.#bars.append(svg("rect", { class: value < 0 ? "negative" : "positive", x: index * width, width: Math.max(width * 0.85, 0.4), y: value < 0 ? zero : zero - length, height: length }));
    });
    this.#bars.append(svg("line", { class: "histogram-zero", x1: 0, x2: WIDTH, y1: zero, y2: zero }));
    this.#bars.addEventListener("pointermove", (event) => {
      const box = this.#bars.getBoundingClientRect();
      this.#read(Math.min(values.length - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * values.length))));
    });
    this.#bars.addEventListener("pointerleave", () => this.#read(-1));
    this.#details = html("details", { class: "values", ontoggle: () => this.#build() }, html("summary", {}, "Values as a table"), html("div", { class: "values-scroll", tabindex: 0, role: "region", "aria-label": "Values" }, this.#table));
    this.element = html("div", { class: "weight-bars" }, this.#bars, this.#reading, this.#details);
    this.#read(-1);
  }

  /** @param {number} index */
  #read(index) {
    const value = this.#values[index];
    this.#reading.textContent = index < 0 ? this.#rest : `${this.#nameOf(index)}: ${value === null ? "not finite" : exact(value)}`;
  }

  #build() {
    if (!this.#details.open) return;
    this.#table.replaceChildren(
      html("tbody", {}, ...this.#values.map((value, index) => html("tr", {}, html("th", { scope: "row" }, this.#nameOf(index)), html("td", {}, value === null ? "not finite" : exact(value))))),
    );
  }
}
