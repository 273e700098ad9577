/** Keyboard shortcuts and the dialog that lists them. @import {Command} from "../core/shortcuts.js" */
import { keyGroups, PLACES, registerKeys } from "../core/key_table.js";
import { commandOf, SINGLE_KEYS } from "../core/shortcuts.js";
import { remember } from "../storage.js";
import { byId } from "../views/dom.js";
import { isTypedIn, singleKeysOn } from "../views/key_rules.js";
import { KeyList } from "../views/key_list.js";

export class Keys {
  #dialog = byId("keys-dialog", HTMLDialogElement);
  #check = byId("single-keys", HTMLInputElement);
  #list = new KeyList(byId("keys-list", HTMLElement));
  #stop = new AbortController();
  #onCommand;
  #forget;

  /** @param {(command: Command) => void} onCommand */
  constructor(onCommand) {
    this.#onCommand = onCommand;
    const signal = this.#stop.signal;
    this.#check.checked = singleKeysOn();
    this.#check.addEventListener("change", () => remember("single-keys", this.#check.checked ? null : "off"), { signal });
    this.#forget = registerKeys(
      PLACES.anywhere,
      SINGLE_KEYS.filter(({ needs }) => !needs || document.getElementById(needs)).map(({ key, label, command }) => ({
        keys: command === "undo" || command === "redo" ? [`Ctrl+${key.toUpperCase()}`, key.toUpperCase()] : [key.toUpperCase()],
        label,
      })),
    );
    byId("keys-button", HTMLButtonElement).addEventListener("click", () => this.show(), { signal });
    document.addEventListener("keydown", (event) => this.#keyed(event), { signal });
  }

  show() {
    this.#list.show(keyGroups());
    this.#dialog.showModal();
  }

  /** @param {KeyboardEvent} event */
  #keyed(event) {
    if (event.defaultPrevented || isTypedIn(event.target) || document.querySelector("dialog[open]")) return;
    const command = commandOf(event, singleKeysOn());
    if (!command) return;
    event.preventDefault();
    // What a button of the page does, its key does.
    if (command === "export") document.getElementById("export-button")?.click();
    else this.#onCommand(command);
  }

  destroy() {
    this.#forget();
    this.#stop.abort();
  }
}
