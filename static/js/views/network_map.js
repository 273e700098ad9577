/**
 * The network as a map, from left to right, with branches and joins; modules fold and unfold.
 *
 * @import {LayerMaps, LayerNode, RangeMode} from "../core/types.js"
 * @import {Connection, Group} from "../core/fold.js"
 * @import {LayoutAnswer, LayoutRequest, MapView} from "../core/map_view.js"
 */
import { foldedMap, groupsAround, groupsIn, groupTree, unfoldedAtFirst } from "../core/fold.js";
import { plural } from "../core/numbers.js";
import { overlap, smoothPath, visiblePart } from "../core/map_view.js";
import { html, icon, svg } from "./dom.js";
import { MapCamera } from "./map_camera.js";
import { MapSearch } from "./map_search.js";
import { MapTile, sizeOf } from "./map_tile.js";
import { Minimap } from "./map_minimap.js";
import { onThemeChange } from "./theme.js";

/** Scale below which feature maps are specks, and are not fetched. */
const SPECKS = 0.2;
const INPUT = { width: 64, height: 44 };

/**
 * @typedef {object} MapHandlers
 * @property {(layer: string) => void} onOpen
 * @property {() => void} onScreenChange
 * @property {(unfolded: string[] | null) => void} onFold  null: as the map opens
 */

export class NetworkMap {
  #handlers;
  #frame = html("div", { class: "map-frame", role: "group", "aria-label": "Map of the network" });
  #world = html("div", { class: "map-world" });
  #wires = svg("svg", { class: "map-wires", "aria-hidden": "true" });
  #groups = html("div", { class: "map-groups" });
  #list = html("ol", { class: "map-items", "aria-label": "Layers of the network, in order" });
  #busy = html("p", { class: "map-busy", role: "status", hidden: true });
  #camera;
  #minimap;
  #search;
  #worker = new Worker("/static/js/workers/map_layout.js", { type: "module" });
  /** @type {LayerNode[]} */
  #nodes = [];
  /** @type {Group} */
  #tree = groupTree([]);
  /** @type {Set<string>} */
  #unfolded = new Set();
  /** @type {MapTile[]} */
  #tiles = [];
  /** @type {Connection[]} */
  #connections = [];
  /** @type {Map<string, SVGPathElement[]>} wires by the items that they touch */
  #wiresOf = new Map();
  /** @type {Map<string, LayerMaps>} */
  #maps = new Map();
  /** @type {RangeMode} */
  #mode = "layer";
  /** @type {string | null} */
  #open = null;
  /** @type {Set<string>} */
  #found = new Set();
  /** @type {LayoutAnswer | null} */
  #layout = null;
  #request = 0;
  #wait = 0;
  /** @type {(() => void) | null} what to do when the map is laid out */
  #then = null;
  #resize;
  #forgetTheme;

  /**
   * @param {HTMLElement} frame
   * @param {MapHandlers} handlers
   */
  constructor(frame, handlers) {
    this.#handlers = handlers;
    this.#world.append(this.#groups, this.#wires, this.#list);
    this.#camera = new MapCamera(this.#frame, this.#world, (view) => this.#viewed(view));
    this.#minimap = new Minimap((place) => this.#camera.centre(place));
    this.#search = new MapSearch(
      (layers) => this.#mark(layers),
      (layer) => this.focus(layer, false),
    );
    this.#frame.append(this.#world, this.#busy);
    frame.classList.add("map");
    frame.append(html("div", { class: "map-bar" }, this.#search.element, this.#tools()), this.#frame, this.#minimap.element);
    this.#worker.addEventListener("message", (event) => this.#laidOut(event.data));
    this.#resize = new ResizeObserver(() => this.#resized());
    this.#resize.observe(this.#frame);
    this.#forgetTheme = onThemeChange(() => {
      for (const tile of this.#tiles) tile.repaint();
      this.#viewed(this.#camera.view);
    });
    this.#list.addEventListener("keydown", (event) => this.#keyed(event));
    this.#list.addEventListener("focusin", (event) => this.#light(event.target));
    this.#list.addEventListener("focusout", () => this.#light(null));
    this.#list.addEventListener("pointerover", (event) => this.#light(event.target));
    this.#list.addEventListener("pointerout", () => this.#light(document.activeElement));
  }

