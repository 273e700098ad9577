/** All channels of a layer. @import {LayerMaps, RangeMode} from "../core/types.js" */
import { mapInWords, quantisedValues, summarise } from "../core/describe.js";
import { PLACES, registerKeys } from "../core/key_table.js";
import { html } from "./dom.js";
import { forgetFrame, inNextFrame } from "./frame.js";
import { paintChannel } from "./tile_painter.js";

/** Channels made at once; more on request. */
const PAGE = 256;

/** A grid of channels, each a button; arrow keys go from one to the next. */
export class ChannelList {
  #element = html("ul", { class: "channel-list", "aria-label": "Channels" });
  #more = html("button", { class: "text-button", type: "button", hidden: true, onclick: () => this.#extend() });
  /** @type {{button: HTMLButtonElement, canvas: HTMLCanvasElement, onScreen: boolean}[]} */
  #items = [];
  #count = 0;
  /** @type {LayerMaps | null} */
  #maps = null;
  /** @type {RangeMode} */
  #mode = "layer";
  /** @type {number | null} */
  #current = null;
  #onOpen;
  #seen;
  #forgetKeys;

  /**
   * @param {HTMLElement} parent
   * @param {(channel: number) => void} onOpen
   */
  constructor(parent, onOpen) {
    this.#onOpen = onOpen;
    this.#seen = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        const item = this.#items.find(({ button }) => button === target);
        if (item) item.onScreen = isIntersecting;
      }
      this.#repaint();
    });
    this.#element.addEventListener("keydown", (event) => this.#keyed(event));
    this.#forgetKeys = registerKeys(PLACES.channels, [
      { keys: ["←", "↑", "→", "↓"], label: "Next channel" },
      { keys: ["Home", "End"], label: "First, last channel" },
      { keys: ["Enter"], label: "Open the channel" },
    ]);
    parent.append(this.#element, this.#more);
  }

  /** @param {number} count  channels of the layer */
  setCount(count) {
    this.#seen.disconnect();
    this.#items = [];
    this.#element.replaceChildren();
    this.#count = count;
    this.#current = null;
    this.#maps = null;
    this.#extend();
  }

  #extend() {
    const until = Math.min(this.#count, this.#items.length + PAGE);
    for (let channel = this.#items.length; channel < until; channel += 1) this.#add(channel);
    this.#more.hidden = until === this.#count;
    this.#more.textContent = `${until} of ${this.#count} channels shown: show more`;
    this.#repaint();
  }

  /** @param {number} channel */
  #add(channel) {
    const canvas = html("canvas", { width: 1, height: 1 });
    const button = html(
      "button",
      {
        class: "channel",
        type: "button",
        tabindex: channel === (this.#current ?? 0) ? 0 : -1,
        "aria-label": `Channel ${channel}`,
        onclick: () => this.#onOpen(channel),
        onfocus: () => this.#describe(channel),
      },
      canvas,
      html("span", { "aria-hidden": "true" }, String(channel)),
    );
    this.#items.push({ button, canvas, onScreen: false });
    this.#element.append(html("li", {}, button));
    this.#seen.observe(button);
  }

  /** @param {LayerMaps | null} maps @param {RangeMode} mode */
  update(maps, mode) {
    this.#maps = maps;
    this.#mode = mode;
    this.#repaint();
  }

  /** @param {number | null} channel */
  setCurrent(channel) {
    while (channel !== null && channel >= this.#items.length && this.#items.length < this.#count) this.#extend();
    const moved = channel !== this.#current;
    this.#current = channel;
    this.#items.forEach(({ button }, index) => {
      if (index === channel) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
      button.tabIndex = index === (channel ?? 0) ? 0 : -1;
    });
    if (moved && channel !== null) this.#reveal(this.#items[channel]?.button);
  }

  /** Scroll the list, not the page. @param {HTMLElement | undefined} button */
  #reveal(button) {
    const list = this.#element;
    if (!button || list.scrollHeight <= list.clientHeight) return;
    const offset = button.getBoundingClientRect().top - list.getBoundingClientRect().top;
    if (offset < 0 || offset + button.offsetHeight > list.clientHeight) list.scrollTop += offset - list.clientHeight / 3;
  }

  focus() {
    this.#items[this.#current ?? 0]?.button.focus();
  }

  /** @param {number} channel */
  #describe(channel) {
    const item = this.#items[channel];
    if (this.#maps && item) item.button.setAttribute("aria-label", mapInWords(channel, summarise(quantisedValues(this.#maps, channel))));
  }

  /** @param {KeyboardEvent} event */
  #keyed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const place = this.#items.findIndex(({ button }) => button === document.activeElement);
    if (place < 0) return;
    const first = this.#items[0].button.offsetTop;
    const columns = Math.max(1, this.#items.findIndex(({ button }) => button.offsetTop > first) >>> 0);
    const wide = columns > this.#items.length ? this.#items.length : columns;
    /** @type {Record<string, number>} */
    const targets = { ArrowRight: place + 1, ArrowLeft: place - 1, ArrowDown: place + wide, ArrowUp: place - wide, Home: 0, End: this.#items.length - 1 };
    const target = targets[event.key];
    if (target === undefined) return;
    event.preventDefault();
    const next = this.#items[target];
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
      if (!this.#maps) return;
      this.#items.forEach(({ canvas, onScreen, button }, channel) => {
        if (!this.#maps || !onScreen || channel >= this.#maps.channels) return;
        paintChannel(canvas, this.#maps, channel, this.#mode);
        if (button === document.activeElement) this.#describe(channel);
      });
    });
  }

  destroy() {
    this.#forgetKeys();
    this.#seen.disconnect();
    forgetFrame(this);
    this.#element.remove();
    this.#more.remove();
  }
}
