/**
 * The network on the page: its layers, and the one that is open. What is open is in the address.
 *
 * @import {Cell, Inspection, LayerMaps, LayerNode, Model, RangeMode, SessionStatus} from "../core/types.js"
 * @import {MapView} from "../core/map_view.js"
 * @import {MapContents} from "../views/network_map.js"
 * @import {Address} from "./address.js"
 */
import { ApiProblem, getModel } from "../api.js";
import { retryDelay } from "../core/backoff.js";
import { layerRange } from "../core/colour.js";
import { PLACES, registerKeys } from "../core/key_table.js";
import { mapShape } from "../core/layer_axes.js";
import { channelsBeyond, LockedRanges } from "../core/locked_ranges.js";
import { count, millions, plural } from "../core/numbers.js";
import { recall, remember } from "../storage.js";
import { byId } from "../views/dom.js";
import { LayerDetail } from "../views/layer_detail.js";
import { isShortcut } from "../views/key_rules.js";
import { Legend } from "../views/legend.js";
import { RangeSwitch } from "../views/range_switch.js";
import { ChannelReader } from "./channel_reader.js";
import { Exporter } from "./exporter.js";
import { LayerExplorer } from "./layer_explorer.js";
import { UnitExplorer } from "./unit_explorer.js";

/**
 * How the layers are shown: as blocks, or as a map.
 *
 * @typedef {object} NetworkView
 * @property {(nodes: LayerNode[]) => void} setLayers
 * @property {string[]} onScreen  names of the layers whose maps are on the screen
 * @property {(maps: Map<string, LayerMaps>) => void} update
 * @property {() => void} clear
 * @property {() => void} [forget]  maps that are not on the screen: they are of another input
 * @property {(mode: RangeMode) => void} setMode
 * @property {(name: string | null) => void} setOpen
 * @property {(unfolded: string[] | null, camera: MapView | null) => void} [setPlace]  what of the network is shown
 * @property {MapContents | null} [contents]  for pictures of it
 * @property {(name: string) => void} focus
 * @property {() => void} focusFirst
 *
 * @typedef {object} NetworkViewHandlers
 * @property {(layer: string) => void} onOpen
 * @property {() => void} onScreenChange
 * @property {(unfolded: string[] | null) => void} onFold
 * @property {(camera: MapView | null) => void} onCamera
 *
 * @typedef {(frame: HTMLElement, handlers: NetworkViewHandlers) => NetworkView} MakeNetworkView
 *
 * @typedef {object} ExplorerHandlers
 * @property {() => void} onWant  maps of more layers are needed
 * @property {() => void} onLost  the inspection is no longer kept
 * @property {(status: SessionStatus) => void} onStatus
 * @property {(text: string) => void} onSay  to screen readers
 */

export class NetworkExplorer {
  #modelName;
  #address;
  #handlers;
  #section = byId("network", HTMLElement);
  #facts = byId("network-facts", HTMLElement);
  #behind = byId("network-behind", HTMLElement);
  #view;
  #detail;
  #legend;
  #reader;
  #unit;
  #layer;
  #locked;
  #switch;
  /** @type {RangeMode} */
  #mode = "layer";
  /** @type {Model | null} */
  #model = null;
  /** @type {Inspection | null} */
  #inspection = null;
  /** @type {Map<string, LayerMaps>} */
  #maps = new Map();
  /** The inspection that they are of. @type {string | null} */
  #mapsOf = null;
  /** @type {(() => void) | null} */
  #wake = null;

