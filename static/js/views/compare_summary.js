/** How far two sides are apart, down the network. @import {LayerDifference} from "../core/comparison.js" */
import { kindInWords, shapeInWords } from "../core/graph.js";
import { percent, short } from "../core/numbers.js";
import { html } from "./dom.js";

/**
 * @typedef {object} SummaryLayer
 * @property {string} name  of side A
 * @property {string | null} other  of side B, where that is another network
 * @property {string} kind
 * @property {number[]} shape
 * @property {boolean} comparable  whether both have one shape
 */

/** A row for each layer: a bar of its distance, and a click that opens it. */
export class CompareSummary {
  #list = html("ol", { class: "distance-list", "aria-label": "Layers, from the first to the last" });
  #onOpen;
  /** @type {{layer: SummaryLayer, button: HTMLButtonElement, bar: HTMLElement, apart: HTMLElement, cosine: HTMLElement, words: {apart: HTMLElement, cosine: HTMLElement}}[]} */
  #items = [];
  /** @type {string | null} */
  #open = null;

  /**
   * @param {HTMLElement} parent
   * @param {(layer: string) => void} onOpen
   */
  constructor(parent, onOpen) {
    this.#onOpen = onOpen;
    this.#list.addEventListener("keydown", (event) => this.#keyed(event));
    parent.append(this.#list);
  }

  /** @param {SummaryLayer[]} layers */
  setLayers(layers) {
    this.#items = layers.map((layer) => {
      const bar = html("span", { class: "distance-bar", "aria-hidden": "true" }, html("span"));
      const apart = html("span");
      const cosine = html("span");
      const words = { apart: unseen(" apart"), cosine: unseen(", cosine similarity ") };
      const name = html("span", { class: "distance-name" }, layer.name);
      const other = layer.other && layer.other !== layer.name ? html("span", { class: "distance-other" }, unseen(" beside "), layer.other) : null;
      const figures = [html("span", { class: "distance-apart" }, unseen(": "), apart, words.apart), html("span", { class: "distance-cosine" }, words.cosine, cosine)];
      const title = `${layer.name}: ${kindInWords(layer.kind)}, ${shapeInWords(layer.shape)}${layer.other ? `, beside ${layer.other}` : ""}`;
      const button = html("button", { type: "button", class: "distance", title, "data-layer": layer.name, onclick: () => this.#onOpen(layer.name) }, name, other, bar, ...figures);
      return { layer, button, bar, apart, cosine, words };
    });
    this.#list.replaceChildren(...this.#items.map(({ button }) => html("li", {}, button)));
    this.update(null);
    this.setOpen(this.#open);
  }

  /** @param {LayerDifference[] | null} differences  null: there are not two answers */
  update(differences) {
    const found = new Map(differences?.map((difference) => [difference.layer, difference]));
    // Most are below 1, which is where one side is all zeros; the scale grows where some are beyond.
    const most = Math.max(1, ...(differences ?? []).map(({ relative_l2: apart }) => apart ?? 0));
    for (const { layer, button, bar, apart, cosine, words } of this.#items) {
      const difference = found.get(layer.name);
      const distance = difference?.relative_l2 ?? null;
      bar.toggleAttribute("data-none", distance === null);
      bar.style.setProperty("--share", String((distance ?? 0) / most));
      button.toggleAttribute("data-differs", !layer.comparable);
      apart.textContent = layer.comparable ? (distance === null ? "" : percent(distance)) : "shapes differ";
      cosine.textContent = distance === null ? "" : difference && difference.cosine !== null ? short(difference.cosine, 3) : "–";
      words.apart.hidden = words.cosine.hidden = distance === null;
    }
  }

  /** @param {string | null} name */
  setOpen(name) {
    this.#open = name;
    this.#items.forEach(({ layer, button }, index) => {
      const current = layer.name === name;
      if (current) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
      button.tabIndex = current || (index === 0 && !this.#items.some((item) => item.layer.name === name)) ? 0 : -1;
      if (current) this.#reveal(button);
    });
  }

  /** Scroll the list, not the page. @param {HTMLElement} button */
  #reveal(button) {
    const list = this.#list;
    if (list.scrollHeight <= list.clientHeight) return;
    const offset = button.getBoundingClientRect().top - list.getBoundingClientRect().top;
    if (offset < 0 || offset + button.offsetHeight > list.clientHeight) list.scrollTop += offset - list.clientHeight / 3;
  }

  focus() {
    (this.#items.find(({ layer }) => layer.name === this.#open) ?? this.#items[0])?.button.focus();
  }

  /** @param {KeyboardEvent} event */
  #keyed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const place = this.#items.findIndex(({ button }) => button === document.activeElement);
    /** @type {Record<string, number>} */
    const targets = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: this.#items.length - 1 };
    const target = targets[event.key];
    if (place < 0 || target === undefined) return;
    event.preventDefault();
    const next = this.#items[target];
    if (!next) return;
    for (const { button } of this.#items) button.tabIndex = -1;
    next.button.tabIndex = 0;
    next.button.focus();
  }

  destroy() {
    this.#list.remove();
  }
}

/** For those who hear the row, and do not see its heads. @param {string} text */
function unseen(text) {
  return html("span", { class: "visually-hidden" }, text);
}
