/** The shape of the input: a field for each axis. @import {Scalar} from "../../core/shapes/types.js" */
import { readShape, readSize, sizeFault } from "../../core/shapes/fields.js";
import { html } from "../dom.js";

export class InputShape {
  element = html("fieldset", { class: "shape-input-shape" });
  #fields = html("div", { class: "shape-axes" });
  #fault = html("p", { class: "shape-fault", id: "input-fault", hidden: true });
  #onSizes;
  /** @type {Scalar[]} */
  #sizes = [];
  /** @type {string[]} */
  #names = [];

  /** @param {(sizes: Scalar[]) => void} onSizes */
  constructor(onSizes) {
    this.#onSizes = onSizes;
    const more = html("button", { type: "button", class: "text-button", onclick: () => this.#onSizes([1, ...this.#sizes].slice(0, 16)) }, "add an axis in front");
    const fewer = html("button", { type: "button", class: "text-button", onclick: () => this.#onSizes(this.#sizes.slice(1)) }, "remove the first");
    this.element.append(html("legend", { class: "label" }, "Input shape"), this.#fields, html("div", { class: "shape-axis-tools" }, more, fewer), this.#fault);
  }

  /**
   * @param {Scalar[]} sizes
   * @param {string[]} names  of the axes
   */
  show(sizes, names) {
    const inputs = [...this.#fields.querySelectorAll("input")];
    const sameNames = names.join() === this.#names.join() && inputs.length === sizes.length;
    this.#sizes = sizes;
    this.#names = names;
    if (sameNames) {
      inputs.forEach((input, axis) => {
        if (readSize(input.value) !== sizes[axis]) input.value = String(sizes[axis]);
      });
    } else {
      this.#fields.replaceChildren(...sizes.map((size, axis) => this.#field(size, axis)));
      if (sizes.length === 0) this.#fields.append(html("p", { class: "shape-none" }, "No axes: a single number."));
    }
    this.#check();
  }

  /** @param {Scalar} size @param {number} axis */
  #field(size, axis) {
    const id = `input-${axis}`;
    const input = html("input", {
      id,
      class: "shape-input",
      inputmode: "numeric",
      autocomplete: "off",
      spellcheck: "false",
      "aria-describedby": this.#fault.id,
      oninput: () => this.#typed(input.value, axis),
      onpaste: (/** @type {ClipboardEvent} */ event) => this.#pasted(event),
      onkeydown: (/** @type {KeyboardEvent} */ event) => {
        const step = event.key === "ArrowUp" ? 1 : event.key === "ArrowDown" ? -1 : 0;
        if (step === 0 || event.altKey || !/^\d{1,15}$/.test(input.value.trim())) return;
        event.preventDefault();
        input.value = String(Math.max(0, Number(input.value) + step));
        this.#typed(input.value, axis);
      },
    });
    input.value = String(size);
    return html("div", { class: "shape-axis", "data-parameter": "input_shape", "data-axis": axis }, html("label", { for: id }, this.#names[axis]), input);
  }

  /** @param {string} text @param {number} axis */
  #typed(text, axis) {
    this.#sizes = this.#sizes.map((size, other) => (other === axis ? readSize(text) : size));
    this.#check();
    this.#onSizes(this.#sizes);
  }

  /** @param {ClipboardEvent} event */
  #pasted(event) {
    const sizes = readShape(event.clipboardData?.getData("text") ?? "");
    if (!sizes) return;
    event.preventDefault();
    this.#onSizes(sizes);
  }

  /** The first fault of a size; "": all can be sent. */
  get fault() {
    return this.#sizes.map((size, axis) => sizeFault(size, this.#names[axis])).find(Boolean) ?? "";
  }

  #check() {
    this.showFault(this.fault);
  }

  /**
   * @param {string} fault  "": none
   * @param {boolean} [everywhere]  whether it is the whole shape that is wrong
   */
  showFault(fault, everywhere = false) {
    this.#fault.textContent = fault;
    this.#fault.hidden = fault === "";
    [...this.#fields.querySelectorAll("input")].forEach((input, axis) => {
      const own = fault !== "" && (everywhere || sizeFault(this.#sizes[axis] ?? "", "size") !== "");
      if (own) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    });
  }
}
