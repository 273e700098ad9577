/** One item of the map: an operation with its feature maps, or a folded group with what it gives. @import {LayerMaps, RangeMode} from "../core/types.js" */
/** @import {MapItem} from "../core/fold.js" @import {MapBox} from "../core/map_view.js" */
import { isVector, joinOf } from "../core/graph.js";
import { plural } from "../core/numbers.js";
import { html } from "./dom.js";
import { LayerTile } from "./layer_tile.js";

/** Size of an item in the map's units. */
const SIZE = { width: 148, height: 164 };
/** Of one that gives a vector. */
const VECTOR_SIZE = { width: 148, height: 92 };

/** @param {MapItem} item */
export function sizeOf(item) {
  return isVector(item.node.shape) ? VECTOR_SIZE : SIZE;
}

export class MapTile {
  #tile;
  /** @type {MapBox | null} */
  box = null;

  /**
   * @param {MapItem} item
   * @param {{twins: number, run: number}} sharing  other runs of the same module, and which this one is
   * @param {{onOpen: (layer: string) => void, onUnfold: (id: string) => void}} handlers
   */
  constructor(item, { twins, run }, { onOpen, onUnfold }) {
    this.item = item;
    const group = item.group;
    const within = item.within.at(-1)?.replace(/#\d+$/, "") ?? "";
    const label = group ? { name: nameOf(group.path, within), kind: plural(item.layers, "layer") } : undefined;
    this.#tile = new LayerTile(item.node, within, false, () => (group ? onUnfold(group.id) : onOpen(item.node.name)), label);
    const { element, button } = this.#tile;
    element.classList.add("map-item");
    element.dataset.item = item.id;
    element.toggleAttribute("data-group", group !== null);
    button.tabIndex = -1;
    if (group) button.append(html("span", { class: "visually-hidden" }, ", folded; Enter unfolds it"));
    const join = group || item.node.inputs.length < 2 ? null : joinOf(item.node.kind);
    if (join) element.append(html("span", { class: "map-join", "data-word": join.sign.length > 1, "aria-hidden": "true", title: join.words }, join.sign));
    if (twins > 0) element.append(html("span", { class: "map-shared", title: "This module runs more than once, with the same parameters." }, `shared, run ${run + 1} of ${twins + 1}`));
  }

  get element() {
    return this.#tile.element;
  }

  get button() {
    return this.#tile.button;
  }

  /** The operation whose maps it shows. */
  get layer() {
    return this.item.node.name;
  }

  /** @param {MapBox} box */
  place(box) {
    this.box = box;
    const { style } = this.element;
    [style.left, style.top, style.width, style.height] = [`${box.x}px`, `${box.y}px`, `${box.width}px`, `${box.height}px`];
  }

  get onScreen() {
    return this.#tile.onScreen;
  }

  /** @param {boolean} onScreen */
  setOnScreen(onScreen) {
    if (onScreen !== this.#tile.onScreen) this.#tile.setOnScreen(onScreen);
  }

  /** @param {LayerMaps | null} maps */
  update(maps) {
    this.#tile.update(maps);
  }

  /** @param {RangeMode} mode */
  setMode(mode) {
    this.#tile.setMode(mode);
  }

  repaint() {
    this.#tile.repaint();
  }

  /** @param {boolean} open @param {boolean} feeds  it is an input of the open layer */
  setOpen(open, feeds) {
    this.#tile.setOpen(open, feeds);
  }

  destroy() {
    this.#tile.destroy();
  }
}

/** @param {string} path @param {string} within */
function nameOf(path, within) {
  return within && path.startsWith(`${within}.`) ? path.slice(within.length + 1) : path;
}
