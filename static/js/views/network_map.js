/**
 * The network as a map, from left to right, with branches and joins; modules fold and unfold.
 *
 * @import {LayerMaps, LayerNode, RangeMode} from "../core/types.js"
 * @import {Connection, Group, MapItem} from "../core/fold.js"
 * @import {LayoutAnswer, MapView} from "../core/map_view.js"
 */
import { foldedMap, groupsAround, groupsIn, groupTree, unfoldedAtFirst } from "../core/fold.js";
import { joinOf } from "../core/graph.js";
import { PLACES, registerKeys } from "../core/key_table.js";
import { areAlike, isWithin } from "../core/map_view.js";
import { walkedTo } from "../core/map_walk.js";
import { Neighbours } from "../core/neighbours.js";
import { html } from "./dom.js";
import { isShortcut } from "./key_rules.js";
import { MapArrangement, inputsOf } from "./map_arrangement.js";
import { MapCamera } from "./map_camera.js";
import { MapLabels } from "./map_labels.js";
import { MapScene } from "./map_scene.js";
import { MapSearch } from "./map_search.js";
import { MapTiles } from "./map_tiles.js";
import { MapTip } from "./map_tip.js";
import { MAP_KEYS, mapTools } from "./map_tools.js";
import { Minimap } from "./map_minimap.js";
import { onThemeChange } from "./theme.js";

/** Scale below which feature maps are specks: items are painted as such, and no maps are fetched. */
const SPECKS = 0.22;
/** Scale below which captions cannot be read. */
const LEGIBLE = 0.45;

/**
 * @typedef {object} MapContents  What is on the map, for pictures of it.
 * @property {LayoutAnswer} layout
 * @property {MapItem[]} items
 * @property {Map<string, LayerMaps>} maps
 * @property {RangeMode} mode
 *
 * @typedef {object} MapHandlers
 * @property {(layer: string) => void} onOpen
 * @property {() => void} onScreenChange
 * @property {(unfolded: string[] | null) => void} onFold  null: as the map opens
 * @property {(camera: MapView | null) => void} onCamera  null: as the map opens
 */

export class NetworkMap {
  #handlers;
  #frame = html("div", { class: "map-frame", role: "group", "aria-label": "Map of the network" });
  #world = html("div", { class: "map-world" });
  #tip = new MapTip(this.#frame);
  #bar;
  #scene = new MapScene();
  #labels = new MapLabels((id) => this.#foldGroup(id));
  #tiles;
  #camera;
  #minimap;
  #search;
  #arrangement = new MapArrangement((layout, then) => this.#laidOut(layout, then));
  /** @type {LayerNode[]} */
  #nodes = [];
  /** @type {Group} */
  #tree = groupTree([]);
  /** @type {Set<string>} */
  #unfolded = new Set();
  /** @type {MapItem[]} */
  #items = [];
  /** @type {Connection[]} */
  #connections = [];
  #neighbours = new Neighbours([], []);
  /** @type {Map<string, LayerMaps>} */
  #maps = new Map();
  /** @type {RangeMode} */
  #mode = "layer";
  /** @type {string | null} */
  #open = null;
  /** @type {Set<string>} items that were looked for, or hold such */
  #found = new Set();
  /** @type {string[]} */
  #sought = [];
  /** @type {string | null} the item that is pointed at or has the focus */
  #lit = null;
  /** @type {ReadonlyMap<string, "in" | "out" | "shared">} */
  #ways = new Map();
  /** @type {LayoutAnswer | null} */
  #layout = null;
  /** A camera that waits for the layout; undefined: none does. @type {MapView | null | undefined} */
  #awaited = null;
  /** What the address says of the camera. @type {MapView | null} */
  #told = null;
  #resize;
  #forget;
  #stop = new AbortController();

