/**
 * Layer beside layer: which layer, channel and cell of the two sides are open, and what is read there.
 *
 * @import {CellOfSide, LayerMatch, Side, Sides} from "../core/comparison.js"
 * @import {CompareState} from "../core/compare_state.js"
 * @import {Cell, Channel, Model, UnitAddress} from "../core/types.js"
 * @import {Column} from "../views/compare_channels.js"
 * @import {CompareAddress} from "./compare_address.js"
 * @import {Pair, PairDetail} from "./pair_session.js"
 */
import { CompareSelection, openLayers, PAGE } from "../core/compare_selection.js";
import { orderChannels, pageOf, sameShape, subtract } from "../core/comparison.js";
import { PLACES, registerKeys } from "../core/key_table.js";
import { exact as exactly, percent } from "../core/numbers.js";
import { CompareChannels } from "../views/compare_channels.js";
import { CompareHead } from "../views/compare_head.js";
import { ComparePictures } from "../views/compare_pictures.js";
import { CompareSummary } from "../views/compare_summary.js";
import { byId, html } from "../views/dom.js";
import { isShortcut } from "../views/key_rules.js";
import { channelCards, comparedPictures, placesInWords } from "./compare_contents.js";
import { CompareReader } from "./compare_reader.js";

const SIDES = /** @type {const} */ (["a", "b"]);

/**
 * @typedef {object} CompareLayersHandlers
 * @property {() => void} onWant  maps of other layers are needed
 * @property {() => void} onLost
 * @property {(text: string) => void} onSay
 */

export class CompareLayers {
  #address;
  #handlers;
  #head;
  #summary;
  #pictures;
  #channels;
  #reader;
  #greatest = html("button", { class: "text-button", type: "button", hidden: true, onclick: () => this.#goToGreatest() }, "Go to the greatest difference");
  /** @type {Sides<Model> | null} */
  #networks = null;
  /** @type {Map<string, LayerMatch> | null} */
  #matches = null;
  /** @type {Pair | null} */
  #pair = null;
  /** @type {PairDetail | null} */
  #detail = null;
  /** Exact values, and of what. @type {{channels: Sides<Channel | null>, key: string} | null} */
  #exact = null;
  /** What was asked for last. */
  #asked = "";
  /** Where the pointer is. @type {CellOfSide | null} */
  #pointed = null;
  /** @type {Sides<UnitAddress | null>} */
  #units = { a: null, b: null };
  /** A cell was chosen by hand, and is to be read out once its values are there. */
  #toSay = false;
  #stop = new AbortController();
  #forgetKeys;

