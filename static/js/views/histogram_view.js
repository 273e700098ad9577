/** A histogram: bars, an axis, and the bin under the pointer or the arrow keys in words. @import {Histogram} from "../core/types.js" */
import { bars, binInWords, placeOfZero, restInWords } from "../core/histogram.js";
import { count, short } from "../core/numbers.js";
import { html, svg } from "./dom.js";

const WIDTH = 240;
const HEIGHT = 64;

export class HistogramView {
  #title = html("h4", { class: "histogram-title" });
  #chart;
  #bars = svg("g", {});
  #marker = svg("rect", { class: "histogram-marker", x: 0, y: 0, width: 0, height: HEIGHT });
  #zero = svg("line", { class: "histogram-zero", y1: 0, y2: HEIGHT });
  #low = html("span");
  #high = html("span");
  #most = html("span", { class: "histogram-most" });
  /** Read out while the reader is in the chart, and not whenever something is drawn. */
  #reading = html("p", { class: "histogram-reading", "aria-live": "off" });
  #table = html("table");
  #details;
  #rest = "";
  /** @type {Histogram | null} */
  #histogram = null;
  #bin = -1;
  element;

  /** @param {string} kind  "activations" or "weights": which colours the bars have */
  constructor(kind) {
    this.#chart = svg("svg", { class: `histogram-chart ${kind}`, viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", tabindex: 0, role: "img" }, this.#marker, this.#bars, this.#zero);
    this.#chart.addEventListener("pointermove", (event) => this.#pointed(event));
    this.#chart.addEventListener("pointerdown", (event) => this.#pointed(event));
    this.#chart.addEventListener("pointerleave", () => this.#choose(-1));
    this.#chart.addEventListener("keydown", (event) => this.#keyed(event));
    this.#chart.addEventListener("focus", () => this.#reading.setAttribute("aria-live", "polite"));
    this.#chart.addEventListener("blur", () => {
      this.#reading.setAttribute("aria-live", "off");
      this.#choose(-1);
    });
    this.#details = html("details", { class: "values", ontoggle: () => this.#build() }, html("summary", {}, "Counts as a table"), html("div", { class: "values-scroll", tabindex: 0, role: "region", "aria-label": "Counts" }, this.#table));
    const axis = html("div", { class: "histogram-axis", "aria-hidden": "true" }, this.#low, this.#high);
    this.element = html("div", { class: "histogram" }, this.#title, html("div", { class: "histogram-frame" }, this.#most, this.#chart), axis, this.#reading, this.#details);
  }

  /** @param {string} title @param {Histogram} histogram */
  show(title, histogram) {
    this.#histogram = histogram;
    this.#title.textContent = title;
    this.#rest = restInWords(histogram);
    const { edges, counts } = histogram;
    this.#low.textContent = edges.length ? short(edges[0], 3) : "";
    this.#high.textContent = edges.length ? short(edges[edges.length - 1], 3) : "";
    this.#most.textContent = counts.length ? count(Math.max(...counts)) : "";
    this.#chart.setAttribute("aria-label", `${title}: ${this.#rest} ${edges.length ? `From ${short(edges[0])} to ${short(edges[edges.length - 1])}. Arrow keys read the bins.` : ""}`);
    this.#bars.replaceChildren(
      ...bars(histogram).map(({ left, width, height, sign }) =>
        svg("rect", { class: sign < 0 ? "negative" : "positive", x: left * WIDTH, width: Math.max(width * WIDTH - 0.6, 0.6), y: HEIGHT - Math.max(height * HEIGHT, height > 0 ? 0.8 : 0), height: Math.max(height * HEIGHT, height > 0 ? 0.8 : 0) }),
      ),
    );
    const zero = edges.length ? placeOfZero(histogram) : null;
    this.#zero.classList.toggle("absent", zero === null);
    if (zero !== null) for (const end of ["x1", "x2"]) this.#zero.setAttribute(end, String(zero * WIDTH));
    this.#choose(Math.min(this.#bin, counts.length - 1));
    this.#build();
  }

  /** @param {string} reason */
  fail(reason) {
    this.#reading.textContent = reason;
  }

  /** @param {number} bin  -1 for none */
  #choose(bin) {
    this.#bin = bin;
    const histogram = this.#histogram;
    if (!histogram) return;
    const text = bin < 0 ? this.#rest : binInWords(histogram, bin);
    if (this.#reading.textContent !== text) this.#reading.textContent = text;
    const bar = bin < 0 ? null : bars(histogram)[bin];
    this.#marker.setAttribute("x", String((bar?.left ?? 0) * WIDTH));
    this.#marker.setAttribute("width", String((bar?.width ?? 0) * WIDTH));
  }

  /** @param {PointerEvent} event */
  #pointed(event) {
    const bins = this.#histogram?.counts.length ?? 0;
    const box = this.#chart.getBoundingClientRect();
    const bin = Math.floor(((event.clientX - box.left) / box.width) * bins);
    if (bins > 0) this.#choose(Math.min(Math.max(bin, 0), bins - 1));
  }

  /** @param {KeyboardEvent} event */
  #keyed(event) {
    const last = (this.#histogram?.counts.length ?? 0) - 1;
    /** @type {Record<string, number>} */
    const targets = { ArrowRight: this.#bin + 1, ArrowLeft: this.#bin < 0 ? last : this.#bin - 1, Home: 0, End: last };
    const target = targets[event.key];
    if (target === undefined || last < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.#choose(Math.min(Math.max(target, 0), last));
  }

  #build() {
    const histogram = this.#histogram;
    if (!histogram || !this.#details.open) return;
    const { edges, counts, zeros, not_a_number: missing, infinite } = histogram;
    /** @param {string} name @param {number} number */
    const row = (name, number) => html("tr", {}, html("th", { scope: "row" }, name), html("td", {}, count(number)));
    this.#table.replaceChildren(
      html("thead", {}, html("tr", {}, html("th", { scope: "col" }, "values"), html("th", { scope: "col" }, "how many"))),
      html("tbody", {}, ...counts.map((number, index) => row(`${short(edges[index])} to ${short(edges[index + 1])}`, number)), row("exactly 0", zeros), row("not a number", missing), row("infinite", infinite)),
    );
  }

  destroy() {
    this.element.remove();
  }
}
