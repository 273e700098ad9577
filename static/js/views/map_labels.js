/**
 * Names of the unfolded modules, as large on the screen whatever the scale, and in sight as long as
 * any of their module is: a click folds it.
 *
 * @import {LayoutAnswer, MapView} from "../core/map_view.js"
 */
import { overlap, visiblePart } from "../core/map_view.js";
import { html } from "./dom.js";
import { onScreen } from "./map_scene.js";

const HEIGHT = 20;
/** Width of a character, about, in pixels. */
const CHARACTER = 6.6;
const MOST = 60;

export class MapLabels {
  element = html("div", { class: "map-labels" });
  #onFold;
  /** @type {Map<string, HTMLButtonElement>} */
  #labels = new Map();
  /** @type {LayoutAnswer | null} */
  #layout = null;

  /** @param {(id: string) => void} onFold */
  constructor(onFold) {
    this.#onFold = onFold;
  }

  /** @param {LayoutAnswer} layout */
  setLayout(layout) {
    this.#layout = layout;
  }

  /** @param {MapView} view @param {{width: number, height: number}} size */
  show(view, size) {
    const seen = visiblePart(view, size);
    /** @type {{x: number, y: number, width: number, height: number}[]} */
    const taken = [];
    /** @type {Set<string>} */
    const shown = new Set();
    // Outer modules come first, and so have the first choice of a place.
    for (const [id, box] of this.#layout?.groups ?? []) {
      if (taken.length >= MOST) break;
      if (!overlap(box, seen)) continue;
      const frame = onScreen(box, view);
      const left = Math.max(frame.x, 0) + 2;
      const right = Math.min(frame.x + frame.width, size.width);
      const width = Math.ceil(id.length * CHARACTER) + 24;
      if (right - left < width) continue;
      // Within the frame's upper edge where there is room for it, else over it.
      const y = view.scale > 0.55 ? frame.y + 3 : frame.y - HEIGHT + 2;
      const place = { x: left, y, width, height: HEIGHT };
      if (y < -HEIGHT || y > size.height || taken.some((other) => overlap(other, place))) continue;
      taken.push(place);
      shown.add(id);
      this.#label(id).style.transform = `translate(${Math.round(left)}px, ${Math.round(y)}px)`;
    }
    for (const [id, label] of this.#labels) {
      if (shown.has(id)) continue;
      label.remove();
      this.#labels.delete(id);
    }
  }

  /** @param {string} id */
  #label(id) {
    const known = this.#labels.get(id);
    if (known) return known;
    const label = html("button", { type: "button", class: "map-fold", title: `Fold ${id}`, tabindex: -1, onclick: () => this.#onFold(id) }, id);
    this.#labels.set(id, label);
    this.element.append(label);
    return label;
  }
}
