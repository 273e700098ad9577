/**
 * The channels of both sides, a page at a time: A, B and their difference in three columns.
 *
 * @import {ColourRange} from "../core/colour.js"
 * @import {Side, Sides} from "../core/comparison.js"
 * @import {Cell, LayerMaps} from "../core/types.js"
 */
import { paintMap } from "../core/comparison.js";
import { context2d, html } from "./dom.js";
import { forgetFrame, inNextFrame } from "./frame.js";
import { currentTheme, onThemeChange } from "./theme.js";

/**
 * @typedef {"a" | "b" | "difference"} Column
 *
 * @typedef {object} ChannelCard
 * @property {number} channel
 * @property {Record<Column, {maps: LayerMaps, range: ColourRange} | null>} tiles  null: none there
 * @property {string} largest  difference of its values, as a figure; "" where there is none
 *
 * @typedef {object} ChannelPage
 * @property {ChannelCard[]} cards
 * @property {boolean} together  whether a card is one choice for both sides, with a difference
 * @property {Sides<number | null>} open
 *
 * @typedef {object} CompareChannelsHandlers
 * @property {(channel: number, side: Side | null) => void} onOpen  null: on both sides
 * @property {(cell: Cell | null, column: Column) => void} onPoint
 */

const COLUMNS = /** @type {const} */ (["a", "b", "difference"]);

export class CompareChannels {
  #list = html("ul", { class: "trio-list", "aria-label": "Channels: side A, side B, and B minus A" });
  #handlers;
  /** @type {ChannelPage | null} */
  #page = null;
  /** @type {{canvases: Partial<Record<Column, HTMLCanvasElement>>, buttons: HTMLButtonElement[], largest: HTMLElement}[]} */
  #items = [];
  /** Which cards stand there: when only their values change, they are painted anew. */
  #built = "";
  #forgetTheme;

