/** The whole map in small, with a frame around what is seen. @import {LayoutAnswer, MapView} from "../core/map_view.js" */
import { visiblePart } from "../core/map_view.js";
import { context2d, html } from "./dom.js";

const WIDTH = 220;
const HIGHEST = 96;

export class Minimap {
  #onPlace;
  /** @type {LayoutAnswer | null} */
  #layout = null;
  #stop = new AbortController();

  /** @param {(place: {x: number, y: number}) => void} onPlace  a place of the map was pointed at */
  constructor(onPlace) {
    this.#onPlace = onPlace;
    // Everything that it does the keys do too; a screen reader has the list of layers.
    this.element = html("canvas", { class: "map-mini", "aria-hidden": "true", title: "The whole network: click or drag to go there" });
    const signal = this.#stop.signal;
    this.element.addEventListener("pointerdown", (event) => this.#pointed(event, true), { signal });
    this.element.addEventListener("pointermove", (event) => this.#pointed(event, false), { signal });
  }

  /** @param {LayoutAnswer} layout */
  setLayout(layout) {
    this.#layout = layout;
    const height = Math.max(10, Math.min(HIGHEST, (WIDTH * layout.height) / Math.max(layout.width, 1)));
    const { style } = this.element;
    [style.width, style.height] = [`${WIDTH}px`, `${height}px`];
    [this.element.width, this.element.height] = [Math.round(WIDTH * devicePixelRatio), Math.round(height * devicePixelRatio)];
  }

  get #scale() {
    const layout = this.#layout;
    if (!layout) return { x: 1, y: 1 };
    // A strip many times as long as it is high would be a line: its height is stretched.
    return { x: this.element.width / Math.max(layout.width, 1), y: this.element.height / Math.max(layout.height, 1) };
  }

  /** @param {MapView} view @param {{width: number, height: number}} frame @param {Set<string>} lit  items to show strongly */
  show(view, frame, lit) {
    const layout = this.#layout;
    if (!layout) return;
    const seen = visiblePart(view, frame);
    const whole = seen.x <= 0 && seen.y <= 0 && seen.x + seen.width >= layout.width && seen.y + seen.height >= layout.height;
    this.element.hidden = whole;
    if (whole) return;
    const context = context2d(this.element);
    const colours = getComputedStyle(this.element);
    const { x: across, y: down } = this.#scale;
    context.clearRect(0, 0, this.element.width, this.element.height);
    context.fillStyle = colours.color;
    for (const [id, { x, y, width, height }] of layout.items) {
      if (!lit.has(id)) context.fillRect(x * across, y * down, Math.max(1, width * across), Math.max(1, height * down));
    }
    context.fillStyle = colours.outlineColor;
    for (const id of lit) {
      const box = layout.items.get(id);
      if (box) context.fillRect(box.x * across, box.y * down, Math.max(2, box.width * across), Math.max(2, box.height * down));
    }
    context.strokeStyle = colours.outlineColor;
    context.lineWidth = 2 * devicePixelRatio;
    const left = Math.max(0, seen.x) * across;
    const top = Math.max(0, seen.y) * down;
    const right = Math.min(layout.width, seen.x + seen.width) * across;
    const bottom = Math.min(layout.height, seen.y + seen.height) * down;
    context.strokeRect(left, top, Math.max(2, right - left), Math.max(2, bottom - top));
  }

  /** @param {PointerEvent} event @param {boolean} down */
  #pointed(event, down) {
    if (down) this.element.setPointerCapture(event.pointerId);
    if (!this.element.hasPointerCapture(event.pointerId)) return;
    event.stopPropagation();
    const box = this.element.getBoundingClientRect();
    const { x, y } = this.#scale;
    this.#onPlace({ x: ((event.clientX - box.left) * devicePixelRatio) / x, y: ((event.clientY - box.top) * devicePixelRatio) / y });
  }

  destroy() {
    this.#stop.abort();
    this.element.remove();
  }
}
