/** The guesses of both sides beside each other. @import {Sides} from "../core/comparison.js" @import {Inspection} from "../core/types.js" */
import { certainty } from "../core/certainty.js";
import { pairGuesses, totalVariation } from "../core/comparison.js";
import { percent, short } from "../core/numbers.js";
import { html } from "./dom.js";

/** Guesses of each side. */
const TOP = 5;
const MINUS = "−";

/**
 * A difference of probabilities in percentage points.
 *
 * @param {number} difference
 */
export function points(difference) {
  const size = Math.abs(difference) * 100;
  if (size === 0) return "0";
  if (size < 0.005) return "≈ 0";
  const text = size.toFixed(size < 9.95 ? 2 : 1);
  return `${difference < 0 ? MINUS : "+"}${text}`;
}

export class CompareGuesses {
  #element = html("div", { class: "pair-guesses" });
  #empty = html("p", { class: "pair-empty" });
  #bests;
  #rows = html("tbody");
  #heads;
  #table;
  #facts = html("dl", { class: "pair-facts" });

  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.#bests = { a: best("a"), b: best("b") };
    this.#heads = { a: html("th", { scope: "col", class: "side-text-a" }, "A"), b: html("th", { scope: "col", class: "side-text-b" }, "B") };
    const head = html("tr", {}, html("th", { scope: "col" }, "category"), html("td", { class: "pair-bars-head" }), this.#heads.a, this.#heads.b, html("th", { scope: "col" }, `B ${MINUS} A`));
    this.#table = html("table", { class: "pair-table" }, html("caption", { class: "visually-hidden" }, "The five best guesses of each side, with their probabilities and the difference in percentage points"), html("thead", {}, head), this.#rows);
    this.#element.append(this.#empty, html("div", { class: "pair-bests" }, this.#bests.a.element, this.#bests.b.element), this.#table, this.#facts);
    parent.append(this.#element);
  }

  /** @param {boolean} stale  what is shown answers an earlier drawing */
  setStale(stale) {
    this.#element.toggleAttribute("data-stale", stale);
  }

  /**
   * @param {Sides<Inspection | null>} pair
   * @param {Sides<string>} names  of the sides
   * @param {string} missing  what to do where a side has nothing, in a sentence
   */
  show(pair, names, missing) {
    const { a, b } = pair;
    this.#empty.textContent = missing;
    this.#empty.hidden = missing === "";
    for (const side of /** @type {const} */ (["a", "b"])) {
      const { predictions, unknown = false } = pair[side] ?? { predictions: [] };
      this.#bests[side].name.textContent = names[side];
      this.#bests[side].label.textContent = predictions[0]?.label ?? "–";
      this.#bests[side].phrase.textContent = certainty(predictions, unknown).phrase;
    }
    const rows = a || b ? pairGuesses(a?.predictions ?? [], b?.predictions ?? [], TOP) : [];
    this.#table.hidden = rows.length === 0;
    this.#rows.replaceChildren(
      ...rows.map(({ label, a: ofA, b: ofB, difference }) =>
        html(
          "tr",
          { "data-label": label },
          html("th", { scope: "row" }, label),
          html("td", { class: "pair-bars", "aria-hidden": "true" }, bar("a", ofA), bar("b", ofB)),
          html("td", {}, share(ofA, a)),
          html("td", {}, share(ofB, b)),
          html("td", { class: "pair-difference", "data-larger": difference === null || difference === 0 ? null : difference > 0 ? "b" : "a" }, difference === null ? "" : points(difference)),
        ),
      ),
    );
    this.#showFacts(pair);
  }

  /** @param {Sides<Inspection | null>} pair */
  #showFacts({ a, b }) {
    /** @param {string} name @param {string} value @param {string} meaning */
    const fact = (name, value, meaning) => html("div", { title: meaning }, html("dt", {}, name), html("dd", {}, value));
    const facts = [];
    // A model that makes no guesses has none.
    const [entropyA, entropyB] = [a?.entropy ?? null, b?.entropy ?? null];
    if (entropyA !== null) facts.push(fact("Entropy of A", `${short(entropyA, 3)} nats`, "Of all its probabilities: 0 is certain."));
    if (entropyB !== null) facts.push(fact("Entropy of B", `${short(entropyB, 3)} nats`, "Of all its probabilities: 0 is certain."));
    if (a && b && entropyA !== null && entropyB !== null) {
      facts.push(fact(`Entropy, B ${MINUS} A`, `${short(entropyB - entropyA, 3)} nats`, "Below 0, B is the surer one."));
      const moved = totalVariation(a.predictions, b.predictions);
      if (moved !== null) facts.push(fact("Probability moved", percent(moved), "Total variation distance: the probability that would have to move from some categories to others."));
    }
    this.#facts.replaceChildren(...facts);
    this.#facts.hidden = facts.length === 0;
  }

  destroy() {
    this.#element.remove();
  }
}

/** @param {"a" | "b"} side */
function best(side) {
  const name = html("p", { class: "pair-name" });
  const label = html("p", { class: "guess-label" });
  const phrase = html("p", { class: "pair-phrase" });
  return { name, label, phrase, element: html("div", { class: "pair-best", "data-side": side }, name, label, phrase) };
}

/** @param {"a" | "b"} side @param {number | null} probability */
function bar(side, probability) {
  const element = html("span", { class: "pair-bar", "data-side": side }, html("span"));
  element.style.setProperty("--share", String(probability ?? 0));
  return element;
}

/** @param {number | null} probability @param {Inspection | null} inspection */
function share(probability, inspection) {
  if (probability !== null) return percent(probability);
  return inspection ? "not listed" : "–";
}
