/**
 * The elements of the map's items: only of those that are on the screen or close to it, however
 * many there are, and a few in each frame.
 *
 * @import {LayerMaps, RangeMode} from "../core/types.js"
 * @import {MapItem} from "../core/fold.js"
 * @import {MapBox, MapView} from "../core/map_view.js"
 */
import { overlap, visiblePart } from "../core/map_view.js";
import { html } from "./dom.js";
import { forgetFrame, inNextFrame } from "./frame.js";
import { MapTile } from "./map_tile.js";

/** Milliseconds of a frame that are for making elements. */
const BUDGET = 5;
/** How far beyond the frame elements are made, as a share of it. */
const MARGIN = 0.3;

/**
 * @typedef {object} TileHandlers
 * @property {(layer: string) => void} onOpen
 * @property {(group: string) => void} onUnfold
 * @property {(item: MapItem) => number} twins  other runs of the same module
 * @property {(item: MapItem) => number} run  which of them it is, from 0
 * @property {(tile: MapTile) => void} onMade  it has just been made
 * @property {() => void} onScreenChange  other maps are on the screen
 */

export class MapTiles {
  list = html("ol", { class: "map-items", "aria-label": "Layers of the network, in order" });
  #handlers;
  /** @type {MapItem[]} */
  #items = [];
  /** @type {Map<string, number>} */
  #order = new Map();
  /** @type {ReadonlyMap<string, MapBox>} */
  #boxes = new Map();
  /** @type {Map<string, MapTile>} */
  #tiles = new Map();
  /** @type {string[]} in order of how much they are missed */
  #missing = [];
  /** The one that the Tab key comes to, which always has an element. @type {string | null} */
  #current = null;
  /** @type {MapBox | null} */
  #seen = null;
  #far = false;
  #changed = false;

  /** @param {TileHandlers} handlers */
  constructor(handlers) {
    this.#handlers = handlers;
  }

  /** @param {MapItem[]} items @param {ReadonlyMap<string, MapBox>} boxes */
  setItems(items, boxes) {
    this.#items = items;
    this.#boxes = boxes;
    this.#order = new Map(items.map(({ id }, index) => [id, index]));
    const known = new Map(items.map((item) => [item.id, item]));
    for (const [id, tile] of this.#tiles) {
      const item = known.get(id);
      const box = boxes.get(id);
      if (item && box && (item.group === null) === (tile.item.group === null) && item.node === tile.item.node && item.within.join("\n") === tile.item.within.join("\n")) tile.place(box);
      else this.#drop(id);
    }
    if (this.#current === null || !known.has(this.#current)) this.#current = items[0]?.id ?? null;
  }

  get all() {
    return this.#tiles.values();
  }

  get current() {
    return this.#current;
  }

  /** @param {string} id */
  has(id) {
    return this.#tiles.has(id);
  }

  /** @param {string} id */
  get(id) {
    return this.#tiles.get(id);
  }

  /** Names of the layers whose maps are on the screen. */
  get onScreen() {
    return [...this.#tiles.values()].filter(({ onScreen }) => onScreen).map(({ layer }) => layer);
  }

  /** The item that the Tab key comes to. @param {string} id */
  setCurrent(id) {
    const before = this.#current === null ? undefined : this.#tiles.get(this.#current);
    if (before) before.button.tabIndex = -1;
    this.#current = id;
    this.need(id).button.tabIndex = 0;
  }

  /** An item's element, made at once if there is none. @param {string} id */
  need(id) {
    return this.#tiles.get(id) ?? this.#make(id);
  }

  /**
   * The view has changed.
   *
   * @param {MapView} view
   * @param {{width: number, height: number}} size
   * @param {boolean} far  items are specks: only the current one has an element
   */
  show(view, size, far) {
    const seen = visiblePart(view, size);
    const wide = { x: seen.x - seen.width * MARGIN, y: seen.y - seen.height * MARGIN, width: seen.width * (1 + 2 * MARGIN), height: seen.height * (1 + 2 * MARGIN) };
    this.#seen = seen;
    this.#far = far;
    /** @type {string[]} */
    const visible = [];
    /** @type {string[]} */
    const close = [];
    if (!far) {
      for (const { id } of this.#items) {
        const box = this.#boxes.get(id);
        if (!box || this.#tiles.has(id) || !overlap(box, wide)) continue;
        (overlap(box, seen) ? visible : close).push(id);
      }
    }
    if (this.#current !== null && !this.#tiles.has(this.#current)) visible.unshift(this.#current);
    for (const [id, tile] of this.#tiles) {
      const box = tile.box;
      const keep = id === this.#current || tile.element.contains(document.activeElement) || (!far && box !== null && overlap(box, wide));
      if (!keep) this.#drop(id);
      else this.#see(tile);
    }
    this.#missing = [...visible, ...close];
    if (this.#missing.length > 0) inNextFrame(this, () => this.#makeSome());
    this.#tell();
  }

  #makeSome() {
    const began = performance.now();
    while (this.#missing.length > 0 && performance.now() - began < BUDGET) {
      const id = /** @type {string} */ (this.#missing.shift());
      if (!this.#tiles.has(id) && this.#order.has(id)) this.#make(id);
    }
    if (this.#missing.length > 0) inNextFrame(this, () => this.#makeSome());
    this.#tell();
  }

  /** @param {string} id */
  #make(id) {
    const place = this.#order.get(id) ?? 0;
    const item = this.#items[place];
    const { onOpen, onUnfold, twins, run, onMade } = this.#handlers;
    const tile = new MapTile(item, { twins: twins(item), run: run(item) }, { onOpen, onUnfold });
    tile.element.setAttribute("aria-setsize", String(this.#items.length));
    tile.element.setAttribute("aria-posinset", String(place + 1));
    const box = this.#boxes.get(id);
    if (box) tile.place(box);
    tile.button.tabIndex = id === this.#current ? 0 : -1;
    this.#tiles.set(id, tile);
    onMade(tile);
    // In order of execution, as they are read aloud.
    const after = [...this.list.children].find((other) => (this.#order.get(/** @type {HTMLElement} */ (other).dataset.item ?? "") ?? 0) > place);
    this.list.insertBefore(tile.element, after ?? null);
    this.#see(tile);
    return tile;
  }

  /** @param {MapTile} tile */
  #see(tile) {
    const onScreen = !this.#far && this.#seen !== null && tile.box !== null && overlap(tile.box, this.#seen);
    if (onScreen === tile.onScreen) return;
    this.#changed ||= onScreen;
    tile.setOnScreen(onScreen);
  }

  #tell() {
    if (!this.#changed) return;
    this.#changed = false;
    this.#handlers.onScreenChange();
  }

  /** @param {string} id */
  #drop(id) {
    this.#tiles.get(id)?.destroy();
    this.#tiles.delete(id);
  }

  /** @param {Map<string, LayerMaps>} maps */
  update(maps) {
    for (const tile of this.#tiles.values()) {
      const layer = maps.get(tile.layer);
      if (layer) tile.update(layer);
    }
  }

  clear() {
    for (const tile of this.#tiles.values()) tile.update(null);
  }

  /** @param {RangeMode} mode */
  setMode(mode) {
    for (const tile of this.#tiles.values()) tile.setMode(mode);
  }

  repaint() {
    for (const tile of this.#tiles.values()) tile.repaint();
  }

  destroy() {
    forgetFrame(this);
    for (const id of [...this.#tiles.keys()]) this.#drop(id);
    this.list.remove();
  }
}
