/** What the network thinks it sees. @import {Inspection, Prediction} from "../core/types.js" */
import { certainty } from "../core/certainty.js";
import { count, percent, short } from "../core/numbers.js";
import { crossEntropy, softmax } from "../core/softmax.js";
import { html } from "./dom.js";

const SHOWN = 5;

/** The best guess in large, the top five as bars, and the arithmetic on demand. */
export class Guesses {
  #empty;
  #silence;
  #categories;
  #body = html("div", { class: "guess-body", hidden: true });
  #label = html("p", { class: "guess-label", id: "guess-label" });
  #phrase = html("p", { class: "guess-phrase" });
  #rows;
  #loss = html("div", { class: "guess-loss", hidden: true });
  #softmax;
  #table = html("tbody");
  #formula = html("p", { class: "formula" });
  #rest = html("p", { class: "softmax-rest", hidden: true });
  /** @type {Inspection | null} */
  #inspection = null;
  /** @type {string | null} */
  #prompt = null;

  /**
   * @param {HTMLElement} parent
   * @param {{steps: string[], silence: string, categories: number}} options  what one does before there is a
   *   guess; why there is none, or ""; and how many categories there are
   */
  constructor(parent, { steps, silence, categories }) {
    this.#silence = silence;
    this.#categories = categories;
    const why = silence ? html("p", { class: "guess-silence" }, silence) : null;
    this.#empty = html("div", { class: "guess-empty" }, why, html("ol", {}, ...steps.map((step) => html("li", {}, step))));
    this.#rows = Array.from({ length: SHOWN }, () => {
      const bar = html("span");
      const label = html("span", { class: "guess-row-label" });
      const share = html("span", { class: "guess-row-share" });
      const row = html("li", { class: "guess-row" }, label, share, html("span", { class: "guess-bar", "aria-hidden": "true" }, bar));
      return { row, label, share, bar };
    });
    const head = html("tr", {}, ...["category", "z", "exp(z − max)", "p"].map((text) => html("th", { scope: "col" }, text)));
    this.#softmax = html(
      "details",
      { class: "softmax", ontoggle: () => this.#tabulate() },
      html("summary", {}, "From logits to probabilities"),
      html("p", {}, "The last layer gives each category a logit z, any number. Softmax makes probabilities of them: exp(z) divided by the sum of exp(z) over all categories. Taking the largest z off first changes no quotient."),
      this.#formula,
      this.#rest,
      html("div", { class: "softmax-scroll", tabindex: 0, role: "region", "aria-label": "All logits" }, html("table", {}, html("thead", {}, head), this.#table)),
    );
    this.#body.append(
      html("div", { class: "guess-best" }, this.#label, this.#phrase),
      html("ol", { class: "guess-rows", "aria-label": "Best guesses" }, ...this.#rows.map(({ row }) => row)),
      this.#loss,
      this.#softmax,
    );
    parent.append(this.#empty, this.#body);
  }

  clear() {
    this.#inspection = null;
    this.#empty.hidden = false;
    this.#body.hidden = true;
  }

  /** @param {boolean} stale  the drawing has moved on and the server does not answer */
  setStale(stale) {
    this.#body.classList.toggle("guess-stale", stale);
  }

  /** @param {string | null} prompt */
  setPrompt(prompt) {
    this.#prompt = prompt;
    if (this.#inspection) this.update(this.#inspection);
  }

  /** @param {Inspection} inspection */
  update(inspection) {
    this.#inspection = inspection;
    const { predictions } = inspection;
    // What a network without guesses says of itself stays.
    if (this.#silence || predictions.length === 0) return;
    this.#empty.hidden = true;
    this.#body.hidden = false;
    this.#label.textContent = predictions[0]?.label ?? "";
    this.#phrase.textContent = certainty(predictions).phrase;
    this.#rows.forEach(({ row, label, share, bar }, index) => {
      const prediction = predictions[index];
      row.hidden = prediction === undefined;
      if (!prediction) return;
      label.textContent = prediction.label;
      share.textContent = percent(prediction.probability);
      bar.style.setProperty("--share", String(prediction.probability));
      row.toggleAttribute("data-prompted", prediction.label === this.#prompt);
    });
    this.#showLoss(predictions);
    this.#tabulate();
  }

  /** @param {Prediction[]} predictions */
  #showLoss(predictions) {
    const loss = this.#prompt === null ? null : crossEntropy(predictions, this.#prompt);
    this.#loss.hidden = loss === null;
    if (loss === null) return;
    const place = predictions.findIndex(({ label }) => label === this.#prompt);
    const probability = predictions[place].probability;
    this.#loss.replaceChildren(
      html("span", { class: "label" }, `Loss for “${this.#prompt}”`),
      html("output", {}, short(loss)),
      html("span", {}, `cross-entropy, −ln p with p = ${probability === 0 ? "0" : short(probability)}; place ${place + 1} of ${predictions.length}. 0 would be certain and right.`),
    );
  }

  #tabulate() {
    if (!this.#softmax.open || !this.#inspection) return;
    const { predictions } = this.#inspection;
    const { rows, largest, sum } = softmax(predictions, this.#categories);
    const best = rows[0];
    const rest = this.#categories - predictions.length;
    this.#rest.hidden = rest <= 0;
    this.#rest.textContent = `The sum is over all ${count(this.#categories)} categories; ${count(rest)} with smaller logits are not listed.`;
    this.#formula.textContent = `p(${best.label}) = exp(${short(best.logit)} − ${short(largest)}) / ${short(sum)} = ${short(best.probability)}`;
    this.#table.replaceChildren(
      ...rows.map(({ label, logit, exponential, probability }) =>
        html("tr", { "data-prompted": label === this.#prompt }, ...[label, short(logit, 3), short(exponential, 3), percent(probability)].map((text) => html("td", {}, text))),
      ),
    );
  }

  destroy() {
    this.#empty.remove();
    this.#body.remove();
  }
}
