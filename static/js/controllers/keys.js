/** Keyboard shortcuts and the dialog that lists them. @import {Command} from "../core/shortcuts.js" */
import { commandOf, SINGLE_KEYS } from "../core/shortcuts.js";
import { recall, remember } from "../storage.js";
import { byId, html } from "../views/dom.js";

export class Keys {
  #dialog = byId("keys-dialog", HTMLDialogElement);
  #check = byId("single-keys", HTMLInputElement);
  #stop = new AbortController();
  #onCommand;

  /** @param {(command: Command) => void} onCommand */
  constructor(onCommand) {
    this.#onCommand = onCommand;
    const signal = this.#stop.signal;
    this.#check.checked = recall("single-keys") !== "off";
    this.#check.addEventListener("change", () => remember("single-keys", this.#check.checked ? null : "off"), { signal });
    byId("keys-anywhere", HTMLElement).replaceChildren(
      ...SINGLE_KEYS.map(({ key, label, command }) => {
        const control = command === "undo" || command === "redo" ? [html("kbd", {}, "Ctrl"), " ", html("kbd", {}, key.toUpperCase()), " or "] : [];
        return html("div", {}, html("dt", {}, ...control, html("kbd", {}, key.toUpperCase())), html("dd", {}, label));
      }),
    );
    byId("keys-button", HTMLButtonElement).addEventListener("click", () => this.show(), { signal });
    document.addEventListener("keydown", (event) => this.#keyed(event), { signal });
  }

  show() {
    this.#dialog.showModal();
  }

  /** @param {KeyboardEvent} event */
  #keyed(event) {
    const target = event.target;
    const typing = target instanceof HTMLElement && target.matches("input:not([type=checkbox], [type=radio], [type=file]), textarea, select, [contenteditable]");
    if (event.defaultPrevented || typing || this.#dialog.open) return;
    const command = commandOf(event, this.#check.checked);
    if (!command) return;
    event.preventDefault();
    this.#onCommand(command);
  }

  destroy() {
    this.#stop.abort();
  }
}
