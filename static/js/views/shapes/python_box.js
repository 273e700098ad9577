/** The line of PyTorch that makes the layer: to copy, or pasted to fill the form. */
import { html } from "../dom.js";

export class PythonBox {
  element = html("section", { class: "python-box", "aria-labelledby": "python-title" });
  #code = html("code", { id: "python-line" });
  #copy = html("button", { type: "button", class: "text-button", onclick: () => this.#copied() }, "Copy");
  #input = html("input", {
    id: "python-input",
    class: "shape-input python-input",
    autocomplete: "off",
    spellcheck: "false",
    maxlength: 20_000,
    placeholder: "nn.Conv2d(3, 64, 7, stride=2, padding=3)",
    "aria-describedby": "python-fault",
  });
  #fault = html("p", { class: "shape-fault", id: "python-fault", role: "status", hidden: true });
  #line = "";
  #onSource;

  /** @param {(source: string) => void} onSource */
  constructor(onSource) {
    this.#onSource = onSource;
    const form = html(
      "form",
      { class: "python-form", onsubmit: (/** @type {SubmitEvent} */ event) => this.#submitted(event) },
      html("label", { for: "python-input", class: "label" }, "Paste a line of PyTorch"),
      html("div", { class: "python-row" }, this.#input, html("button", { type: "submit", class: "button" }, "Read")),
      this.#fault,
    );
    this.element.append(
      html("div", { class: "shape-field-head" }, html("h2", { id: "python-title", class: "label" }, "This layer in PyTorch"), this.#copy),
      html("pre", { class: "python-line", tabindex: 0, role: "region", "aria-labelledby": "python-title" }, this.#code),
      form,
    );
    // A pasted line is read at once: nobody pastes one to look at it.
    this.#input.addEventListener("paste", () => setTimeout(() => this.#onSource(this.#input.value), 0));
  }

  /** @param {Event} event */
  #submitted(event) {
    event.preventDefault();
    this.#onSource(this.#input.value);
  }

  async #copied() {
    try {
      await navigator.clipboard.writeText(this.#line);
      this.#copy.textContent = "Copied";
    } catch {
      this.#copy.textContent = "Select it and copy";
    }
    setTimeout(() => (this.#copy.textContent = "Copy"), 2000);
  }

  /** @param {string} line */
  show(line) {
    this.#line = line;
    this.#code.textContent = line;
  }

  /** @param {string} text  "": none @param {boolean} [wrong]  whether nothing could be read */
  say(text, wrong = true) {
    this.#fault.textContent = text;
    this.#fault.hidden = text === "";
    this.#fault.classList.toggle("is-note", !wrong);
    if (text && wrong) this.#input.setAttribute("aria-invalid", "true");
    else this.#input.removeAttribute("aria-invalid");
  }
}
