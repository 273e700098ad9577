/** What the network thinks it sees. @import {Guessed, Prediction} from "../core/types.js" */
import { certainty } from "../core/certainty.js";
import { answered, doubt, inked, NOTHING_KNOWN, verdictAt } from "../core/knowing.js";
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
  #why;
  #rows;
  #loss = html("div", { class: "guess-loss", hidden: true });
  #softmax;
  #table = html("tbody");
  #formula = html("p", { class: "formula" });
  #rest = html("p", { class: "softmax-rest", hidden: true });
  /** @type {Guessed | null} */
  #guessed = null;
  #knowing = NOTHING_KNOWN;
  #timer = 0;
  #said = "";
  #onDoubt;
  #leastProbability;
  /** @type {string | null} */
  #prompt = null;

  /**
   * @param {HTMLElement} parent
   * @param {{steps: string[], nothing: string, silence: string, categories: number, card: string, leastProbability: number}} options  what
   *   one does before there is a guess, and that there is nothing yet; why there is none, or ""; how many
   *   categories there are; where it says when the network does not know, and the least probability of a guess
   * @param {(sentence: string) => void} onDoubt  it is shown that the network does not know
   */
  constructor(parent, { steps, nothing, silence, categories, card, leastProbability }, onDoubt) {
    this.#onDoubt = onDoubt;
    this.#leastProbability = leastProbability;
    this.#silence = silence;
    this.#categories = categories;
    const why = silence ? html("p", { class: "guess-silence" }, silence) : null;
    const none = nothing && !silence ? html("p", { class: "guess-nothing" }, nothing) : null;
    this.#why = html("a", { class: "guess-why", href: card, hidden: true }, "How it decides that it does not know");
    this.#empty = html("div", { class: "guess-empty" }, why, none, html("ol", {}, ...steps.map((step) => html("li", {}, step))));
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
      html("div", { class: "guess-best" }, this.#label, this.#phrase, this.#why),
      html("ol", { class: "guess-rows", "aria-label": "Best guesses" }, ...this.#rows.map(({ row }) => row)),
      this.#loss,
      this.#softmax,
    );
    parent.append(this.#empty, this.#body);
  }

  clear() {
    this.#guessed = null;
    this.#knowing = NOTHING_KNOWN;
    this.#said = "";
    clearTimeout(this.#timer);
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
    if (this.#guessed) this.#show(this.#guessed);
  }

  /** The pen has moved. */
  noteInk() {
    this.#knowing = inked(this.#knowing, performance.now());
  }

  /** @param {Guessed} guessed */
  update(guessed) {
    this.#guessed = guessed;
    this.#knowing = answered(this.#knowing, guessed.unknown ?? false, performance.now());
    this.#show(guessed);
  }

  /** @param {Guessed} guessed */
  #show(guessed) {
    const { predictions } = guessed;
    // What a network without guesses says of itself stays.
    if (this.#silence || predictions.length === 0) return;
    this.#empty.hidden = true;
    this.#body.hidden = false;
    this.#judge(guessed);
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

  /** The best guess in large, or that there is none. @param {Guessed} guessed */
  #judge(guessed) {
    clearTimeout(this.#timer);
    const { verdict, changesIn } = verdictAt(this.#knowing, performance.now());
    if (changesIn !== null) this.#timer = window.setTimeout(() => this.#judge(guessed), changesIn);
    const isKnown = verdict === "known";
    const words = isKnown ? null : doubt(guessed, verdict, this.#leastProbability);
    this.#label.textContent = words?.label ?? guessed.predictions[0]?.label ?? "";
    this.#phrase.textContent = words?.phrase ?? certainty(guessed.predictions).phrase;
    this.#body.classList.toggle("guess-doubt", !isKnown);
    this.#why.hidden = isKnown;
    const sentence = words?.sentence ?? "";
    if (sentence && sentence !== this.#said) this.#onDoubt(sentence);
    this.#said = sentence;
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
    if (!this.#softmax.open || !this.#guessed) return;
    const { predictions } = this.#guessed;
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
    clearTimeout(this.#timer);
    this.#empty.remove();
    this.#body.remove();
  }
}
