/** Moves a map under its frame: drag, wheel, pinch and keys. @import {MapBox, MapView} from "../core/map_view.js" */
import { bringing, fitting, opening, zoomed } from "../core/map_view.js";
import { forgetFrame, inNextFrame } from "./frame.js";

/** Pixels that a pointer may move and still click. */
const STILL = 5;
const STEP = 1.25;

export class MapCamera {
  #frame;
  #world;
  #onMove;
  /** @type {MapView} */
  #view = { scale: 1, x: 0, y: 0 };
  #map = { width: 0, height: 0 };
  /** @type {Map<number, {x: number, y: number}>} */
  #pointers = new Map();
  #dragged = false;
  #stop = new AbortController();

  /**
   * @param {HTMLElement} frame
   * @param {HTMLElement} world  what is moved; its units are the map's
   * @param {(view: MapView) => void} onMove
   */
  constructor(frame, world, onMove) {
    this.#frame = frame;
    this.#world = world;
    this.#onMove = onMove;
    const signal = this.#stop.signal;
    frame.addEventListener("wheel", (event) => this.#wheeled(event), { passive: false, signal });
    frame.addEventListener("pointerdown", (event) => this.#pressed(event), { signal });
    frame.addEventListener("pointermove", (event) => this.#moved(event), { signal });
    for (const type of /** @type {const} */ (["pointerup", "pointercancel", "pointerleave"])) {
      frame.addEventListener(type, (event) => this.#released(event), { signal });
    }
    // What was dragged was not clicked.
    frame.addEventListener("click", (event) => this.#dragged && event.stopPropagation(), { capture: true, signal });
  }

  get view() {
    return this.#view;
  }

  get size() {
    return { width: this.#frame.clientWidth, height: this.#frame.clientHeight };
  }

  /** @param {{width: number, height: number}} map */
  setMap(map) {
    this.#map = map;
  }

  /** The view that the map opens with. */
  open() {
    this.show(opening(this.#map, this.size));
  }

  /** The whole map. */
  fit() {
    this.show(fitting({ x: 0, y: 0, ...this.#map }, this.size), true);
  }

  /** @param {number} direction  1: nearer, -1: farther */
  zoom(direction) {
    const { width, height } = this.size;
    this.show(zoomed(this.#view, STEP ** direction, { x: width / 2, y: height / 2 }), true);
  }

  /** Bring a part into the frame, if it is not in it. @param {MapBox} part @param {boolean} [smoothly] */
  bring(part, smoothly = true) {
    this.show(bringing(this.#view, part, this.size), smoothly);
  }

  /** Put a place of the map into the middle. @param {{x: number, y: number}} place */
  centre({ x, y }) {
    const { width, height } = this.size;
    const { scale } = this.#view;
    this.show({ scale, x: width / 2 - x * scale, y: height / 2 - y * scale });
  }

  /** @param {MapView} view @param {boolean} [smoothly] */
  show(view, smoothly = false) {
    this.#view = view;
    this.#world.toggleAttribute("data-gliding", smoothly);
    inNextFrame(this, () => this.#apply());
  }

  #apply() {
    const { scale, x, y } = this.#view;
    this.#world.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
    this.#onMove(this.#view);
  }

  /** @param {WheelEvent} event */
  #wheeled(event) {
    event.preventDefault();
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 18 : 1;
    if (event.ctrlKey || event.metaKey || (event.deltaX === 0 && !event.shiftKey)) {
      const factor = Math.exp((-event.deltaY * unit) / (event.ctrlKey ? 120 : 400));
      this.show(zoomed(this.#view, factor, this.#inFrame(event)));
      return;
    }
    const across = event.shiftKey && event.deltaX === 0;
    this.#pan((across ? event.deltaY : event.deltaX) * -unit, across ? 0 : event.deltaY * -unit);
  }

  /** @param {PointerEvent} event */
  #pressed(event) {
    if (event.button !== 0) return;
    this.#pointers.set(event.pointerId, this.#inFrame(event));
    if (this.#pointers.size === 1) this.#dragged = false;
  }

  /** @param {PointerEvent} event */
  #moved(event) {
    const before = this.#pointers.get(event.pointerId);
    if (!before) return;
    const now = this.#inFrame(event);
    if (!this.#dragged && Math.hypot(now.x - before.x, now.y - before.y) < STILL) return;
    if (!this.#dragged) {
      this.#dragged = true;
      this.#frame.setPointerCapture(event.pointerId);
      this.#frame.toggleAttribute("data-dragging", true);
    }
    const others = [...this.#pointers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
    this.#pointers.set(event.pointerId, now);
    const other = others[0];
    if (other) {
      const apart = Math.hypot(now.x - other.x, now.y - other.y) / Math.max(1, Math.hypot(before.x - other.x, before.y - other.y));
      this.show(zoomed(this.#view, apart, { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 }));
    }
    const share = others.length > 0 ? 0.5 : 1;
    this.#pan((now.x - before.x) * share, (now.y - before.y) * share);
  }

  /** @param {PointerEvent} event */
  #released(event) {
    this.#pointers.delete(event.pointerId);
    if (this.#pointers.size > 0) return;
    this.#frame.toggleAttribute("data-dragging", false);
    // The click of this release, which comes next, is not one; those after it are.
    setTimeout(() => (this.#dragged = this.#pointers.size > 0 && this.#dragged));
  }

  /** @param {number} x @param {number} y */
  #pan(x, y) {
    this.show({ scale: this.#view.scale, x: this.#view.x + x, y: this.#view.y + y });
  }

  /** @param {MouseEvent} event */
  #inFrame(event) {
    const box = this.#frame.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  destroy() {
    this.#stop.abort();
    forgetFrame(this);
  }
}
