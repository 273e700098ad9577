/** A choice of a few, all in sight. */
import { html } from "./dom.js";

/** @template {string} Value */
export class Segmented {
  #element;
  /** @type {Map<Value, HTMLInputElement>} */
  #inputs = new Map();

  /**
   * @param {HTMLElement} parent
   * @param {{name: string, label: string, choices: [Value, string][], value: Value}} options  name: of
   *   the group, of its own on the page
   * @param {(value: Value) => void} onChange
   */
  constructor(parent, { name, label, choices, value }, onChange) {
    this.#element = html("div", { class: "segmented", role: "radiogroup", "aria-label": label });
    for (const [each, text] of choices) {
      const input = html("input", { type: "radio", name, value: each, checked: each === value, onchange: () => onChange(each) });
      this.#inputs.set(each, input);
      this.#element.append(html("label", {}, input, text));
    }
    parent.append(this.#element);
  }

  /** @param {Value} value */
  set(value) {
    const input = this.#inputs.get(value);
    if (input) input.checked = true;
  }

  /** @param {boolean} disabled */
  setDisabled(disabled) {
    for (const input of this.#inputs.values()) input.disabled = disabled;
    this.#element.toggleAttribute("data-disabled", disabled);
  }

  destroy() {
    this.#element.remove();
  }
}
