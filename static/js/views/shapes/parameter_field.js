/** One parameter of a layer as a form field. @import {KindParameter, Scalar, Value} from "../../core/shapes/types.js" */
import { inexact, isFlag, isPerAxis, readValue, takesNull, valueText } from "../../core/shapes/fields.js";
import { html } from "../dom.js";

/** Values of texts that are offered beside the field. @type {Record<string, string[]>} */
const OFFERED = { "integer, one for each axis, same or valid": ["same", "valid"] };

/** A label, a control that suits what the parameter takes, and what is wrong with it. */
export class ParameterField {
  element = html("div", { class: "shape-field" });
  #parameter;
  #parts;
  #onValue;
  #control = html("div", { class: "shape-control" });
  #fault = html("p", { class: "shape-fault", hidden: true });
  /** @type {HTMLButtonElement | null} */
  #split = null;
  #isSplit = false;
  /** @type {Value | undefined} */
  #value;
  #id;

  /**
   * @param {KindParameter} parameter
   * @param {string[]} parts  names of the numbers of a list; empty: it is not split
   * @param {(value: Value | undefined) => void} onValue
   */
  constructor(parameter, parts, onValue) {
    this.#parameter = parameter;
    this.#parts = isPerAxis(parameter.kind) && parts.length > 1 ? parts : [];
    this.#onValue = onValue;
    this.#id = `parameter-${parameter.name}`;
    this.#fault.id = `${this.#id}-fault`;
    this.element.dataset.parameter = parameter.name;
    const label = html("label", { for: this.#id, id: `${this.#id}-label`, class: "shape-label" }, parameter.name);
    const head = html("div", { class: "shape-field-head" }, label);
    if (this.#parts.length > 0) {
      this.#split = html("button", { type: "button", class: "text-button shape-split", onclick: () => this.#toggle() });
      head.append(this.#split);
    }
    for (const word of OFFERED[parameter.kind] ?? []) {
      head.append(html("button", { type: "button", class: "text-button", onclick: () => this.#offered(word) }, word));
    }
    this.element.append(head, this.#control, this.#fault);
    this.#build();
  }

  /** @param {string} word */
  #offered(word) {
    this.#onValue(word);
  }

  #toggle() {
    this.#isSplit = !this.#isSplit;
    const value = this.#value;
    if (this.#isSplit) {
      const one = Array.isArray(value) ? value[0] : (value ?? this.#parameter.default);
      const each = Array.isArray(value) && value.length === this.#parts.length ? value : this.#parts.map(() => (typeof one === "string" || Array.isArray(one) ? 0 : (one ?? 1)));
      this.#value = each;
      this.#build();
      this.#onValue(each);
    } else {
      const one = Array.isArray(value) ? value[0] : value;
      this.#value = one;
      this.#build();
      this.#onValue(one);
    }
  }

  #build() {
    const { name, kind, choices } = this.#parameter;
    if (this.#split) this.#split.textContent = this.#isSplit ? "one number" : "per axis";
    this.#control.replaceChildren();
    const described = { "aria-describedby": this.#fault.id };
    if (choices.length > 0 || isFlag(kind)) {
      const options = choices.length > 0 ? choices : ["True", "False"];
      const own = this.#parameter.default;
      const none = takesNull(kind) && !options.includes("None") ? ["None"] : [];
      const select = html(
        "select",
        { id: this.#id, ...described, onchange: () => this.#typed(select.value) },
        ...[...options, ...none].map((text) => html("option", { value: text }, text)),
      );
      select.value = valueText(this.#value ?? own);
      this.#control.append(select);
    } else if (this.#isSplit) {
      const values = Array.isArray(this.#value) ? this.#value : [];
      this.#parts.forEach((part, place) => {
        const id = place === 0 ? this.#id : `${this.#id}-${place}`;
        const input = html("input", { id, class: "shape-input", inputmode: "text", autocomplete: "off", spellcheck: "false", "aria-label": `${name}, ${part}`, ...described, oninput: () => this.#typedParts() });
        input.value = valueText(values[place]);
        this.#control.append(html("span", { class: "shape-part" }, html("span", { class: "shape-part-name", "aria-hidden": "true" }, part), input));
      });
    } else {
      const input = html("input", {
        id: this.#id,
        class: "shape-input",
        autocomplete: "off",
        spellcheck: "false",
        placeholder: this.#parameter.required ? "needed" : valueText(this.#parameter.default),
        ...described,
        oninput: () => this.#typed(input.value),
        onkeydown: (/** @type {KeyboardEvent} */ event) => this.#stepped(event, input),
      });
      input.value = valueText(this.#value);
      this.#control.append(input);
    }
  }

  /** Arrow keys count up and down, as in a field of numbers. @param {KeyboardEvent} event @param {HTMLInputElement} input */
  #stepped(event, input) {
    const step = event.key === "ArrowUp" ? 1 : event.key === "ArrowDown" ? -1 : 0;
    const text = input.value.trim() || input.placeholder;
    if (step === 0 || event.altKey || !/^-?\d{1,15}$/.test(text)) return;
    event.preventDefault();
    input.value = String(Number(text) + step);
    this.#typed(input.value);
  }

  /** @param {string} text */
  #typed(text) {
    const fault = inexact(text);
    this.#value = readValue(text, this.#parameter.kind);
    this.showFault(fault);
    this.#onValue(this.#value);
  }

  #typedParts() {
    const texts = [...this.#control.querySelectorAll("input")].map((input) => input.value);
    /** @type {Scalar[]} */
    const values = texts.map((text) => {
      const value = readValue(text, this.#parameter.kind);
      return value === undefined || Array.isArray(value) ? text : value;
    });
    this.#value = values;
    this.#onValue(values);
  }

  /** @param {Value | undefined} value */
  show(value) {
    if (JSON.stringify(value) === JSON.stringify(this.#value)) return;
    this.#value = value;
    this.#isSplit = this.#parts.length > 0 && Array.isArray(value) && value.length === this.#parts.length;
    this.#build();
  }

  /** @param {string} fault  "": none */
  showFault(fault) {
    this.#fault.textContent = fault;
    this.#fault.hidden = fault === "";
    for (const control of this.#control.querySelectorAll("input, select")) {
      if (fault) control.setAttribute("aria-invalid", "true");
      else control.removeAttribute("aria-invalid");
    }
  }

  focus() {
    this.#control.querySelector("input")?.focus();
  }
}
