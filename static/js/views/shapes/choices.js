/** Small controls of the animation: a labelled choice, and a number that is stepped through. */
import { html } from "../dom.js";

export class Choice {
  #select;
  element;

  /** @param {string} label @param {(value: string) => void} onChoose */
  constructor(label, onChoose) {
    this.#select = html("select", { "aria-label": label, onchange: () => onChoose(this.#select.value) });
    this.element = html("label", { class: "choice" }, html("span", { class: "label" }, label), this.#select);
  }

  /** @param {{value: string, title: string}[]} options @param {string} value */
  show(options, value) {
    const key = options.map((option) => `${option.value} ${option.title}`).join("\n");
    if (this.#select.dataset.key !== key) {
      this.#select.dataset.key = key;
      this.#select.replaceChildren(...options.map((option) => html("option", { value: option.value }, option.title)));
    }
    this.#select.value = value;
  }
}

/** A place on an axis, by a slider. */
export class Slider {
  #input;
  #place = html("output", { class: "transport-place" });
  element;

  /** @param {string} label @param {(number: number) => void} onNumber */
  constructor(label, onNumber) {
    this.#input = html("input", { type: "range", class: "transport-scrub", min: 0, "aria-label": label, oninput: () => onNumber(Number(this.#input.value)) });
    this.element = html("label", { class: "choice choice-slider" }, html("span", { class: "label" }, label), html("span", { class: "choice-row" }, this.#input, this.#place));
  }

  /** @param {number} value @param {number} most */
  show(value, most) {
    this.element.hidden = most === 0;
    this.#input.max = String(most);
    this.#input.value = String(value);
    this.#place.textContent = `${value} of 0 to ${most}`;
  }
}

/** A place on an axis, by number. */
export class Stepper {
  #input;
  element;
  #most = 0;
  #onNumber;

  /** @param {string} label @param {(number: number) => void} onNumber */
  constructor(label, onNumber) {
    this.#onNumber = onNumber;
    this.#input = html("input", { class: "shape-input", type: "number", min: 0, "aria-label": label, onchange: () => this.#set(Number(this.#input.value)) });
    this.element = html("label", { class: "choice choice-number" }, html("span", { class: "label" }, label), this.#input);
  }

  /** @param {number} value */
  #set(value) {
    const number = Math.max(0, Math.min(this.#most, Math.round(Number.isFinite(value) ? value : 0)));
    this.#input.value = String(number);
    this.#onNumber(number);
  }

  /** @param {number} value @param {number} most */
  show(value, most) {
    this.#most = most;
    this.element.hidden = most === 0;
    this.#input.max = String(most);
    this.#input.value = String(value);
  }
}