  #tools() {
    /** @param {string} label @param {string} path @param {() => void} act */
    const tool = (label, path, act) => html("button", { type: "button", class: "icon-button", "aria-label": label, title: label, onclick: act }, icon(path));
    return html(
      "div",
      { class: "map-tools", role: "toolbar", "aria-label": "Map" },
      tool("Zoom out (−)", "M5 12h14", () => this.#camera.zoom(-1)),
      tool("Zoom in (+)", "M5 12h14M12 5v14", () => this.#camera.zoom(1)),
      tool("The whole network (0)", "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5", () => this.#camera.fit()),
      tool("Unfold every module", "M7 9l5-5 5 5M7 15l5 5 5-5", () => this.#fold(groupsIn(this.#tree).map(({ id }) => id))),
      tool("Fold every module", "M7 4l5 5 5-5M7 20l5-5 5 5", () => this.#fold([])),
    );
  }

  /** @param {LayerNode[]} nodes  of the network, in order of execution */
  setLayers(nodes) {
    this.#nodes = nodes;
    this.#tree = groupTree(nodes);
    this.#unfolded = unfoldedAtFirst(this.#tree);
    this.#search.setNodes(nodes);
    this.#arrange(() => this.#camera.open());
  }

  /** @param {string[] | null} ids  of the groups that are unfolded; null: as the map opens */
  setUnfolded(ids) {
    const wanted = ids === null ? unfoldedAtFirst(this.#tree) : new Set(groupsIn(this.#tree).map(({ id }) => id).filter((id) => ids.includes(id)));
    if (wanted.size === this.#unfolded.size && [...wanted].every((id) => this.#unfolded.has(id))) return;
    this.#unfolded = wanted;
    this.#arrange(null);
  }

  /** Names of the layers whose maps are on the screen. */
  get onScreen() {
    return this.#tiles.filter((tile) => tile.onScreen).map((tile) => tile.layer);
  }

  /** @param {Map<string, LayerMaps>} maps */
  update(maps) {
    for (const [name, layer] of maps) this.#maps.set(name, layer);
    for (const tile of this.#tiles) {
      const layer = maps.get(tile.layer);
      if (layer) tile.update(layer);
    }
  }

  clear() {
    this.#maps.clear();
    for (const tile of this.#tiles) tile.update(null);
  }

  /** @param {RangeMode} mode */
  setMode(mode) {
    this.#mode = mode;
    for (const tile of this.#tiles) tile.setMode(mode);
  }

  /** @param {string | null} name */
  setOpen(name) {
    this.#open = name;
    const index = this.#nodes.findIndex((node) => node.name === name);
    const around = index < 0 ? [] : groupsAround(this.#tree, index).filter((id) => !this.#unfolded.has(id));
    if (around.length > 0) {
      this.#fold([...this.#unfolded, ...around], () => this.#showOpen());
      return;
    }
    this.#showOpen();
  }

  #showOpen() {
    const open = this.#tiles.find((tile) => !tile.item.group && tile.layer === this.#open);
    const inputs = new Set(this.#connections.filter(({ to }) => to === open?.item.id).map(({ from }) => from));
    for (const tile of this.#tiles) tile.setOpen(tile === open, inputs.has(tile.item.id));
    if (open?.box) this.#camera.bring(open.box);
    this.#viewed(this.#camera.view);
  }

  /** @param {string} name @param {boolean} [take]  whether to move the keyboard's focus there */
  focus(name, take = true) {
    const index = this.#nodes.findIndex((node) => node.name === name);
    const around = index < 0 ? [] : groupsAround(this.#tree, index);
    const go = () => {
      const tile = this.#tiles.find(({ item }) => item.id === name);
      if (!tile?.box) return;
      this.#camera.bring(tile.box);
      if (take) this.#focusOn(tile);
      else this.#light(tile.button);
    };
    if (around.every((id) => this.#unfolded.has(id))) go();
    else this.#fold([...this.#unfolded, ...around], go);
  }

  focusFirst() {
    const tile = this.#tiles.find(({ layer }) => layer === this.#open) ?? this.#tiles[0];
    if (tile) this.#focusOn(tile);
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
    /** @type {Map<string, number>} */
    const calls = new Map();
    for (const node of this.#nodes) if (isModule(node)) calls.set(node.module_path, (calls.get(node.module_path) ?? 0) + 1);
    const kept = new Map(this.#tiles.map((tile) => [tile.item.id, tile]));
    this.#tiles = items.map((item) => {
      const same = kept.get(item.id);
      if (same && same.item.within.join() === item.within.join()) {
        kept.delete(item.id);
        return same;
      }
      const twins = !item.group && isModule(item.node) ? (calls.get(item.node.module_path) ?? 1) - 1 : 0;
      const tile = new MapTile(item, twins, { onOpen: this.#handlers.onOpen, onUnfold: (id) => this.#unfold(id) });
      tile.setMode(this.#mode);
      tile.update(this.#maps.get(tile.layer) ?? null);
      return tile;
    });
    for (const tile of kept.values()) tile.destroy();
    this.#connections = connections;
    // A request that was not answered yet is not needed any more, but what waited for it is.
    const before = this.#then;
    this.#then = () => {
      before?.();
      then?.();
    };
    this.#request += 1;
    clearTimeout(this.#wait);
    this.#wait = window.setTimeout(() => {
      this.#busy.textContent = `Laying out ${plural(items.length, "item")} …`;
      this.#busy.hidden = false;
    }, 400);
    const inputs = [...new Set(connections.map(({ from }) => from))].filter((from) => !items.some(({ id }) => id === from));
    /** @type {LayoutRequest} */
    const request = {
      id: this.#request,
      items: [
        ...inputs.map((id) => ({ id, ...INPUT, parent: null })),
        ...items.map((item) => ({ id: item.id, ...sizeOf(item), parent: item.within.at(-1) ?? null })),
      ],
      groups: this.#frames(),
      connections,
    };
    this.#worker.postMessage(request);
  }

  /** The unfolded groups that hold items, outer ones before inner ones, each with the one around it. */
  #frames() {
    /** @type {Map<string, string | null>} */
    const parents = new Map();
    for (const { item } of this.#tiles) item.within.forEach((id, depth) => parents.set(id, item.within[depth - 1] ?? null));
    return [...parents].map(([id, parent]) => ({ id, parent }));
  }

  /** @param {LayoutAnswer} layout */
  #laidOut(layout) {
    if (layout.id !== this.#request) return;
    clearTimeout(this.#wait);
    this.#busy.hidden = true;
    this.#layout = layout;
    this.#list.replaceChildren(...this.#tiles.map(({ element }) => element));
    for (const tile of this.#tiles) {
      const box = layout.items.get(tile.item.id);
      if (box) tile.place(box);
    }
    [this.#world.style.width, this.#world.style.height] = [`${layout.width}px`, `${layout.height}px`];
    this.#drawFrames(layout);
    this.#drawWires(layout);
    this.#camera.setMap(layout);
    this.#minimap.setLayout(layout);
    if (!this.#tiles.some(({ button }) => button.tabIndex === 0) && this.#tiles[0]) this.#tiles[0].button.tabIndex = 0;
    this.#mark([...this.#found]);
    const then = this.#then;
    this.#then = null;
    then?.();
    if (this.#open !== null) this.#showOpen();
    this.#viewed(this.#camera.view);
  }

  /** @param {LayoutAnswer} layout */
  #drawFrames(layout) {
    const inputs = [...layout.items].filter(([id]) => !this.#tiles.some(({ item }) => item.id === id));
    this.#groups.replaceChildren(
      ...[...layout.groups].map(([id, box]) => {
        const fold = () => this.#fold([...this.#unfolded].filter((other) => other !== id), () => this.#focusGroup(id));
        const label = html("button", { type: "button", class: "map-fold", title: `Fold ${id}`, tabindex: -1, onclick: fold }, id);
        return placed(html("div", { class: "map-group" }, label), box);
      }),
      ...inputs.map(([id, box]) => placed(html("div", { class: "map-input" }, id), box)),
    );
  }

  /** @param {LayoutAnswer} layout */
  #drawWires(layout) {
    this.#wiresOf.clear();
    this.#wires.setAttribute("width", String(layout.width));
    this.#wires.setAttribute("height", String(layout.height));
    this.#wires.replaceChildren(
      ...layout.connections.map(({ from, to, points }) => {
        const path = svg("path", { d: smoothPath(points), "data-from": from, "data-to": to });
        for (const id of [from, to]) this.#wiresOf.set(id, [...(this.#wiresOf.get(id) ?? []), path]);
        return path;
      }),
    );
  }

  /** @param {string} id */
  #unfold(id) {
    this.#fold([...this.#unfolded, id], () => {
      const first = this.#tiles.find(({ item }) => item.within.includes(id));
      const frame = this.#layout?.groups.get(id);
      if (frame) this.#camera.bring(frame);
      if (first) this.#focusOn(first);
    });
  }

  /** @param {string} id */
  #focusGroup(id) {
    const tile = this.#tiles.find(({ item }) => item.id === id);
    if (!tile) return;
    this.#focusOn(tile);
    if (tile.box) this.#camera.bring(tile.box);
  }

  /** @param {MapTile} tile */
  #focusOn(tile) {
    for (const other of this.#tiles) other.button.tabIndex = other === tile ? 0 : -1;
    tile.button.focus({ preventScroll: true });
    if (tile.box) this.#camera.bring(tile.box);
  }

  /** Light what feeds an item and what it feeds. @param {EventTarget | null} target */
  #light(target) {
    const element = target instanceof Element ? target.closest(".map-item") : null;
    const tile = this.#tiles.find((candidate) => candidate.element === element);
    for (const path of this.#wires.querySelectorAll("[data-lit]")) path.removeAttribute("data-lit");
    for (const lit of this.#list.querySelectorAll("[data-lit]")) lit.removeAttribute("data-lit");
    if (!tile) return;
    const { id, node } = tile.item;
    for (const path of this.#wiresOf.get(id) ?? []) {
      const way = path.dataset.to === id ? "in" : "out";
      path.dataset.lit = way;
      const other = this.#tiles.find(({ item }) => item.id === (way === "in" ? path.dataset.from : path.dataset.to));
      if (other) other.element.dataset.lit = way;
    }
    if (tile.item.group || !isModule(node)) return;
    for (const other of this.#tiles) {
      const twin = other !== tile && !other.item.group && isModule(other.item.node) && other.item.node.module_path === node.module_path;
      if (twin) other.element.dataset.lit = "shared";
    }
  }

  /** @param {string[]} layers  that were looked for */
  #mark(layers) {
    this.#found = new Set(layers);
    for (const { element, item } of this.#tiles) {
      const { group } = item;
      const found = group ? this.#nodes.slice(group.first, group.last).some(({ name }) => this.#found.has(name)) : this.#found.has(item.node.name);
      element.toggleAttribute("data-found", found);
    }
    this.#viewed(this.#camera.view);
  }

  /** The view has changed. @param {MapView} view */
  #viewed(view) {
    if (!this.#layout) return;
    const seen = visiblePart(view, this.#camera.size);
    let appeared = false;
    for (const tile of this.#tiles) {
      const onScreen = view.scale >= SPECKS && tile.box !== null && overlap(tile.box, seen);
      appeared ||= onScreen && !tile.onScreen;
      tile.setOnScreen(onScreen);
    }
    this.#frame.toggleAttribute("data-far", view.scale < 0.45);
    const lit = this.#tiles.filter(({ item, element }) => element.hasAttribute("data-found") || (this.#open !== null && item.id === this.#open));
    this.#minimap.show(view, this.#camera.size, new Set(lit.map(({ item }) => item.id)));
    if (appeared) this.#handlers.onScreenChange();
  }

  #resized() {
    const open = this.#open === null ? undefined : this.#tiles.find(({ item }) => item.id === this.#open);
    if (open?.box) this.#camera.bring(open.box, false);
    else if (this.#layout) this.#camera.open();
    this.#viewed(this.#camera.view);
  }

  /** @param {KeyboardEvent} event */
  #keyed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const tile = this.#tiles.find(({ button }) => button === document.activeElement);
    if (!tile) return;
    const { id } = tile.item;
    const place = this.#tiles.indexOf(tile);
    /** @param {string | undefined} item */
    const named = (item) => this.#tiles.find((other) => other.item.id === item);
    /** @type {Record<string, () => MapTile | undefined>} */
    const moves = {
      ArrowRight: () => named(this.#connections.find(({ from }) => from === id)?.to) ?? this.#tiles[place + 1],
      ArrowLeft: () => named(this.#connections.find(({ to, from }) => to === id && named(from))?.from) ?? this.#tiles[place - 1],
      ArrowDown: () => this.#beside(tile, 1),
      ArrowUp: () => this.#beside(tile, -1),
      Home: () => this.#tiles[0],
      End: () => this.#tiles.at(-1),
    };
    const move = moves[event.key];
    if (move) {
      const next = move();
      if (next) this.#focusOn(next);
    } else if (event.key === "+" || event.key === "=") this.#camera.zoom(1);
    else if (event.key === "-") this.#camera.zoom(-1);
    else if (event.key === "0") this.#camera.fit();
    else if (event.key === "Backspace" && tile.item.within.length > 0) {
      const around = tile.item.within.at(-1) ?? "";
      this.#fold([...this.#unfolded].filter((other) => other !== around), () => this.#focusGroup(around));
    } else if (event.key === "/") this.#search.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** The nearest item above (-1) or below (1). @param {MapTile} tile @param {number} direction */
  #beside(tile, direction) {
    const from = middle(tile);
    const others = this.#tiles
      .filter((other) => other !== tile && Math.sign(Math.round(middle(other).y - from.y)) === direction)
      .map((other) => ({ other, far: Math.abs(middle(other).y - from.y) + 2 * Math.abs(middle(other).x - from.x) }));
    others.sort((one, another) => one.far - another.far);
    return others[0]?.other;
  }

  destroy() {
    clearTimeout(this.#wait);
    for (const tile of this.#tiles) tile.destroy();
    this.#worker.terminate();
    this.#resize.disconnect();
    this.#forgetTheme();
    this.#camera.destroy();
    this.#minimap.destroy();
    this.#frame.remove();
  }
}

/**
 * @template {HTMLElement} Type
 * @param {Type} element
 * @param {import("../core/map_view.js").MapBox} box
 */
function placed(element, { x, y, width, height }) {
  [element.style.left, element.style.top, element.style.width, element.style.height] = [`${x}px`, `${y}px`, `${width}px`, `${height}px`];
  return element;
}

/** Whether it is a module's call, and not an operation within one. @param {LayerNode} node */
function isModule({ name, module_path: path }) {
  return name.replace(/@\d+$/, "") === path;
}

/** @param {MapTile} tile */
function middle({ box }) {
  return box ? { x: box.x + box.width / 2, y: box.y + box.height / 2 } : { x: 0, y: 0 };
}
