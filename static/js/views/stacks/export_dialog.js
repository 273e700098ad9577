/** A stack to take away: as a PyTorch module, as nn.Sequential, as JSON. */
import { html } from "../dom.js";
import { PanelDialog } from "./panel_dialog.js";

/** @typedef {{name: string, title: string, file: string, type: string, text: string}} Export */

export class ExportDialog {
  #dialog = new PanelDialog("Export the stack", "export-dialog");
  #shown = html("pre", { class: "export-text", tabindex: 0 });
  #said = html("span", { role: "status", class: "quiet" });
  #exports;
  #chosen;

  /**
   * @param {Export[]} exports
   * @param {string} warning  "" if there is none
   */
  constructor(exports, warning) {
    this.#exports = exports;
    this.#chosen = exports[0];
    const choices = html(
      "div",
      { class: "switch", role: "radiogroup", "aria-label": "Form" },
      ...exports.map((each, index) =>
        html("label", {}, html("input", { type: "radio", name: "export", value: each.name, checked: index === 0, onchange: () => this.#show(each.name) }), html("span", {}, each.title)),
      ),
    );
    this.#dialog.body.append(
      warning ? html("p", { class: "notice" }, warning) : "",
      choices,
      this.#shown,
      html(
        "div",
        { class: "dialog-actions" },
        html("button", { type: "button", class: "button", onclick: () => this.#copy() }, "Copy"),
        html("button", { type: "button", class: "quiet-button", onclick: () => this.#save() }, "Save as a file"),
        this.#said,
      ),
    );
    this.#show(this.#chosen.name);
  }

  open() {
    this.#dialog.open();
  }

  /** @param {string} name */
  #show(name) {
    this.#chosen = this.#exports.find((each) => each.name === name) ?? this.#chosen;
    this.#shown.textContent = this.#chosen.text;
    this.#shown.setAttribute("aria-label", this.#chosen.title);
    this.#said.textContent = "";
  }

  async #copy() {
    try {
      await navigator.clipboard.writeText(this.#chosen.text);
      this.#said.textContent = "Copied.";
    } catch {
      getSelection()?.selectAllChildren(this.#shown);
      this.#said.textContent = "The browser does not let the page copy; the text is selected.";
    }
  }

  #save() {
    const url = URL.createObjectURL(new Blob([this.#chosen.text], { type: this.#chosen.type }));
    html("a", { href: url, download: this.#chosen.file }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
    this.#said.textContent = `Saved as ${this.#chosen.file}.`;
  }
}