  /**
   * @param {HTMLElement} frame
   * @param {MapHandlers} handlers
   */
  constructor(frame, handlers) {
    this.#handlers = handlers;
    this.#tiles = new MapTiles({
      onOpen: handlers.onOpen,
      onUnfold: (id) => this.#unfold(id),
      twins: (item) => this.#neighbours.twins(item.id).length,
      run: (item) => this.#neighbours.run(item.id),
      onMade: (tile) => {
        tile.setMode(this.#mode);
        tile.update(this.#maps.get(tile.layer) ?? null);
        this.#dress(tile);
      },
      onScreenChange: handlers.onScreenChange,
    });
    this.#world.append(this.#tiles.list);
    this.#camera = new MapCamera(this.#frame, {
      onView: (view) => this.#viewed(view),
      onCamera: (camera) => {
        this.#told = camera;
        handlers.onCamera(camera);
      },
    });
    this.#minimap = new Minimap((place) => this.#camera.centre(place));
    this.#search = new MapSearch(
      (layers) => this.#mark(layers),
      (layer) => this.focus(layer, false),
    );
    this.#frame.append(this.#scene.element, this.#world, this.#labels.element, this.#minimap.element, this.#tip.element, this.#arrangement.element);
    this.#bar = html("div", { class: "map-bar" }, this.#search.element, this.#tools());
    frame.classList.add("map");
    frame.append(this.#bar, this.#frame);
    this.#resize = new ResizeObserver(() => this.#resized());
    this.#resize.observe(this.#frame);
    this.#listen();
    const forgetKeys = registerKeys(PLACES.map, MAP_KEYS);
    const forgetTheme = onThemeChange(() => {
      this.#tiles.repaint();
      this.#viewed(this.#camera.view);
    });
    this.#forget = () => {
      forgetKeys();
      forgetTheme();
    };
  }

  #listen() {
    const signal = this.#stop.signal;
    const list = this.#tiles.list;
    list.addEventListener("keydown", (event) => this.#keyed(event), { signal });
    list.addEventListener("focusin", (event) => this.#light(itemOf(event.target)), { signal });
    list.addEventListener("focusout", () => this.#light(null), { signal });
    this.#frame.addEventListener("pointermove", (event) => this.#hovered(event), { signal });
    this.#frame.addEventListener("pointerleave", () => this.#light(itemOf(document.activeElement)), { signal });
    this.#frame.addEventListener("click", (event) => this.#clicked(event), { signal });
    document.addEventListener("keydown", (event) => this.#steered(event), { signal });
  }

  #tools() {
    return mapTools({
      onZoom: (direction) => this.#camera.zoom(direction),
      onFit: () => this.#camera.fit(),
      onUnfold: () => this.#fold(groupsIn(this.#tree).map(({ id }) => id), () => this.#camera.open()),
      onFold: () => this.#fold([], () => this.#camera.open()),
    });
  }

  /** @param {LayerNode[]} nodes  of the network, in order of execution */
  setLayers(nodes) {
    this.#nodes = nodes;
    this.#tree = groupTree(nodes);
    this.#unfolded = unfoldedAtFirst(this.#tree);
    this.#search.setNodes(nodes);
    this.#awaited = null;
    this.#arrange(null);
  }

  /**
   * What an address says of the map.
   *
   * @param {string[] | null} ids  of the groups that are unfolded; null: as the map opens
   * @param {MapView | null} camera  null: as the map opens
   */
  setPlace(ids, camera) {
    const wanted = ids === null ? unfoldedAtFirst(this.#tree) : new Set(groupsIn(this.#tree).map(({ id }) => id).filter((id) => ids.includes(id)));
    const sameFolds = wanted.size === this.#unfolded.size && [...wanted].every((id) => this.#unfolded.has(id));
    if (!areAlike(camera, this.#told)) {
      this.#told = camera;
      this.#awaited = camera;
    }
    if (!sameFolds) {
      this.#unfolded = wanted;
      this.#arrange(null);
    } else if (this.#layout && this.#arrangement.isOf(this.#layout)) this.#look();
  }

  #look() {
    if (this.#awaited === undefined) return;
    if (this.#awaited) this.#camera.look(this.#awaited);
    else {
      this.#camera.reopen();
      const box = this.#open === null ? undefined : this.#layout?.items.get(this.#open);
      if (box) this.#camera.bring(box, false);
    }
    this.#awaited = undefined;
  }

  /** Names of the layers whose maps are on the screen. */
  get onScreen() {
    return this.#tiles.onScreen;
  }

  /** @returns {MapContents | null} null: it is not laid out yet */
  get contents() {
    if (!this.#layout || !this.#arrangement.isOf(this.#layout)) return null;
    return { layout: this.#layout, items: this.#items, maps: this.#maps, mode: this.#mode };
  }

  /** @param {Map<string, LayerMaps>} maps */
  update(maps) {
    for (const [name, layer] of maps) this.#maps.set(name, layer);
    this.#tiles.update(maps);
  }

  clear() {
    this.#maps.clear();
    this.#tiles.clear();
  }

  /** What is on the screen stays until its new maps come. */
  forget() {
    this.#maps.clear();
  }

  /** @param {RangeMode} mode */
  setMode(mode) {
    this.#mode = mode;
    this.#tiles.setMode(mode);
  }

  /** @param {string | null} name */
  setOpen(name) {
    const other = name !== this.#open;
    this.#open = name;
    const index = this.#nodes.findIndex((node) => node.name === name);
    const around = index < 0 ? [] : groupsAround(this.#tree, index).filter((id) => !this.#unfolded.has(id));
    if (around.length > 0) this.#fold([...this.#unfolded, ...around], () => this.#showOpen(true));
    else this.#showOpen(other);
  }

  /** @param {boolean} bring  into the frame */
  #showOpen(bring) {
    for (const tile of this.#tiles.all) this.#dress(tile);
    const box = this.#open === null ? undefined : this.#layout?.items.get(this.#open);
    if (box && bring && this.#awaited === undefined) this.#camera.bring(box);
    this.#viewed(this.#camera.view);
  }

  /** What an item's element shows beside its maps. @param {import("./map_tile.js").MapTile} tile */
  #dress(tile) {
    const { id, group } = tile.item;
    const open = this.#open !== null && !group && id === this.#open;
    tile.setOpen(open, this.#open !== null && this.#neighbours.feeds(id, this.#open));
    tile.element.toggleAttribute("data-found", this.#found.has(id));
    const way = this.#ways.get(id);
    if (way) tile.element.dataset.lit = way;
    else delete tile.element.dataset.lit;
  }

  /** @param {string} name @param {boolean} [take]  whether to move the keyboard's focus there */
  focus(name, take = true) {
    const index = this.#nodes.findIndex((node) => node.name === name);
    const around = index < 0 ? [] : groupsAround(this.#tree, index);
    const go = () => {
      const box = this.#layout?.items.get(name);
      if (!box) return;
      if (this.#camera.view.scale < LEGIBLE) this.#camera.approach(box);
      else this.#camera.bring(box);
      if (take) this.#focusOn(name);
      else this.#light(name);
    };
    if (around.every((id) => this.#unfolded.has(id))) go();
    else this.#fold([...this.#unfolded, ...around], go);
  }

  focusFirst() {
    const id = this.#open !== null && this.#layout?.items.has(this.#open) ? this.#open : this.#tiles.current;
    if (id !== null) this.#focusOn(id);
  }

  /**
   * @param {Iterable<string>} ids  of the groups to be unfolded
   * @param {(() => void) | null} [then]
   */
  #fold(ids, then = null) {
    this.#unfolded = new Set(ids);
    const first = unfoldedAtFirst(this.#tree);
    const usual = first.size === this.#unfolded.size && [...first].every((id) => this.#unfolded.has(id));
    this.#handlers.onFold(usual ? null : [...this.#unfolded]);
    this.#arrange(then);
  }

  /** Make the items and have them laid out. @param {(() => void) | null} then */
  #arrange(then) {
    const { items, connections } = foldedMap(this.#nodes, this.#tree, this.#unfolded);
    this.#items = items;
    this.#connections = connections;
    this.#neighbours = new Neighbours(items, connections);
    this.#arrangement.ask(items, connections, then);
  }

  /** @param {LayoutAnswer} layout @param {(() => void) | null} then */
  #laidOut(layout, then) {
    this.#layout = layout;
    this.#frame.dataset.items = String(this.#items.length);
    this.#tiles.setItems(this.#items, layout.items);
    this.#scene.setLayout(layout, inputsOf(this.#items, this.#connections), new Set(this.#items.filter(({ group, node }) => !group && node.inputs.length > 1 && joinOf(node.kind)).map(({ id }) => id)));
    this.#labels.setLayout(layout);
    this.#minimap.setLayout(layout);
    this.#camera.setMap(layout);
    if (this.#camera.size.width === 0) this.#resized();
    this.#mark(this.#sought);
    this.#look();
    then?.();
    this.#showOpen(false);
  }

  /** @param {string} id */
  #unfold(id) {
    this.#fold([...this.#unfolded, id], () => {
      const first = this.#items.find(({ within }) => within.includes(id));
      const frame = this.#layout?.groups.get(id);
      if (frame) this.#camera.bring(frame);
      if (first) this.#focusOn(first.id);
    });
  }

  /** @param {string} id */
  #foldGroup(id) {
    this.#fold([...this.#unfolded].filter((other) => other !== id), () => this.#focusOn(id));
  }

  /** @param {string} id */
  #focusOn(id) {
    if (!this.#layout?.items.has(id)) return;
    this.#tiles.setCurrent(id);
    const tile = this.#tiles.need(id);
    tile.button.focus({ preventScroll: true });
    if (tile.box) this.#camera.bring(tile.box);
  }

  /** Light what feeds an item and what it feeds. @param {string | null} id */
  #light(id) {
    if (id === this.#lit) return;
    this.#lit = id;
    this.#ways = id === null ? new Map() : this.#neighbours.around(id);
    for (const tile of this.#tiles.all) this.#dress(tile);
    this.#paint();
  }

  /** @param {PointerEvent} event */
  #hovered(event) {
    if (this.#camera.dragging || event.pointerType === "touch") return;
    const id = this.#itemAt(event);
    this.#light(id ?? itemOf(document.activeElement));
    this.#tip.show(id !== null && this.#far ? this.#items.find((each) => each.id === id) : undefined, event);
  }

  /** The item under the pointer. @param {MouseEvent} event */
  #itemAt(event) {
    if (!this.#layout || (event.target instanceof Element && event.target.closest(".map-mini, .map-fold"))) return null;
    const frame = this.#frame.getBoundingClientRect();
    const { scale, x, y } = this.#camera.view;
    const place = { x: (event.clientX - frame.left - x) / scale, y: (event.clientY - frame.top - y) / scale };
    // Specks are hard to hit: a few pixels beside them count.
    const slack = this.#far ? 3 / scale : 0;
    return this.#items.find(({ id }) => isWithin(/** @type {LayoutAnswer} */ (this.#layout).items.get(id), place, slack))?.id ?? null;
  }

  /** A click on a speck goes to it. @param {MouseEvent} event */
  #clicked(event) {
    if (!this.#far) return;
    const id = this.#itemAt(event);
    const box = id === null ? undefined : this.#layout?.items.get(id);
    if (!box || id === null) return;
    this.#tip.hide();
    this.#camera.approach(box);
    this.#tiles.setCurrent(id);
    this.#tiles.need(id).button.focus({ preventScroll: true });
  }

  /** @param {string[]} layers  that were looked for */
  #mark(layers) {
    this.#sought = layers;
    const sought = new Set(layers);
    this.#found = new Set(this.#items.filter(({ group, node }) => (group ? this.#nodes.slice(group.first, group.last).some(({ name }) => sought.has(name)) : sought.has(node.name))).map(({ id }) => id));
    for (const tile of this.#tiles.all) this.#dress(tile);
    this.#viewed(this.#camera.view);
  }

  get #far() {
    return this.#camera.view.scale < SPECKS;
  }

  /** The view has changed. @param {MapView} view */
  #viewed(view) {
    if (!this.#layout) return;
    const { size } = this.#camera;
    this.#world.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.scale})`;
    this.#tiles.show(view, size, this.#far);
    this.#frame.toggleAttribute("data-far", view.scale < LEGIBLE);
    this.#frame.toggleAttribute("data-specks", this.#far);
    this.#labels.show(view, size);
    this.#minimap.show(view, size, this.#open === null ? this.#found : new Set([...this.#found, this.#open]));
    this.#paint();
  }

  #paint() {
    this.#scene.paint({
      view: this.#camera.view,
      size: this.#camera.size,
      far: this.#far,
      hasElement: (id) => !this.#far && this.#tiles.has(id),
      lit: this.#lit,
      ways: this.#ways,
      found: this.#found,
      open: this.#open,
    });
  }

  #resized() {
    this.#camera.setSize({ width: this.#frame.clientWidth, height: this.#frame.clientHeight });
    const box = this.#open === null ? undefined : this.#layout?.items.get(this.#open);
    if (box) this.#camera.bring(box, false);
  }

  /** Keys that steer the map wherever the focus is. @param {KeyboardEvent} event */
  #steered(event) {
    if (!isShortcut(event) || event.shiftKey && event.key.length > 1) return;
    if (event.key === "+" || event.key === "=") this.#camera.zoom(1);
    else if (event.key === "-") this.#camera.zoom(-1);
    else if (event.key === "0") this.#camera.fit();
    else if (event.key === "/") this.#search.focus();
    else return;
    event.preventDefault();
  }

  /** @param {KeyboardEvent} event */
  #keyed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const id = itemOf(document.activeElement);
    const item = this.#items.find((each) => each.id === id);
    if (!item || id === null) return;
    const pan = event.shiftKey ? PANS[event.key] : undefined;
    if (pan) this.#camera.pan(...pan);
    else if (!this.#walk(event, item)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {KeyboardEvent} event @param {MapItem} item @returns {boolean} whether the key was for the map */
  #walk(event, item) {
    if (event.key === "Tab") {
      // At either end the key leaves the map, as it does everywhere.
      const next = this.#items[this.#items.indexOf(item) + (event.shiftKey ? -1 : 1)];
      if (next) this.#focusOn(next.id);
      return next !== undefined;
    }
    const next = walkedTo(event.key, item, this.#items, this.#layout?.items ?? new Map(), this.#neighbours);
    if (next) this.#focusOn(next);
    else if (next === undefined && event.key === "Backspace" && item.within.length > 0) this.#foldGroup(item.within.at(-1) ?? "");
    else if (next === undefined && event.key === "Escape" && this.#open === null) this.#bar.querySelector("button")?.focus();
    else return next === null;
    return true;
  }

  destroy() {
    this.#stop.abort();
    this.#tiles.destroy();
    this.#arrangement.destroy();
    this.#resize.disconnect();
    this.#forget();
    this.#camera.destroy();
    this.#minimap.destroy();
    this.#bar.remove();
    this.#frame.remove();
  }
}

/** @type {Record<string, [number, number]>} */
const PANS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** The item whose element holds a target. @param {EventTarget | null} target */
function itemOf(target) {
  const element = target instanceof Element ? target.closest(".map-item") : null;
  return element instanceof HTMLElement ? (element.dataset.item ?? null) : null;
}
