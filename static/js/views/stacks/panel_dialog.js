/** A dialog with a title and a button that closes it; it is gone from the page when it is closed. */
import { html, icon } from "../dom.js";
import { ICONS } from "./icons.js";

let lastId = 0;

export class PanelDialog {
  #dialog;
  body = html("div", { class: "dialog-body" });

  /**
   * @param {string} title
   * @param {string} name  for its style
   */
  constructor(title, name) {
    lastId += 1;
    const id = `dialog-title-${lastId}`;
    this.#dialog = html(
      "dialog",
      { class: `panel-dialog ${name}`, "aria-labelledby": id },
      html(
        "div",
        { class: "dialog-head" },
        html("h2", { id }, title),
        html("button", { type: "button", class: "icon-button", "aria-label": "Close", onclick: () => this.close() }, icon(ICONS.close)),
      ),
      this.body,
    );
    // A press on what lies behind the dialog closes it.
    this.#dialog.addEventListener("pointerdown", (event) => event.target === this.#dialog && this.close());
    this.#dialog.addEventListener("close", () => this.#dialog.remove());
  }

  get isOpen() {
    return this.#dialog.open;
  }

  open() {
    document.body.append(this.#dialog);
    this.#dialog.showModal();
  }

  close() {
    this.#dialog.close();
  }
}
