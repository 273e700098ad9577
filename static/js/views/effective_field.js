/** How much each pixel counts: asked for by a button, told while it is measured. @import {Heat, Over} from "../core/field_types.js" @import {ReceptiveField} from "../core/types.js" */
import { heatInWords, largest, overInWords } from "../core/effective_field.js";
import { plural } from "../core/numbers.js";
import { html } from "./dom.js";
import { Legend } from "./legend.js";

/** How many random images are averaged over. */
export const NOISE = 64;

/** @type {Record<Over, string>} */
const CHOICES = { input: "for this input", noise: `over ${NOISE} random images`, examples: "over the examples" };

/**
 * @typedef {object} EffectiveFieldHandlers
 * @property {(over: Over) => void} onMeasure
 * @property {() => void} onCancel
 * @property {() => void} onHide  the heat is no longer wanted
 */

export class EffectiveFieldView {
  #element;
  #over = html("select", { "aria-label": "Averaged over what" });
  #measure;
  #running = html("div", { class: "heat-running", hidden: true });
  #progress = html("progress", { "aria-label": "Inputs measured", max: 1, value: 0 });
  #count = html("span", { class: "heat-count" });
  #result = html("div", { class: "heat-result", hidden: true });
  #words = html("p", { class: "heat-words", role: "status" });
  #legend;

  /**
   * @param {HTMLElement} parent
   * @param {EffectiveFieldHandlers} handlers
   */
  constructor(parent, { onMeasure, onCancel, onHide }) {
    for (const [value, text] of Object.entries(CHOICES)) this.#over.append(html("option", { value }, text));
    this.#measure = html("button", { type: "button", class: "text-button", onclick: () => onMeasure(this.over) }, "Measure");
    this.#running.append(this.#progress, this.#count, html("button", { type: "button", class: "text-button", onclick: onCancel }, "Cancel"));
    const legend = html("div", { class: "heat-legend" });
    this.#legend = new Legend(legend);
    this.#result.append(html("span", { class: "heat-unit" }, "mean absolute gradient"), legend, html("button", { type: "button", class: "text-button", onclick: onHide }, "Hide the heat"));
    this.#element = html(
      "section",
      { class: "heat", "aria-label": "How much each pixel counts" },
      html("h3", { class: "label" }, "How much each pixel counts"),
      html("div", { class: "heat-ask" }, this.#over, this.#measure),
      this.#running,
      this.#words,
      this.#result,
    );
    parent.append(this.#element);
  }

  /** @returns {Over} what is chosen */
  get over() {
    return this.#over.value === "noise" ? "noise" : this.#over.value === "examples" ? "examples" : "input";
  }

  /** @param {Over} over */
  setOver(over) {
    this.#over.value = over;
  }

  /** @param {Over[]} possible */
  setChoices(possible) {
    for (const option of this.#over.options) {
      const there = possible.some((over) => over === option.value);
      option.hidden = option.disabled = !there;
    }
    if (!possible.includes(this.over)) this.#over.value = "input";
  }

  /** @param {boolean} running */
  #setRunning(running) {
    this.#running.hidden = !running;
    this.#element.setAttribute("aria-busy", String(running));
  }

  /** Nothing has been measured. */
  clear() {
    this.#setRunning(false);
    this.#result.hidden = true;
    this.#words.textContent = "";
  }

  /** @param {Over} over */
  begin(over) {
    this.#setRunning(true);
    this.#progress.removeAttribute("value");
    this.#count.textContent = overInWords(over, NOISE);
  }

  /** @param {number} inputs @param {number} of */
  count(inputs, of) {
    this.#progress.max = of;
    this.#progress.value = inputs;
    this.#count.textContent = `${inputs} of ${plural(of, "input")}`;
  }

  /** @param {Heat} heat */
  paint(heat) {
    this.#result.hidden = false;
    this.#legend.show({ kind: "sequential", low: 0, high: largest(heat) });
  }

  /**
   * @param {Heat} heat
   * @param {ReceptiveField | null} field
   * @param {Over} over
   * @param {number} inputs
   * @param {boolean} cut  it ended before all inputs were measured
   */
  end(heat, field, over, inputs, cut) {
    this.#setRunning(false);
    this.paint(heat);
    const words = field ? heatInWords(heat, field, over, inputs) : "";
    this.#words.textContent = cut ? `${words} It ended before all inputs were measured.` : words;
  }

  /** @param {string} reason  why there is nothing */
  fail(reason) {
    this.clear();
    this.#words.textContent = reason;
  }

  destroy() {
    this.#legend.destroy();
    this.#element.remove();
  }
}