  /**
   * @param {string} modelName
   * @param {string[]} categories
   * @param {Address} address
   * @param {MakeNetworkView} makeView
   * @param {ExplorerHandlers} handlers
   */
  constructor(modelName, categories, address, makeView, handlers) {
    this.#modelName = modelName;
    this.#address = address;
    this.#handlers = handlers;
    this.#view = makeView(byId("blocks", HTMLElement), {
      onOpen: (layer) => this.#go(layer, null),
      onScreenChange: () => handlers.onWant(),
      onFold: (unfolded) => address.note({ unfolded }),
      onCamera: (camera) => address.note({ camera }),
    });
    this.#detail = new LayerDetail(byId("detail", HTMLElement), categories, {
      onLayer: (layer) => this.#go(layer, null),
      onChannel: (channel) => this.#go(address.state.layer, channel),
      onCell: (cell) => this.#choose(cell),
      onStep: (step) => this.#step(step),
      onPoint: (unit) => this.#unit.point(unit),
      onArithmeticOpen: (isOpen) => this.#unit.noteArithmetic(isOpen),
      onArithmetic: () => this.#unit.readArithmetic(),
      onGo: (layer, channel, cell) => this.#go(layer, channel, cell),
      hasLayer: (layer) => this.#model?.nodes.some(({ name }) => name === layer) ?? false,
    });
    this.#unit = new UnitExplorer(modelName, this.#detail, address, { onLost: () => handlers.onLost(), onSay: handlers.onSay, onGo: (layer, channel, cell) => this.#go(layer, channel, cell) });
    this.#layer = new LayerExplorer(modelName, this.#detail, address, { onLost: () => handlers.onLost() });
    this.#reader = new ChannelReader(
      (channel) => this.#detail.updateChannel(channel),
      () => handlers.onLost(),
    );
    const scale = byId("network-scale", HTMLElement);
    this.#legend = new Legend(scale);
    this.#locked = new LockedRanges(recall(`locked.${modelName}`));
    this.#mode = modeOf(address.setting("range") ?? recall("range"));
    this.#switch = new RangeSwitch(scale, this.#mode, (mode) => this.#chooseMode(mode));
    this.#detail.setMode(this.#mode);
    new Exporter(() => this.#explored, () => handlers.onLost());
    document.addEventListener("keydown", (event) => this.#keyed(event));
    registerKeys(PLACES.anywhere, [
      { keys: ["[", "]"], label: "Layer or channel before, after" },
      { keys: ["Esc"], label: "One level up: cell, channel, layer, network" },
    ]);
    this.#showLegend();
  }

  /** Layers whose maps are on the screen. */
  get wantedLayers() {
    const wanted = new Set(this.#view.onScreen);
    if (this.#node) wanted.add(this.#node.name);
    return [...wanted];
  }

  get #node() {
    const name = this.#address.state.layer;
    return this.#model?.nodes.find((layer) => layer.name === name) ?? null;
  }

  /** What is shown, for taking it away. */
  get #explored() {
    const { channel } = this.#address.state;
    const node = this.#node;
    return { model: this.#model, inspection: this.#inspection, node, channel, maps: node ? (this.#maps.get(node.name) ?? null) : null, mode: this.#mode, map: this.#view.contents ?? null };
  }

  /** Fetch the network's description, however long the server takes to be there. */
  async load() {
    for (let attempt = 0; this.#model === null; attempt += 1) {
      try {
        this.#model = await getModel(this.#modelName);
      } catch (error) {
        const delay = retryDelay(attempt, error instanceof ApiProblem ? error.retryAfter : null);
        this.#facts.textContent = "Waiting for the network …";
        this.#handlers.onStatus({ state: "waiting", detail: error instanceof Error ? error.message : String(error), seconds: Math.ceil(delay / 1000) });
        await new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
          this.#wake = () => resolve();
          setTimeout(resolve, delay);
        });
        continue;
      }
      if (attempt > 0) this.#handlers.onStatus({ state: "ready" });
    }
    const { nodes, parameters, multiply_accumulates: operations } = this.#model;
    this.#facts.textContent = `${plural(nodes.length, "layer")}, ${millions(parameters)} parameters`;
    this.#facts.title = `${count(parameters)} parameters, ${count(operations)} multiply-accumulates for one drawing`;
    this.#unit.setVersion(this.#model.version);
    this.#layer.setVersion(this.#model.version);
    this.#view.setLayers(nodes);
    this.#view.setMode(this.#mode);
    this.apply();
    this.#handlers.onWant();
  }

  retryNow() {
    this.#wake?.();
  }

  focus() {
    this.#view.focusFirst();
  }

  /** @param {Inspection} inspection */
  updateInspection(inspection) {
    this.#inspection = inspection;
    this.#describe();
    this.#readChannel();
    this.#unit.setInspection(inspection);
    this.#layer.setInspection(inspection);
  }

  /** @param {boolean} behind  whether the guesses are of a newer input than the inspection */
  setBehind(behind) {
    this.#behind.hidden = !behind;
  }

  /**
   * @param {Inspection} inspection
   * @param {Map<string, LayerMaps>} maps
   */
  updateMaps(inspection, maps) {
    if (inspection.id !== this.#inspection?.id) return;
    if (inspection.id !== this.#mapsOf) {
      // Those of layers that are not on the screen are of another input now.
      this.#mapsOf = inspection.id;
      this.#maps.clear();
      this.#view.forget?.();
    }
    for (const [name, layer] of maps) {
      if (this.#mode === "locked") this.#locked.attach(layer);
      this.#maps.set(name, layer);
    }
    if (this.#mode === "locked") this.#noteLocked();
    this.#layer.see(inspection.id, maps);
    this.#view.update(maps);
    const open = this.#address.state.layer;
    const layer = open === null ? undefined : maps.get(open);
    if (layer) this.#detail.updateMaps(layer);
    this.#showLegend();
  }

  /** Nothing is drawn. */
  clear() {
    this.#inspection = null;
    this.#unit.setInspection(null);
    this.#layer.setInspection(null);
    this.#maps.clear();
    this.#view.clear();
    this.#detail.updateMaps(null);
    this.#describe();
    this.#showLegend();
  }

  /** Show what the address says is open. */
  apply() {
    const node = this.#node;
    const { channel, cell, unfolded, camera } = this.#address.state;
    const channels = node ? mapShape(node.shape).channels : 0;
    const selection = node && { layer: node.name, channel: channel !== null && channel < channels ? channel : null, cell };
    this.#section.toggleAttribute("data-open", node !== null);
    this.#view.setPlace?.(unfolded, camera);
    this.#view.setOpen(node?.name ?? null);
    this.#layer.open(node, (node && this.#maps.get(node.name)) ?? null);
    this.#detail.open(node, selection);
    if (this.#model) this.#takeMode();
    if (node) this.#detail.updateMaps(this.#maps.get(node.name) ?? null);
    this.#describe();
    this.#readChannel();
    this.#unit.apply();
    this.#unit.choose(this.#detail.unit, false);
    this.#showLegend();
    if (node) this.#handlers.onWant();
  }

  /**
   * Open a layer, or a channel of it, or a cell of that, or neither.
   *
   * @param {string | null} layer
   * @param {number | null} channel
   * @param {Cell | null} [cell]
   */
  #go(layer, channel, cell = null) {
    const before = this.#address.state;
    if (before.layer === layer && before.channel === channel && cell === null) return;
    // Another layer's window has other steps and reads other channels.
    const { step: _, source: __, ...settings } = before.settings;
    this.#address.go({ layer, channel, cell, settings: layer === before.layer ? before.settings : settings });
    this.apply();
    if (layer === null) {
      if (before.layer !== null) this.#view.focus(before.layer);
      return;
    }
    this.#detail.focus();
    const detail = byId("detail", HTMLElement);
    if (before.layer === null) detail.scrollIntoView({ block: "nearest", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  }

  /** @param {Cell} cell */
  #choose(cell) {
    this.#address.note({ cell });
    const { layer, channel } = this.#address.state;
    if (layer !== null) this.#detail.chooseCell({ layer, channel, cell });
    this.#unit.choose(this.#detail.unit, true);
  }

  #up() {
    const { layer, channel, cell } = this.#address.state;
    if (cell) {
      this.#address.note({ cell: null });
      this.apply();
    } else if (channel !== null) {
      this.#go(layer, null);
    } else {
      this.#go(null, null);
    }
  }

  /** @param {number} step */
  #step(step) {
    const node = this.#node;
    if (!node || !this.#model) return;
    const { channel } = this.#address.state;
    if (channel !== null) {
      const next = this.#detail.grid.neighbour(channel, step);
      if (next !== null) this.#go(node.name, next);
      return;
    }
    const next = this.#model.nodes[this.#model.nodes.indexOf(node) + step];
    if (next) this.#go(next.name, null);
  }

  /** @param {KeyboardEvent} event */
  #keyed(event) {
    if (!this.#node || !isShortcut(event)) return;
    if (event.key === "Escape") this.#up();
    else if (event.key === "[") this.#step(-1);
    else if (event.key === "]") this.#step(1);
    else return;
    event.preventDefault();
  }

  /** @param {RangeMode} mode  chosen now: what is locked is locked at what it is now */
  #chooseMode(mode) {
    this.#locked.clear();
    remember("range", mode);
    this.#address.set("range", mode === "layer" ? null : mode);
    this.#setMode(mode);
    this.#noteLocked();
    this.#layer.rangeChanged();
  }

  /** @param {RangeMode} mode */
  #setMode(mode) {
    this.#mode = mode;
    for (const maps of this.#maps.values()) {
      if (mode === "locked") this.#locked.attach(maps);
      else delete maps.locked;
    }
    this.#switch.show(mode);
    this.#view.setMode(mode);
    this.#detail.setMode(mode);
    this.#showLegend();
  }

  /** The range mode that the address asks for, with the range that the open layer is locked at. */
  #takeMode() {
    const mode = modeOf(this.#address.setting("range") ?? this.#mode);
    const locked = this.#address.setting("locked")?.split(",").map(Number);
    if (mode === "locked" && locked && this.#node && !this.#locked.get(this.#node.name)) this.#locked.set(this.#node.name, locked[0], locked[1]);
    if (mode !== this.#mode) this.#setMode(mode);
    this.#noteLocked();
  }

  /** Keep what is locked, and put the open layer's range into the address. */
  #noteLocked() {
    const range = this.#mode === "locked" && this.#node ? this.#locked.get(this.#node.name) : null;
    const text = range ? `${range.minimum},${range.maximum}` : null;
    if (text !== this.#address.setting("locked")) this.#address.set("locked", text);
    if (this.#mode === "locked") remember(`locked.${this.#modelName}`, this.#locked.saved);
  }

  #describe() {
    const open = this.#address.state.layer;
    this.#detail.describe(this.#inspection?.layers.find(({ name }) => name === open) ?? null);
  }

  #readChannel() {
    const { layer, channel } = this.#address.state;
    const maps = this.#node?.shape;
    const inside = maps && channel !== null && channel < mapShape(maps).channels && maps.length > 2;
    if (this.#inspection && layer !== null && inside) this.#reader.read({ id: this.#inspection.id, layer, channel });
  }

  #showLegend() {
    const maps = this.#maps.get(this.#address.state.layer ?? "");
    if (!maps || this.#mode === "channel") return this.#legend.showMeaning();
    const { below, above } = maps.locked ? channelsBeyond(maps, maps.locked) : { below: 0, above: 0 };
    return this.#legend.show(layerRange(maps, this.#mode), null, { below: below > 0, above: above > 0 });
  }
}

/** @param {string | null} text @returns {RangeMode} */
function modeOf(text) {
  return text === "channel" || text === "locked" ? text : "layer";
}
