/** What all stacks are given: the batch, the shape of one item, and the mode of the layers. */
import { parseShape, parseSize } from "../../core/parameter_text.js";
import { html } from "../dom.js";

export class StackInput {
  element;
  #batch;
  #shape;
  #wrong = html("p", { class: "field-wrong", id: "input-wrong", role: "alert", hidden: true });
  #training;
  #onChange;
  /** @type {number[]} */
  #input = [];

  /** @param {(change: {input?: number[], training?: boolean}) => void} onChange */
  constructor(onChange) {
    this.#onChange = onChange;
    const typed = () => this.#typed();
    this.#batch = html("input", { id: "input-batch", inputmode: "numeric", size: 4, maxlength: 20, autocomplete: "off", "aria-describedby": "input-wrong", oninput: typed });
    this.#shape = html("input", { id: "input-shape", size: 14, maxlength: 120, autocomplete: "off", spellcheck: "false", "aria-describedby": "input-wrong", oninput: typed });
    this.#training = html("input", { id: "training", type: "checkbox", onchange: () => onChange({ training: this.#training.checked }) });
    this.element = html(
      "div",
      { class: "stack-input" },
      html("div", { class: "field" }, html("label", { for: "input-shape" }, "Input shape"), this.#shape),
      html("div", { class: "field" }, html("label", { for: "input-batch" }, "Batch size"), this.#batch),
      html("div", { class: "field field-check" }, this.#training, html("label", { for: "training", title: "Dropout drops, and batch normalisation takes the statistics of the batch" }, "Training mode")),
      this.#wrong,
    );
  }

  /** @param {number[]} input @param {boolean} training */
  update(input, training) {
    this.#training.checked = training;
    if (String(this.#input) === String(input)) return;
    this.#input = input;
    const [batch, ...sizes] = input;
    if (Number(this.#batch.value) !== batch || this.#batch.value === "") this.#batch.value = String(batch);
    const shown = parseShape(this.#shape.value);
    if ("error" in shown || String(shown.sizes) !== String(sizes) || this.#shape.value === "") this.#shape.value = sizes.join(", ");
    this.refuse("");
  }

  /** @param {string} sentence  why the server takes no such input; "" if it does */
  refuse(sentence) {
    this.#show(sentence, [this.#shape]);
  }

  #typed() {
    const batch = parseSize(this.#batch.value, "The batch size");
    const shape = parseShape(this.#shape.value);
    if ("error" in batch) return this.#show(batch.error, [this.#batch]);
    if ("error" in shape) return this.#show(shape.error, [this.#shape]);
    this.#show("", []);
    this.#input = [batch.size, ...shape.sizes];
    return this.#onChange({ input: this.#input });
  }

  /** @param {string} sentence @param {HTMLInputElement[]} fields  at fault */
  #show(sentence, fields) {
    this.#wrong.textContent = sentence;
    this.#wrong.hidden = sentence === "";
    for (const field of [this.#batch, this.#shape]) field.setAttribute("aria-invalid", String(sentence !== "" && fields.includes(field)));
  }
}
