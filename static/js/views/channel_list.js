/** One page of a layer's channels. @import {LayerMaps, RangeMode} from "../core/types.js" */
import { mapInWords, quantisedValues, summarise } from "../core/describe.js";
import { PLACES, registerKeys } from "../core/key_table.js";
import { html } from "./dom.js";
import { forgetFrame, inNextFrame } from "./frame.js";
import { paintChannel } from "./tile_painter.js";

/**
 * @typedef {object} ChannelMark  What stands below a channel's picture.
 * @property {string} name  its number, or the category
 * @property {string} value  "" for none
 * @property {string} words  the same for screen readers, with what it is: "0.12 mean"
 * @property {boolean} dead
 *
 * @typedef {object} ChannelListHandlers
 * @property {(channel: number) => void} onOpen
 * @property {(step: number) => boolean} onPage  another page is wanted; whether there is one
 *
 * @typedef {object} Item
 * @property {HTMLLIElement} element
 * @property {HTMLButtonElement} button
 * @property {HTMLCanvasElement} canvas
 * @property {HTMLSpanElement} name
 * @property {HTMLSpanElement} value
 * @property {number} channel
 * @property {boolean} onScreen
 */

/** A grid of channels, each a button; arrow keys go from one to the next, and on to other pages. */
export class ChannelList {
  #element = html("ul", { class: "channel-list", "aria-label": "Channels" });
  /** @type {Item[]} made once, and given other channels as pages turn */
  #items = [];
  #shown = 0;
  /** @type {Map<Element, Item>} */
  #byButton = new Map();
  /** @type {(channel: number) => ChannelMark} */
  #mark = (channel) => ({ name: String(channel), value: "", words: "", dead: false });
  /** @type {LayerMaps | null} */
  #maps = null;
  /** @type {RangeMode} */
  #mode = "layer";
  /** @type {number | null} */
  #current = null;
  #handlers;
  #seen;
  #forgetKeys;
  /** For a picture of the page every channel is painted, seen or not. */
  #whole = false;
  #paintWhole = () => {
    this.#whole = true;
    this.#repaint();
    inNextFrame(this.#paintWhole, () => (this.#whole = false));
  };

