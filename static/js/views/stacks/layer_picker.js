/**
 * Choosing a kind of layer: a field to search in, and the kinds that match.
 *
 * @import {LayerKind, LayerKinds} from "../../core/stack.js"
 */
import { searchKinds } from "../../core/layer_search.js";
import { html } from "../dom.js";
import { PanelDialog } from "./panel_dialog.js";

export class LayerPicker {
  #dialog = new PanelDialog("Add a layer", "picker-dialog");
  #search;
  #list = html("ul", { class: "picker-list", role: "listbox", id: "picker-list", "aria-label": "Kinds of layers" });
  #kinds;
  #onChoose;
  /** @type {LayerKind[]} */
  #found = [];
  #current = 0;

  /**
   * @param {LayerKinds} kinds
   * @param {(kind: LayerKind) => void} onChoose
   */
  constructor(kinds, onChoose) {
    this.#kinds = [...kinds.values()];
    this.#onChoose = onChoose;
    this.#search = html("input", {
      type: "search",
      class: "picker-search",
      placeholder: "conv, pool, linear …",
      autocomplete: "off",
      spellcheck: "false",
      role: "combobox",
      "aria-label": "Search the kinds of layers",
      "aria-expanded": "true",
      "aria-controls": "picker-list",
      "aria-autocomplete": "list",
      oninput: () => this.#show(),
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.#key(event),
    });
    this.#list.addEventListener("click", (event) => {
      const option = event.target instanceof Element ? event.target.closest("li") : null;
      if (option) this.#choose([...this.#list.children].indexOf(option));
    });
    this.#dialog.body.append(this.#search, this.#list);
  }

  open() {
    this.#dialog.open();
    this.#search.focus();
    this.#show();
  }

  #show() {
    this.#found = searchKinds(this.#kinds, this.#search.value);
    this.#current = 0;
    this.#list.replaceChildren(
      ...this.#found.map(({ type, parameters }, index) =>
        html(
          "li",
          { role: "option", id: `picker-${index}`, "aria-selected": String(index === 0) },
          html("b", {}, type),
          html("span", {}, parameters.filter(({ required }) => required).map(({ name }) => name).join(", ")),
        ),
      ),
    );
    if (this.#found.length === 0) this.#list.append(html("li", { class: "picker-none", role: "option", "aria-disabled": "true", "aria-selected": "false" }, "No layer has that in its name."));
    this.#mark(0);
  }

  /** @param {number} index */
  #mark(index) {
    this.#list.children[this.#current]?.setAttribute("aria-selected", "false");
    this.#current = index;
    const option = this.#list.children[index];
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    this.#search.setAttribute("aria-activedescendant", this.#found.length > 0 ? `picker-${index}` : "");
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const last = this.#found.length - 1;
    const next = { ArrowDown: Math.min(last, this.#current + 1), ArrowUp: Math.max(0, this.#current - 1) }[event.key];
    if (next !== undefined && last >= 0) {
      event.preventDefault();
      this.#mark(next);
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.#choose(this.#current);
    }
  }

  /** @param {number} index */
  #choose(index) {
    const kind = this.#found[index];
    if (!kind) return;
    this.#dialog.close();
    this.#onChoose(kind);
  }
}
