/**
 * All channels of a layer: sorted, paged, with what each is sorted by; what is hidden is counted.
 *
 * @import {LayerContributions, LayerMaps, LayerNode, LayerStatistics, RangeMode} from "../core/types.js"
 * @import {Sort, SortKey} from "../core/channel_order.js"
 * @import {ChannelMark} from "./channel_list.js"
 */
import { deadChannels, MOST_INPUTS, orderChannels, PAGE, pageInWords, pageOf, SORTS } from "../core/channel_order.js";
import { isVector } from "../core/graph.js";
import { axesInWords, mapShape, shortChannelName } from "../core/layer_axes.js";
import { channelsBeyond } from "../core/locked_ranges.js";
import { percent, plural, short } from "../core/numbers.js";
import { ChannelList } from "./channel_list.js";
import { ChannelTools } from "./channel_tools.js";
import { html } from "./dom.js";

/**
 * @typedef {object} ChannelGridHandlers
 * @property {(channel: number) => void} onChannel
 * @property {(sort: Sort) => void} onSort
 * @property {(page: number) => void} onPage  from 0
 * @property {(hidden: boolean) => void} onHideDead
 * @property {(label: string | null) => void} onToward
 * @property {(channels: number[]) => void} onShown  the channels of the page, in order
 *
 * @typedef {object} GridChoice  As the address has it.
 * @property {Sort} sort
 * @property {number} page
 * @property {boolean} hidesDead
 * @property {string | null} toward
 *
 * @typedef {object} GridFacts  What the server says of the layer, for one input.
 * @property {LayerStatistics} statistics
 * @property {LayerContributions | null} contributions
 */

export class ChannelGrid {
  #element = html("section", { class: "channel-grid", "aria-label": "Channels of the layer" });
  #tools;
  #list;
  #axes = html("p", { class: "grid-note", hidden: true });
  #meaning = html("p", { class: "grid-note", hidden: true });
  #health = html("p", { class: "grid-note", hidden: true });
  #beyond = html("p", { class: "grid-note grid-beyond", hidden: true });
  #handlers;
  #labels;
  /** @type {LayerNode | null} */
  #node = null;
  /** @type {GridChoice} */
  #choice = { sort: { key: "order", reversed: false }, page: 0, hidesDead: false, toward: null };
  #held = false;
  /** @type {GridFacts | null} */
  #facts = null;
  #stale = false;
  #problem = "";
  /** @type {LayerMaps | null} */
  #maps = null;
  /** @type {RangeMode} */
  #mode = "layer";
  /** Channels as they are listed, and those that are left out. @type {number[]} */
  #order = [];
  /** @type {number[]} */
  #left = [];
  /** @type {number | null} */
  #current = null;
  /** @type {(layer: string) => {inputs: number, dead: (channel: number) => boolean, count: number}} */
  #seen;

