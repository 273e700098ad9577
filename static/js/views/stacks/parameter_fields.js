/**
 * The fields of one layer: every parameter of its constructor, those that matter at once.
 *
 * @import {LayerKind, ParameterKind, StackLayer, StackProblem} from "../../core/stack.js"
 * @import {Value} from "../../core/python_literal.js"
 */
import { formatValue, parseValue } from "../../core/parameter_text.js";
import { html } from "../dom.js";

/** @typedef {HTMLInputElement | HTMLSelectElement} Control */

let lastId = 0;

/** @param {ParameterKind} parameter @returns {"flag" | "choice" | "text"} */
function way({ kind, choices }) {
  if (kind === "true or false") return "flag";
  return choices.length > 0 || kind === "true, false or null" ? "choice" : "text";
}

export class ParameterFields {
  element = html("div", { class: "layer-fields" });
  #kind;
  #onChange;
  /** @type {Map<string, {frame: HTMLElement, control: Control, parameter: ParameterKind}>} */
  #fields = new Map();
  #more;
  #all = false;
  /** @type {StackLayer} */
  #layer;
  /** @type {string | null} */
  #wrong = null;

  /**
   * @param {StackLayer} layer
   * @param {LayerKind | undefined} kind
   * @param {(name: string, value: Value | undefined) => void} onChange  undefined: left out
   */
  constructor(layer, kind, onChange) {
    this.#layer = layer;
    this.#kind = kind;
    this.#onChange = onChange;
    this.#more = html("button", { type: "button", class: "text-button layer-more", onclick: () => this.#toggle() });
    this.element.append(this.#more);
    this.update(layer, null, "");
  }

  /**
   * @param {StackLayer} layer
   * @param {StackProblem | null} problem
   * @param {string} sentenceId  of the element that says what is wrong
   */
  update(layer, problem, sentenceId) {
    this.#layer = layer;
    this.#wrong = problem?.parameter ?? null;
    for (const parameter of this.#kind?.parameters ?? []) {
      const { name, required } = parameter;
      if (required || name in layer.parameters || name === this.#wrong || this.#all) this.#show(parameter);
      else this.#hide(name);
    }
    // What the class does not take is shown all the same, so that it can be taken away.
    for (const name of Object.keys(layer.parameters)) {
      if (!this.#kind?.parameters.some((parameter) => parameter.name === name)) this.#show({ name, kind: "", required: false, default: null, choices: [] });
    }
    for (const [name, { control }] of this.#fields) {
      const wrong = name === this.#wrong;
      control.setAttribute("aria-invalid", String(wrong));
      if (wrong) control.setAttribute("aria-describedby", sentenceId);
      else control.removeAttribute("aria-describedby");
    }
    const hidden = (this.#kind?.parameters.length ?? 0) - this.#fields.size;
    this.#more.hidden = hidden <= 0 && !this.#all;
    this.#more.textContent = this.#all ? "fewer" : `${hidden} more`;
    this.#more.setAttribute("aria-label", this.#all ? "Show fewer parameters" : `Show ${hidden} more parameters`);
  }

  /** @param {string} [name]  of the parameter; the first field if there is none of it */
  focus(name) {
    const field = this.#fields.get(name ?? "") ?? this.#fields.values().next().value;
    field?.control.focus();
    return field !== undefined;
  }

  #toggle() {
    this.#all = !this.#all;
    this.update(this.#layer, this.#wrong === null ? null : { layer: 0, parameter: this.#wrong, detail: "", repairs: [] }, "");
    this.#more.focus();
  }

  /** @param {ParameterKind} parameter */
  #show(parameter) {
    const { name } = parameter;
    const value = name in this.#layer.parameters ? this.#layer.parameters[name] : undefined;
    let field = this.#fields.get(name);
    if (!field) {
      field = { parameter, ...this.#made(parameter) };
      this.#fields.set(name, field);
      const order = this.#kind?.parameters.map((each) => each.name) ?? [];
      const behind = [...this.element.children].find((each) => each instanceof HTMLElement && each.dataset.name !== undefined && order.indexOf(each.dataset.name) > order.indexOf(name));
      this.element.insertBefore(field.frame, order.includes(name) && behind ? behind : this.#more);
    }
    this.#write(field.control, parameter, value);
  }

  /** @param {string} name */
  #hide(name) {
    const field = this.#fields.get(name);
    // Under the cursor nothing vanishes.
    if (!field || field.frame.contains(document.activeElement)) return;
    field.frame.remove();
    this.#fields.delete(name);
  }

  /** @param {ParameterKind} parameter @returns {{frame: HTMLElement, control: Control}} */
  #made(parameter) {
    lastId += 1;
    const id = `parameter-${lastId}`;
    const { name, choices } = parameter;
    const label = html("label", { for: id }, name);
    const frame = html("div", { class: "layer-parameter", "data-name": name, "data-way": way(parameter) });
    if (way(parameter) === "flag") {
      const control = html("input", { id, type: "checkbox", onchange: () => this.#onChange(name, control.checked === parameter.default ? undefined : control.checked) });
      frame.append(control, label);
      return { frame, control };
    }
    if (way(parameter) === "choice") {
      const words = choices.length > 0 ? choices : ["none", "true", "false"];
      const control = html("select", { id, onchange: () => this.#onChange(name, choices.length > 0 ? control.value : /** @type {Record<string, Value>} */ ({ none: null, true: true, false: false })[control.value]) });
      control.append(...words.map((word) => html("option", { value: word }, word)));
      frame.append(label, control);
      return { frame, control };
    }
    const control = html("input", {
      id,
      type: "text",
      inputmode: /integer|number/.test(parameter.kind) && !/each|list/.test(parameter.kind) ? "decimal" : "text",
      autocomplete: "off",
      autocapitalize: "off",
      spellcheck: "false",
      maxlength: 80,
      title: parameter.kind,
      oninput: () => {
        this.#fit(control);
        this.#onChange(name, parseValue(parameter.kind, control.value));
      },
    });
    if (!parameter.required) control.placeholder = formatValue(parameter.default);
    frame.append(label, control);
    return { frame, control };
  }

  /** @param {Control} control @param {ParameterKind} parameter @param {Value | undefined} value */
  #write(control, parameter, value) {
    const text = formatValue(value);
    if (control instanceof HTMLSelectElement) {
      const shown = value === undefined ? formatValue(parameter.default) : text;
      if (![...control.options].some((option) => option.value === shown)) control.append(html("option", { value: shown }, shown));
      control.value = shown;
    } else if (control.type === "checkbox") {
      control.checked = value === undefined ? parameter.default === true : value === true;
    } else {
      // What is typed stays as it was typed, such as "3x5".
      const same = JSON.stringify(parseValue(parameter.kind, control.value)) === JSON.stringify(value);
      if (!same) control.value = text;
      this.#fit(control);
    }
  }

  /** @param {HTMLInputElement} control */
  #fit(control) {
    control.size = Math.min(24, Math.max(2, control.value.length || control.placeholder.length));
  }
}