  /**
   * @param {HTMLElement} parent
   * @param {ChannelListHandlers} handlers
   */
  constructor(parent, handlers) {
    this.#handlers = handlers;
    this.#seen = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        const item = this.#byButton.get(target);
        if (item) item.onScreen = isIntersecting;
      }
      this.#repaint();
    });
    this.#element.addEventListener("keydown", (event) => this.#keyed(event));
    this.#forgetKeys = registerKeys(PLACES.channels, [
      { keys: ["←", "↑", "→", "↓"], label: "Next channel" },
      { keys: ["Home", "End"], label: "First, last channel of the page" },
      { keys: ["PgUp", "PgDn"], label: "Page before, after" },
      { keys: ["Enter"], label: "Open the channel" },
    ]);
    document.addEventListener("export", this.#paintWhole);
    parent.append(this.#element);
  }

  get element() {
    return this.#element;
  }

  /**
   * Show channels, in that order. The focus goes along with its channel, if that is still there.
   *
   * @param {number[]} channels
   * @param {(channel: number) => ChannelMark} mark
   */
  show(channels, mark) {
    const focused = this.#items.find(({ button }) => button === document.activeElement)?.channel ?? null;
    this.#mark = mark;
    while (this.#items.length < channels.length) this.#add();
    this.#shown = channels.length;
    this.#items.forEach((item, place) => {
      item.element.hidden = place >= channels.length;
      if (place < channels.length) item.channel = channels[place];
    });
    this.#markAll();
    if (focused !== null && channels.length > 0) (this.#itemOf(focused) ?? this.#visible[0]).button.focus({ preventScroll: true });
    this.#repaint();
  }

  get #visible() {
    return this.#items.slice(0, this.#shown);
  }

  /** @param {number | null} channel */
  #itemOf(channel) {
    return this.#visible.find((item) => item.channel === channel);
  }

  #add() {
    const canvas = html("canvas", { width: 1, height: 1 });
    const [name, value] = [html("span", { class: "channel-name", "aria-hidden": "true" }), html("span", { class: "channel-value", "aria-hidden": "true" })];
    const button = html("button", { class: "channel", type: "button" }, canvas, name, " ", value);
    /** @type {Item} */
    const item = { element: html("li", {}, button), button, canvas, name, value, channel: 0, onScreen: false };
    button.addEventListener("click", () => this.#handlers.onOpen(item.channel));
    button.addEventListener("focus", () => this.#describe(item));
    this.#items.push(item);
    this.#byButton.set(button, item);
    this.#element.append(item.element);
    this.#seen.observe(button);
  }

  /** @param {(channel: number) => ChannelMark} mark  values have changed, places have not */
  remark(mark) {
    this.#mark = mark;
    this.#markAll();
  }

  #markAll() {
    const items = this.#visible;
    const reached = this.#itemOf(this.#current) ?? items[0];
    for (const item of items) {
      const { name, value, dead } = this.#mark(item.channel);
      const current = item.channel === this.#current;
      if (item.name.textContent !== name) item.name.textContent = name;
      if (item.value.textContent !== value) item.value.textContent = value;
      item.button.toggleAttribute("data-dead", dead);
      item.button.dataset.channel = String(item.channel);
      item.button.tabIndex = item === reached ? 0 : -1;
      if (current) item.button.setAttribute("aria-current", "true");
      else item.button.removeAttribute("aria-current");
      if (item.button === document.activeElement) this.#describe(item);
      else label(item, this.#labelOf(item.channel));
    }
  }

  /** @param {number} channel */
  #labelOf(channel) {
    const { name, words, dead } = this.#mark(channel);
    const called = name === String(channel) || name === "" ? `Channel ${channel}` : `Channel ${channel}, ${name}`;
    return [called, words, dead ? "dead: 0 in every cell" : ""].filter(Boolean).join(", ");
  }

  /** @param {LayerMaps | null} maps @param {RangeMode} mode */
  update(maps, mode) {
    this.#maps = maps;
    this.#mode = mode;
    this.#repaint();
  }

  /** @param {number | null} channel */
  setCurrent(channel) {
    const moved = channel !== this.#current;
    this.#current = channel;
    this.#markAll();
    if (moved && channel !== null) this.#reveal(this.#itemOf(channel)?.button);
  }

  /** Scroll the list, not the page. @param {HTMLElement | undefined} button */
  #reveal(button) {
    const list = this.#element;
    if (!button) return;
    const [frame, box] = [list.getBoundingClientRect(), button.getBoundingClientRect()];
    if (list.scrollHeight > list.clientHeight && (box.top < frame.top || box.bottom > frame.bottom)) list.scrollTop += box.top - frame.top - list.clientHeight / 3;
    if (list.scrollWidth > list.clientWidth && (box.left < frame.left || box.right > frame.right)) list.scrollLeft += box.left - frame.left - list.clientWidth / 3;
  }

  focus() {
    (this.#itemOf(this.#current) ?? this.#visible[0])?.button.focus();
  }

  /** More about a channel that is reached. @param {Item} item */
  #describe(item) {
    const own = this.#labelOf(item.channel);
    const about = this.#maps && item.channel < this.#maps.channels ? mapInWords(item.channel, summarise(quantisedValues(this.#maps, item.channel))) : null;
    label(item, about ? about.replace(/^[^:]*/, own) : own);
  }

  /** @param {KeyboardEvent} event */
  #keyed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const items = this.#visible;
    const place = items.findIndex(({ button }) => button === document.activeElement);
    if (place < 0) return;
    const first = items[0].button.offsetTop;
    const columns = Math.max(1, items.findIndex(({ button }) => button.offsetTop > first) >>> 0);
    const wide = columns > items.length ? items.length : columns;
    /** @type {Record<string, number>} */
    const targets = { ArrowRight: place + 1, ArrowLeft: place - 1, ArrowDown: place + wide, ArrowUp: place - wide, Home: 0, End: items.length - 1 };
    const target = targets[event.key];
    const page = event.key === "PageDown" || (target ?? 0) >= items.length ? 1 : event.key === "PageUp" || (target ?? 0) < 0 ? -1 : 0;
    if (target === undefined && page === 0) return;
    event.preventDefault();
    let next = items[target ?? -1];
    if (page !== 0) {
      if (!this.#handlers.onPage(page)) return;
      next = page > 0 || event.key === "PageUp" ? this.#visible[0] : this.#visible[this.#visible.length - 1];
    }
    if (!next) return;
    for (const { button } of this.#items) button.tabIndex = -1;
    next.button.tabIndex = 0;
    next.button.focus();
  }

  repaint() {
    this.#repaint();
  }

  #repaint() {
    inNextFrame(this, () => {
      for (const item of this.#visible) {
        if (!this.#maps || !(item.onScreen || this.#whole) || item.channel >= this.#maps.channels) continue;
        paintChannel(item.canvas, this.#maps, item.channel, this.#mode);
        if (item.button === document.activeElement) this.#describe(item);
      }
    });
  }

  destroy() {
    this.#forgetKeys();
    this.#seen.disconnect();
    document.removeEventListener("export", this.#paintWhole);
    forgetFrame(this.#paintWhole);
    forgetFrame(this);
    this.#element.remove();
  }
}

/** Marks come with every stroke, and few of them change. @param {Item} item @param {string} text */
function label({ button }, text) {
  if (button.getAttribute("aria-label") !== text) button.setAttribute("aria-label", text);
}
