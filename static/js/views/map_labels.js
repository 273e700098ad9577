/**
 * Names of the unfolded modules, as large on the screen whatever the scale, and in sight as long as
 * any of their module is: a click folds it.
 *
 * @import {LayoutAnswer, MapView} from "../core/map_view.js"
 */
import { FRAME } from "../core/map_layout.js";
import { overlap, visiblePart } from "../core/map_view.js";
import { html } from "./dom.js";
import { onScreen } from "./map_scene.js";

/** Height of a label, and width of one of its characters, about, as shares of the text's size. */
const HEIGHT = 1.25;
const CHARACTER = 0.42;
const MOST = 60;

export class MapLabels {
  element = html("div", { class: "map-labels" });
  #onFold;
  /** @type {Map<string, HTMLButtonElement>} */
  #labels = new Map();
  /** @type {LayoutAnswer | null} */
  #layout = null;
  /** Size of the text, in pixels. */
  #text = 16;

  /** @param {(id: string) => void} onFold */
  constructor(onFold) {
    this.#onFold = onFold;
  }

  /** @param {LayoutAnswer} layout */
  setLayout(layout) {
    this.#layout = layout;
    this.#text = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
  }

  /** @param {MapView} view @param {{width: number, height: number}} size */
  show(view, size) {
    const seen = visiblePart(view, size);
    const high = HEIGHT * this.#text;
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
      const width = Math.ceil((id.length * CHARACTER + 1.5) * this.#text);
      if (right - left < width) continue;
      // Within the frame's upper edge where there is room for it, else over it.
      const room = FRAME.top * view.scale;
      const y = room >= high ? frame.y + (room - high) / 2 : frame.y - high + 2;
      const place = { x: left, y, width, height: high };
      if (y < -high || y > size.height || taken.some((other) => overlap(other, place))) continue;
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
