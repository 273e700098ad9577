/** The kernel's numbers, to read and to change cell by cell. */
import { cellText } from "../../core/shapes/viewport.js";
import { html } from "../dom.js";

export class KernelEditor {
  element = html("figure", { class: "kernel-editor", hidden: true });
  #table = html("div", { class: "kernel-cells" });
  #caption = html("figcaption", {});
  #onEdit;
  #shape = "";

  /** @param {(row: number, column: number, value: number) => void} onEdit */
  constructor(onEdit) {
    this.#onEdit = onEdit;
    this.element.append(this.#caption, this.#table);
  }

  /**
   * @param {number[][] | null} plane  null: there is none, or it is too large
   * @param {string} caption
   * @param {boolean} editable
   */
  show(plane, caption, editable) {
    this.element.hidden = caption === "";
    this.#caption.textContent = caption;
    if (!plane) {
      this.#table.replaceChildren();
      this.#shape = "";
      return;
    }
    const shape = `${plane.length} ${plane[0].length} ${editable}`;
    if (shape !== this.#shape) {
      this.#shape = shape;
      this.#table.style.setProperty("--columns", String(plane[0].length));
      this.#table.style.setProperty("--side", plane[0].length > 5 ? "1.75rem" : plane[0].length > 3 ? "2.3rem" : "3.1rem");
      this.#table.replaceChildren(...plane.flatMap((line, row) => line.map((_, column) => this.#cell(row, column, editable))));
    }
    const inputs = [...this.#table.querySelectorAll("input")];
    plane.flat().forEach((value, index) => {
      const input = inputs[index];
      if (document.activeElement === input && Number(input.value) === value) return;
      // Shortened to fit; what is not typed over stays as it is.
      input.value = editable ? String(Number(value.toPrecision(plane[0].length > 3 ? 2 : 3))) : cellText(value);
      input.title = String(value);
      input.classList.toggle("is-long", input.value.length > 4);
      input.classList.toggle("is-negative", value < 0);
      input.classList.toggle("is-zero", value === 0);
    });
  }

  /** @param {number} row @param {number} column @param {boolean} editable */
  #cell(row, column, editable) {
    const input = html("input", {
      class: "kernel-cell",
      "aria-label": `Kernel, row ${row}, column ${column}`,
      inputmode: "text",
      autocomplete: "off",
      readonly: !editable,
      oninput: () => {
        const value = Number(input.value.replace("−", "-"));
        const good = input.value.trim() !== "" && Number.isFinite(value) && Math.abs(value) <= 1e6;
        if (good) input.removeAttribute("aria-invalid");
        else input.setAttribute("aria-invalid", "true");
        if (good) this.#onEdit(row, column, value);
      },
    });
    return input;
  }
}