  /**
   * @param {CompareAddress} address
   * @param {CompareLayersHandlers} handlers
   */
  constructor(address, handlers) {
    this.#address = address;
    this.#handlers = handlers;
    this.#head = new CompareHead(byId("layer-head", HTMLElement), byId("trio-pager", HTMLElement), {
      onLayer: (layer) => this.#go({ layer, otherLayer: null }),
      onOtherLayer: (otherLayer) => this.#go({ layer: this.#names?.a ?? null, otherLayer }),
      onStep: (step) => this.#step(step),
      onSort: (sort) => this.#set({ sort, page: 1 }),
      onRange: (range) => this.#set({ range }),
      onPage: (page) => this.#set({ page }),
    });
    this.#summary = new CompareSummary(byId("distances", HTMLElement), (layer) => this.#go({ layer, otherLayer: null }));
    this.#pictures = new ComparePictures(byId("trio-large", HTMLElement), {
      onCell: (cell, column, chosen) => (chosen ? this.#choose(cell, column) : this.#point(cell, column)),
    });
    this.#pictures.beside.append(this.#greatest);
    this.#channels = new CompareChannels(byId("trio-channels", HTMLElement), {
      onOpen: (channel, side) => this.#open(channel, side),
      onPoint: (cell, column) => this.#point(cell, column),
    });
    this.#reader = new CompareReader({
      onChannels: (channels, read) => {
        this.#exact = { channels, key: JSON.stringify(read) };
        const selection = this.#selection;
        if (selection) this.#showPictures(selection);
        this.#showCell();
      },
      onField: (side, unit, field) => {
        if (this.#units[side] === unit) this.#pictures.showField(side, unit, field);
      },
      onLost: () => {
        this.#asked = "";
        handlers.onLost();
      },
    });
    document.addEventListener("keydown", (event) => this.#keyed(event), { signal: this.#stop.signal });
    this.#forgetKeys = registerKeys(PLACES.layers, [
      { keys: ["["], label: "The layer before" },
      { keys: ["]"], label: "The layer after" },
      { keys: ["Esc"], label: "Leave the cell, then the channel" },
    ]);
  }

  /**
   * @param {Sides<Model> | null} networks  null: they are not known yet
   * @param {LayerMatch[] | null} matches  of two networks
   */
  setNetworks(networks, matches) {
    this.#networks = networks;
    this.#matches = matches && new Map(matches.map((match) => [match.layer, match]));
    this.#pair = this.#detail = this.#exact = this.#pointed = null;
    this.#asked = "";
    const shapes = new Map(networks?.b.nodes.map(({ name, shape }) => [name, shape]));
    this.#summary.setLayers(
      (networks?.a.nodes ?? []).map(({ name, kind, shape }) => {
        const other = this.#matches ? (this.#matches.get(name)?.other_layer ?? null) : null;
        return { name, other, kind, shape, comparable: other === null || sameShape(shape, shapes.get(other) ?? []) };
      }),
    );
    this.apply();
  }

  /** @param {Pair | null} pair  null: nothing is drawn */
  setPair(pair) {
    this.#pair = pair;
    for (const side of SIDES) this.#pictures.setImage(side, pair?.[side]?.input.image ?? null);
    if (!pair) this.setDetail(null);
  }

  /** @param {PairDetail | null} detail  of the pair */
  setDetail(detail) {
    this.#detail = detail;
    this.#summary.update(detail?.layers ?? null);
    this.#show();
  }

  /** Whether a network was described for other weights. @param {Side} side @param {string | undefined} version */
  isOutdated(side, version) {
    return version !== undefined && this.#networks !== null && this.#networks[side].version !== version;
  }

  /** The layers whose maps are on the screen. @returns {Sides<string | null>} */
  get wanted() {
    return this.#names ?? { a: null, b: null };
  }

  /** Show what the address says is open. */
  apply() {
    this.#summary.setOpen(this.#names?.a ?? null);
    this.#show();
    this.#handlers.onWant();
  }

  focus() {
    this.#summary.focus();
  }

  get #names() {
    return this.#networks && openLayers({ networks: this.#networks, matches: this.#matches, state: this.#address.state });
  }

  /** @returns {CompareSelection | null} */
  get #selection() {
    if (!this.#networks) return null;
    const { maps = { a: null, b: null }, difference = null } = this.#detail ?? {};
    return new CompareSelection({ networks: this.#networks, matches: this.#matches, state: this.#address.state, maps, difference, pointed: this.#pointed });
  }

  /** @param {Partial<CompareState>} change  to other layers */
  #go(change) {
    this.#pointed = null;
    this.#pictures.deselect();
    this.#address.go({ channel: null, otherChannel: null, cell: null, page: 1, ...change });
    this.apply();
  }

  /** @param {Partial<CompareState>} change  of how they are shown */
  #set(change) {
    this.#address.go(change);
    this.#show();
  }

  /** @param {number} step */
  #step(step) {
    const nodes = this.#networks?.a.nodes ?? [];
    const next = nodes[nodes.findIndex(({ name }) => name === this.#names?.a) + step];
    if (next) this.#go({ layer: next.name, otherLayer: null });
  }

  /** @param {number} channel @param {Side | null} side  null: both */
  #open(channel, side) {
    const selection = this.#selection;
    if (!selection) return;
    const layer = selection.layers.a.node.name;
    if (side === null) this.#address.go({ layer, channel, otherChannel: null });
    else this.#address.go({ layer, channel: selection.open.a, otherChannel: selection.open.b, [side === "a" ? "channel" : "otherChannel"]: channel });
    this.#toSay = true;
    this.#show();
  }

  /** @param {Cell | null} cell @param {Column} column */
  #point(cell, column) {
    this.#pointed = cell && { ...cell, side: column === "b" ? "b" : "a" };
    this.#showCell();
  }

  /** @param {Cell | null} cell @param {Column} column */
  #choose(cell, column) {
    const selection = this.#selection;
    if (!cell || !selection) return;
    const { layers, open, alike } = selection;
    const side = column === "b" && !alike ? "b" : "a";
    this.#pointed = null;
    // The channels stay those in which the cell was chosen.
    const change = { layer: layers.a.node.name, channel: open.a, otherChannel: alike ? null : open.b };
    if (!layers[side].vector) this.#address.note({ ...change, cell: { ...cell, side } });
    else this.#address.note({ ...change, [side === "a" ? "channel" : "otherChannel"]: layers[side].channelAt(cell) });
    this.#toSay = true;
    this.#showCell();
  }

  /** Everything. */
  #show() {
    const selection = this.#selection;
    byId("trio-body", HTMLElement).hidden = selection === null;
    if (!selection || !this.#networks) return;
    const { layers, open, alike, order } = selection;
    const { state } = this.#address;
    const [a, b] = [layers.a.node, layers.b.node];
    const found = this.#detail?.apart;
    const apart = found?.layer === a.name && found.other_layer === b.name ? found : null;
    this.#head.show({
      layers: { a: this.#networks.a.nodes, b: this.#matches ? this.#networks.b.nodes : null },
      open: { a, b },
      matchedBy: selection.matchedBy,
      apart,
      sort: state.sort,
      range: state.range,
      alike,
      named: layers.a.labels !== null && layers.b.labels !== null && String(layers.a.labels) === String(layers.b.labels),
    });
    this.#showPictures(selection);
    byId("trio-lists", HTMLElement).hidden = this.#pair === null;
    const maps = !layers.a.vector || !layers.b.vector;
    const { shown, ...pages } = pageOf(order, state.page, PAGE);
    this.#head.showPages(maps ? { ...pages, shown: shown.length, count: order.length } : null);
    this.#channels.show(maps ? { cards: channelCards(selection, shown, state.range), together: alike, open } : null);
    this.#showCell();
  }

  /** @param {CompareSelection} selection */
  #showPictures(selection) {
    const pictures = comparedPictures(selection, this.#readExact(selection), this.#address.state.range, this.#pair);
    for (const column of /** @type {const} */ (["a", "b", "difference"])) this.#pictures.show(column, pictures[column]);
    this.#greatest.hidden = typeof pictures.difference === "string";
  }

  /**
   * The exact values of the open channels, which are asked for if they have not come.
   *
   * @param {CompareSelection} selection
   * @returns {Sides<Channel | null>}
   */
  #readExact({ layers, open }) {
    /** @param {Side} side */
    const address = (side) => {
      const inspection = this.#pair?.[side];
      const { maps, vector, node } = layers[side];
      return inspection && maps && !vector && open[side] < maps.channels ? { id: inspection.id, layer: node.name, channel: open[side] } : null;
    };
    const read = { a: address("a"), b: address("b") };
    const key = JSON.stringify(read);
    if (this.#exact?.key === key) return this.#exact.channels;
    if (this.#asked !== key && (read.a || read.b)) {
      this.#asked = key;
      this.#reader.readChannels(read);
    }
    return { a: null, b: null };
  }

  /** The reading: one cell in all pictures, and what it sees. */
  #showCell() {
    const selection = this.#selection;
    if (!selection) return;
    const { layers, cells, alike } = selection;
    this.#pictures.select({ ...cells, difference: alike ? cells.a : null }, this.#pointed === null, placesInWords(selection));
    /** @param {Side} side @template Value @param {Value} value */
    const ofMaps = (side, value) => (layers[side].vector ? null : value);
    this.#channels.mark({ a: ofMaps("a", cells.a), b: ofMaps("b", cells.b) }, { a: ofMaps("a", layers.a.size), b: ofMaps("b", layers.b.size) });
    this.#readFields(selection);
    this.#say(selection);
  }

  /** @param {CompareSelection} selection */
  #readFields({ layers, open, cells }) {
    for (const side of SIDES) {
      const cell = cells[side];
      const model = this.#networks?.[side];
      const unit = cell && model ? layers[side].unit(open[side], cell) : null;
      if (JSON.stringify(unit) === JSON.stringify(this.#units[side])) continue;
      this.#units[side] = unit;
      this.#pictures.showField(side, unit, null);
      if (unit && model) this.#reader.readField(side, { model: model.name, version: model.version, unit });
    }
  }

  /** What was chosen by hand, for those who do not see it. @param {CompareSelection} selection */
  #say(selection) {
    if (!this.#toSay || this.#pointed || !this.#pair) return;
    const { layers, open, cells, alike } = selection;
    const exact = this.#readExact(selection);
    const [a, b] = SIDES.map((side) => {
      const cell = cells[side];
      const picture = layers[side].picture(open[side], exact[side]);
      return cell && picture?.exact ? (picture.values[cell.row]?.[cell.column] ?? null) : null;
    });
    if (a === null && b === null) return;
    this.#toSay = false;
    const place = cells.a ? layers.a.placeInWords(cells.a) : "";
    const difference = alike ? subtract(a, b) : null;
    const parts = [a === null ? "" : `A ${exactly(a)}`, b === null ? "" : `B ${exactly(b)}`, difference === null ? "" : `B minus A ${exactly(difference)}`].filter(Boolean);
    this.#handlers.onSay(`${place}: ${parts.join(", ")}.`);
  }

  /** The cell of the open channel where the sides differ most. */
  #goToGreatest() {
    const selection = this.#selection;
    if (!selection?.difference) return;
    const { layers, difference } = selection;
    if (layers.a.vector) {
      this.#choose(layers.a.cellOf(orderChannels(difference.channels, difference, "difference")[0]), "a");
    } else {
      const { a, b } = this.#readExact(selection);
      if (!a || !b) return;
      let [most, row, column] = [-1, 0, 0];
      a.values.forEach((line, y) =>
        line.forEach((value, x) => {
          const size = Math.abs(subtract(value, b.values[y]?.[x]) ?? 0);
          if (size > most) [most, row, column] = [size, y, x];
        }),
      );
      this.#choose({ row, column }, "a");
    }
    this.#pictures.focus("difference");
  }

  /** @param {KeyboardEvent} event */
  #keyed(event) {
    if (!isShortcut(event) || !this.#networks) return;
    const { cell, channel } = this.#address.state;
    if (event.key === "Escape" && (cell || channel !== null)) {
      this.#address.note(cell ? { cell: null } : { channel: null, otherChannel: null });
      this.#pictures.deselect();
      this.#show();
    } else if (event.key === "[") this.#step(-1);
    else if (event.key === "]") this.#step(1);
    else return;
    event.preventDefault();
  }

  /** Where the sides are furthest apart, in a sentence. */
  get inWords() {
    const layers = this.#detail?.layers?.filter(({ relative_l2: apart }) => apart !== null) ?? [];
    if (layers.length === 0) return "";
    const most = layers.reduce((one, other) => ((other.relative_l2 ?? 0) > (one.relative_l2 ?? 0) ? other : one));
    return most.relative_l2 === 0 ? "No layer differs." : `They are furthest apart at ${most.layer}: ${percent(most.relative_l2 ?? 0)}.`;
  }

  destroy() {
    this.#stop.abort();
    this.#forgetKeys();
    this.#summary.destroy();
    this.#pictures.destroy();
    this.#channels.destroy();
    this.#head.destroy();
  }
}