  /**
   * @param {HTMLElement} parent
   * @param {CompareChannelsHandlers} handlers
   */
  constructor(parent, handlers) {
    this.#handlers = handlers;
    this.#list.addEventListener("pointermove", (event) => this.#pointed(event));
    this.#list.addEventListener("pointerleave", () => handlers.onPoint(null, "a"));
    this.#list.addEventListener("keydown", (event) => this.#keyed(event));
    this.#forgetTheme = onThemeChange(() => this.#repaint());
    parent.append(this.#list);
  }

  /** @param {ChannelPage | null} page  null: the layer has no maps */
  show(page) {
    this.#page = page;
    this.#list.hidden = page === null;
    if (!page) return;
    const built = `${page.together} ${page.cards.map(({ channel, tiles }) => `${channel}${COLUMNS.map((column) => (tiles[column] ? 1 : 0)).join("")}`).join()}`;
    if (built !== this.#built) {
      this.#built = built;
      this.#build(page);
    }
    page.cards.forEach(({ channel, largest }, index) => {
      const item = this.#items[index];
      item.largest.textContent = largest;
      item.largest.parentElement?.toggleAttribute("hidden", largest === "");
      item.buttons.forEach((button) => {
        const side = /** @type {Side | undefined} */ (button.dataset.side);
        const current = channel === (side === "b" ? page.open.b : page.open.a);
        if (current) button.setAttribute("aria-current", "true");
        else button.removeAttribute("aria-current");
      });
    });
    this.#rove();
    this.#repaint();
  }

  /** @param {ChannelPage} page */
  #build(page) {
    this.#items = page.cards.map(({ channel, tiles }) => {
      /** @type {Partial<Record<Column, HTMLCanvasElement>>} */
      const canvases = {};
      /** @param {Column} column */
      const tile = (column) => {
        if (!tiles[column]) return html("span", { class: "trio-tile trio-none" });
        const canvas = html("canvas", { width: 1, height: 1 });
        canvases[column] = canvas;
        return html("span", { class: "trio-tile", "data-column": column }, canvas, html("span", { class: "trio-mark" }));
      };
      /** @param {string} text  for those who do not see where the figure stands */
      const unseen = (text) => html("span", { class: "visually-hidden" }, text);
      const number = html("span", { class: "trio-number" }, unseen("channel "), html("span", {}, String(channel)));
      const largest = html("span");
      const note = html("span", { class: "trio-note" }, unseen(", largest difference "), largest);
      /** @type {HTMLButtonElement[]} */
      let buttons;
      if (page.together) {
        buttons = [html("button", { class: "trio", type: "button", onclick: () => this.#handlers.onOpen(channel, null) }, html("span", { class: "trio-tiles" }, ...COLUMNS.map(tile)), number, note)];
        return { canvases, buttons, largest, element: buttons[0] };
      }
      buttons = /** @type {const} */ (["a", "b"])
        .filter((side) => tiles[side])
        .map((side) => html("button", { class: "trio-one", type: "button", "data-side": side, "aria-label": `Side ${side.toUpperCase()}, channel ${channel}`, onclick: () => this.#handlers.onOpen(channel, side) }, tile(side)));
      return { canvases, buttons, largest, element: html("div", { class: "trio trio-apart" }, html("span", { class: "trio-tiles" }, ...buttons), number, note) };
    });
    this.#list.replaceChildren(.../** @type {{element: HTMLElement}[]} */ (/** @type {unknown} */ (this.#items)).map(({ element }) => html("li", {}, element)));
  }

  /**
   * The cell that is read, marked in every picture.
   *
   * @param {Sides<Cell | null>} cells
   * @param {Sides<number[] | null>} shapes  rows and columns
   */
  mark(cells, shapes) {
    for (const side of /** @type {const} */ (["a", "b"])) {
      const [cell, shape] = [cells[side], shapes[side]];
      this.#list.toggleAttribute(`data-mark-${side}`, cell !== null && shape !== null);
      if (!cell || !shape) continue;
      const { style } = this.#list;
      style.setProperty(`--${side}-top`, String(cell.row / shape[0]));
      style.setProperty(`--${side}-left`, String(cell.column / shape[1]));
      style.setProperty(`--${side}-height`, String(1 / shape[0]));
      style.setProperty(`--${side}-width`, String(1 / shape[1]));
    }
  }

  /** @param {PointerEvent} event */
  #pointed(event) {
    const tile = event.target instanceof Element ? event.target.closest(".trio-tile[data-column]") : null;
    const column = /** @type {Column | undefined} */ (tile instanceof HTMLElement ? tile.dataset.column : undefined);
    const maps = this.#page?.cards[0]?.tiles[column ?? "a"]?.maps;
    if (!tile || !column || !maps || event.pointerType === "touch") return this.#handlers.onPoint(null, "a");
    const box = tile.getBoundingClientRect();
    /** @param {number} share @param {number} count */
    const index = (share, count) => Math.min(count - 1, Math.max(0, Math.floor(share * count)));
    return this.#handlers.onPoint({ row: index((event.clientY - box.top) / box.height, maps.height), column: index((event.clientX - box.left) / box.width, maps.width) }, column);
  }

  /** One stop for Tab, arrows within. */
  #rove() {
    const buttons = this.#items.flatMap((item) => item.buttons);
    const stop = buttons.find((button) => button === document.activeElement) ?? buttons.find((button) => button.hasAttribute("aria-current")) ?? buttons[0];
    for (const button of buttons) button.tabIndex = button === stop ? 0 : -1;
  }

  /** @param {KeyboardEvent} event */
  #keyed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const buttons = this.#items.flatMap((item) => item.buttons);
    const place = buttons.findIndex((button) => button === document.activeElement);
    if (place < 0) return;
    const top = buttons[0].getBoundingClientRect().top;
    const below = buttons.findIndex((button) => button.getBoundingClientRect().top > top + 1);
    const wide = below < 0 ? buttons.length : below;
    /** @type {Record<string, number>} */
    const targets = { ArrowRight: place + 1, ArrowLeft: place - 1, ArrowDown: place + wide, ArrowUp: place - wide, Home: 0, End: buttons.length - 1 };
    const target = targets[event.key];
    if (target === undefined) return;
    event.preventDefault();
    const next = buttons[target];
    if (!next) return;
    for (const button of buttons) button.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }

  #repaint() {
    inNextFrame(this, () => {
      const theme = currentTheme();
      this.#page?.cards.forEach(({ channel, tiles }, index) => {
        for (const column of COLUMNS) {
          const [canvas, tile] = [this.#items[index]?.canvases[column], tiles[column]];
          if (!canvas || !tile) continue;
          const { width, height } = tile.maps;
          if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
          const image = new ImageData(width, height);
          paintMap(new Uint32Array(image.data.buffer), tile.maps, channel, tile.range, theme);
          context2d(canvas).putImageData(image, 0, 0);
        }
      });
    });
  }

  destroy() {
    this.#forgetTheme();
    forgetFrame(this);
    this.#list.remove();
  }
}