  /**
   * @param {HTMLElement} parent
   * @param {string[]} labels  the categories, for layers with one value each
   * @param {(layer: string) => {inputs: number, dead: (channel: number) => boolean, count: number}} seen
   *   what all inputs of this page say of a layer
   * @param {ChannelGridHandlers} handlers
   */
  constructor(parent, labels, seen, handlers) {
    this.#handlers = handlers;
    this.#labels = labels;
    this.#seen = seen;
    this.#tools = new ChannelTools({
      onSort: (sort) => handlers.onSort(sort),
      onHold: (held) => {
        this.#held = held;
        if (!held) this.#arrange();
      },
      onHideDead: (hidden) => handlers.onHideDead(hidden),
      onToward: (label) => handlers.onToward(label),
      onPage: (page) => this.#turn(page),
    });
    this.#element.append(this.#tools.element, this.#axes, this.#meaning, this.#health, this.#beyond);
    this.#list = new ChannelList(this.#element, {
      onOpen: (channel) => handlers.onChannel(channel),
      onPage: (step) => {
        const { page, pages } = this.#paged;
        if (page + step < 0 || page + step >= pages) return false;
        this.#turn(page + step);
        return true;
      },
    });
    parent.append(this.#element);
  }

  get element() {
    return this.#element;
  }

  get #count() {
    return this.#node ? mapShape(this.#node.shape).channels : 0;
  }

  get #isVector() {
    return this.#node !== null && isVector(this.#node.shape);
  }

  get #paged() {
    return pageOf(this.#order, this.#choice.page);
  }

  /** Channels of the page in view, in order. */
  get shown() {
    return this.#paged.channels;
  }

  /** Which statistics the order needs. */
  get wantsContributions() {
    return this.#choice.sort.key === "contribution";
  }

  /** @param {LayerNode | null} node  another layer, about which nothing is known yet */
  setLayer(node) {
    this.#node = node;
    this.#facts = null;
    this.#maps = null;
    this.#problem = "";
    this.#current = null;
    this.#list.element.toggleAttribute("data-vector", this.#isVector);
    this.#axes.textContent = node ? axesInWords(node.shape) : "";
    this.#axes.hidden = this.#axes.textContent === "";
    this.#arrange();
  }

  /** @param {GridChoice} choice */
  choose(choice) {
    const before = this.#choice;
    this.#choice = choice;
    const same = before.sort.key === choice.sort.key && before.sort.reversed === choice.sort.reversed && before.hidesDead === choice.hidesDead;
    if (same) this.#show();
    else this.#arrange();
  }

  /** @param {LayerMaps | null} maps @param {RangeMode} mode */
  update(maps, mode) {
    this.#maps = maps;
    this.#mode = mode;
    this.#list.update(maps, mode);
    this.#list.remark((channel) => this.#markOf(channel));
    this.#writeHealth();
    this.#writeBeyond();
  }

  /** @param {boolean} stale  the drawing has changed since */
  setStale(stale) {
    this.#stale = stale;
    this.#list.element.toggleAttribute("data-stale", stale && this.#choice.sort.key !== "order");
  }

  /**
   * New facts: the channels are put in order by them, unless the order is held.
   *
   * @param {GridFacts | null} facts
   * @param {string} [problem]  why there are none, or not all
   */
  setFacts(facts, problem = "") {
    const first = this.#facts === null;
    this.#facts = facts;
    this.#problem = problem;
    this.setStale(false);
    if (this.#held && !first) this.#show();
    else this.#arrange();
  }

  /** @param {string[]} labels  the likeliest first */
  showCategories(labels) {
    this.#tools.showCategories(labels, this.#choice.toward);
  }

  /** @param {number | null} channel */
  setCurrent(channel) {
    const moved = channel !== this.#current;
    this.#current = channel;
    const place = channel === null ? -1 : this.#order.indexOf(channel);
    if (moved && place >= 0 && Math.floor(place / PAGE) !== this.#paged.page) this.#turn(Math.floor(place / PAGE));
    this.#list.setCurrent(channel);
  }

  /**
   * The channel before (-1) or after (1) another in the list, across pages.
   *
   * @param {number} channel
   * @param {number} step
   * @returns {number | null} null beyond the ends
   */
  neighbour(channel, step) {
    const place = this.#order.indexOf(channel);
    return place < 0 ? null : (this.#order[place + step] ?? null);
  }

  focus() {
    this.#list.focus();
  }

  repaint() {
    this.#list.repaint();
  }

  /** @param {number} page */
  #turn(page) {
    this.#choice = { ...this.#choice, page };
    this.#show();
    this.#handlers.onPage(this.#paged.page);
  }

  /** The value of each channel that it is sorted by; null: not known, or its number. */
  get #values() {
    const { statistics, contributions } = this.#facts ?? { statistics: null, contributions: null };
    const of = { order: null, mean: statistics?.mean ?? null, maximum: statistics?.maximum ?? null, sparsity: statistics?.zero_fraction ?? null, contribution: contributions?.contribution ?? null };
    return of[this.#choice.sort.key];
  }

  #arrange() {
    const { sort, hidesDead } = this.#choice;
    const waits = sort.key !== "order" && this.#values === null;
    const order = orderChannels(this.#count, this.#values, waits ? false : sort.reversed);
    const dead = this.#facts?.statistics.dead ?? (this.#maps ? deadChannels(this.#maps) : []);
    this.#left = hidesDead ? order.filter((channel) => dead[channel]) : [];
    this.#order = hidesDead ? order.filter((channel) => !dead[channel]) : order;
    const place = this.#current === null ? -1 : this.#order.indexOf(this.#current);
    if (place >= 0) this.#choice = { ...this.#choice, page: Math.floor(place / PAGE) };
    this.#show();
  }

  #show() {
    const paged = this.#paged;
    const { sort, hidesDead } = this.#choice;
    this.#list.show(paged.channels, (channel) => this.#markOf(channel));
    this.#list.setCurrent(this.#current);
    this.#list.element.toggleAttribute("data-valued", this.#isVector || sort.key !== "order");
    /** @type {SortKey[]} */
    const keys = this.#isVector ? ["order", "maximum", "contribution"] : ["order", "mean", "maximum", "sparsity", "contribution"];
    if (!keys.includes(sort.key)) keys.push(sort.key);
    this.#tools.show({
      sort,
      keys: keys.map((each) => ({ key: each, label: this.#nameOfSort(each) })),
      hidesDead,
      dead: hidesDead ? this.#left.length : this.#deadNow,
      page: paged.page,
      pages: paged.pages,
      words: pageInWords(paged, this.#order.length, this.#left.length),
    });
    this.#writeMeaning();
    this.#writeHealth();
    this.#writeBeyond();
    this.#handlers.onShown(paged.channels);
  }

  /** A layer with one value each has no maximum, but a value. @param {SortKey} key */
  #nameOfSort(key) {
    return this.#isVector && key === "maximum" ? "value" : SORTS[key].label;
  }

  get #deadNow() {
    return this.#maps ? deadChannels(this.#maps).reduce((sum, dead) => sum + Number(dead), 0) : 0;
  }

  /** @param {number} channel @returns {ChannelMark} */
  #markOf(channel) {
    const { key } = this.#choice.sort;
    const maps = this.#maps;
    const dead = maps !== null && maps.nonFinite === 0 && maps.channelMinimum[channel] === 0 && maps.channelMaximum[channel] === 0;
    const labelled = this.#isVector && this.#labels.length === this.#count;
    const name = labelled ? this.#labels[channel] : shortChannelName(this.#node?.shape ?? [], channel);
    let value = this.#values?.[channel];
    // Of the drawing in view, the atlas has the extremes exactly; the rest waits for the pen.
    if (key === "maximum" && maps && channel < maps.channels) value = maps.channelMaximum[channel];
    if (this.#isVector && key === "order" && maps && channel < maps.channels) value = maps.channelMinimum[channel];
    if (value === undefined || value === null) return { name, value: dead ? "dead" : "", words: "", dead };
    const told = key === "sparsity" ? percent(value) : short(value, 3);
    return { name, value: dead && key !== "contribution" && !this.#isVector ? "dead" : told, words: dead && key !== "contribution" && !this.#isVector ? "" : `${told} ${key === "order" ? "value" : this.#nameOfSort(key)}`, dead: dead && !this.#isVector };
  }

  #writeMeaning() {
    const { key } = this.#choice.sort;
    const meaning = this.#isVector && key !== "contribution" ? "" : SORTS[key].meaning;
    const contributions = this.#facts?.contributions;
    let text = key === "order" ? "" : meaning;
    if (key !== "order" && this.#problem) text = `${meaning} ${this.#problem}`;
    else if (key !== "order" && this.#maps && !this.#values) text = `${meaning} Being computed …`;
    else if (key === "contribution" && contributions) {
      const { label, logit, total, rest, reaches } = contributions;
      if (!reaches) text = `${meaning} No path leads from this layer to the logits.`;
      else if (total !== null && rest !== null) text = `${meaning} The logit of ${label}, ${short(logit)}, is ${short(total)} of all channels and ${short(rest)} of biases and of what is not linear after them.`;
    }
    this.#meaning.hidden = text === "";
    if (this.#meaning.textContent !== text) this.#meaning.textContent = text;
  }

  #writeHealth() {
    const node = this.#node;
    const dead = this.#deadNow;
    let text = "";
    if (node && dead > 0 && !this.#isVector) {
      const { inputs, dead: always } = this.#seen(node.name);
      const now = this.#maps ? deadChannels(this.#maps) : [];
      const lasting = now.reduce((sum, is, channel) => sum + Number(is && always(channel)), 0);
      text = `${dead} of ${plural(this.#count, "channel")} ${dead === 1 ? "is" : "are"} dead on this input: 0 in every cell.`;
      if (inputs > 1) text += ` ${lasting === 0 ? "None" : lasting === dead ? "All" : lasting} of them on all ${inputs > MOST_INPUTS ? `of more than ${MOST_INPUTS}` : inputs} inputs seen since this page was opened; no more is known.`;
    }
    this.#health.hidden = text === "";
    if (this.#health.textContent !== text) this.#health.textContent = text;
  }

  #writeBeyond() {
    const maps = this.#maps;
    let text = "";
    if (this.#mode === "locked" && maps?.locked) {
      const { minimum, maximum } = maps.locked;
      const channels = channelsBeyond(maps, maps.locked);
      const statistics = this.#stale ? null : this.#facts?.statistics;
      /** @param {number} number @param {number[] | undefined} counts @param {string} side */
      const part = (number, counts, side) => {
        const values = counts?.reduce((sum, each) => sum + each, 0);
        return number === 0 ? "" : ` ${plural(number, "channel")} ${number === 1 ? "has" : "have"} ${values ? plural(values, "value") : "values"} ${side} it, drawn at its end.`;
      };
      text = `Colours are locked at ${short(minimum)} to ${short(maximum)}.${part(channels.below, statistics?.below, "below")}${part(channels.above, statistics?.above, "above")}`;
    }
    this.#beyond.hidden = text === "";
    if (this.#beyond.textContent !== text) this.#beyond.textContent = text;
  }

  destroy() {
    this.#list.destroy();
    this.#tools.destroy();
    this.#element.remove();
  }
}
