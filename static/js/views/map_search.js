/** Finding layers of the map by name or kind. @import {LayerNode} from "../core/types.js" */
import { kindInWords } from "../core/graph.js";
import { html } from "./dom.js";

export class MapSearch {
  #input = html("input", { type: "search", placeholder: "Find a layer", "aria-label": "Find a layer by name or kind", spellcheck: "false", autocomplete: "off" });
  #count = html("output", { class: "map-found" });
  /** @type {LayerNode[]} */
  #nodes = [];
  /** @type {LayerNode[]} */
  #found = [];
  #place = -1;
  #onFound;
  #onGo;

  /**
   * @param {(layers: string[]) => void} onFound  whenever the text changes
   * @param {(layer: string) => void} onGo  to one of those found
   */
  constructor(onFound, onGo) {
    this.#onFound = onFound;
    this.#onGo = onGo;
    this.element = html("div", { class: "map-search", role: "search" }, this.#input, this.#count);
    this.#input.addEventListener("input", () => this.#search());
    this.#input.addEventListener("keydown", (event) => this.#keyed(event));
  }

  /** @param {LayerNode[]} nodes */
  setNodes(nodes) {
    this.#nodes = nodes;
    this.#search();
  }

  focus() {
    this.#input.focus();
    this.#input.select();
  }

  #search() {
    const text = this.#input.value.trim().toLowerCase();
    this.#found = text ? this.#nodes.filter(({ name, kind }) => [name, kind, kindInWords(kind)].some((words) => words.toLowerCase().includes(text))) : [];
    this.#place = -1;
    this.#tell(text);
    this.#onFound(this.#found.map(({ name }) => name));
  }

  /** @param {string} text */
  #tell(text) {
    const at = this.#place < 0 ? "" : `${this.#place + 1} of `;
    this.#count.textContent = text ? (this.#found.length > 0 ? `${at}${this.#found.length} found` : "none found") : "";
  }

  /** @param {KeyboardEvent} event */
  #keyed(event) {
    if (event.key === "Escape" && this.#input.value) {
      this.#input.value = "";
      this.#search();
    } else if (event.key === "Enter" && this.#found.length > 0) {
      const step = event.shiftKey ? -1 : 1;
      this.#place = (this.#place + step + this.#found.length) % this.#found.length;
      this.#tell(this.#input.value);
      this.#onGo(this.#found[this.#place].name);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
