/** Moves a map under its frame: drag, wheel, pinch and keys. @import {MapBox, MapView} from "../core/map_view.js" */
import { between, bringing, cameraOf, fitting, opening, smallestScale, viewOf, zoomed } from "../core/map_view.js";

/** Pixels that a pointer may move and still click. */
const STILL = 5;
const STEP = 1.25;
/** How far a key pans, as a share of the frame. */
const PAN_STEP = 0.15;
/** Milliseconds of a glide. */
const GLIDE = 260;

export class MapCamera {
  #frame;
  #handlers;
  /** @type {MapView} */
  #view = { scale: 1, x: 0, y: 0 };
  /** Where a glide ends. @type {MapView} */
  #target = this.#view;
  /** @type {{from: MapView, began: number} | null} */
  #glide = null;
  #map = { width: 0, height: 0 };
  /** Measured when it changes: asking the page in every frame would lay it out anew. */
  #size = { width: 0, height: 0 };
  /** It shows what the map opens with, and goes on to when its frame changes. */
  #opened = true;
  /** @type {Map<number, {x: number, y: number}>} */
  #pointers = new Map();
  #dragged = false;
  #scheduled = 0;
  #stop = new AbortController();

  /**
   * @param {HTMLElement} frame
   * @param {{onView: (view: MapView) => void, onCamera: (camera: MapView | null) => void}} handlers
   *   onView: in every frame of a move; onCamera: where it goes, null for where the map opens
   */
  constructor(frame, handlers) {
    this.#frame = frame;
    this.#handlers = handlers;
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
    return this.#size;
  }

  get dragging() {
    return this.#dragged && this.#pointers.size > 0;
  }

  /** @param {{width: number, height: number}} map */
  setMap(map) {
    this.#map = map;
  }

  /** The frame has another size: the middle stays where it is. @param {{width: number, height: number}} size */
  setSize(size) {
    const camera = this.#size.width > 0 ? cameraOf(this.#target, this.#size) : null;
    this.#size = size;
    if (this.#opened || !camera) this.reopen();
    else this.#show(viewOf(camera, size), false);
  }

  /** The view that the map opens with. */
  open() {
    this.reopen();
    this.#handlers.onCamera(null);
  }

  /** The same, where that is what the address says already. */
  reopen() {
    this.#opened = true;
    this.#show(opening(this.#map, this.#size, textSize()), false);
  }

  /** A view from an address. @param {MapView} camera */
  look(camera) {
    this.#opened = false;
    this.#show(viewOf({ ...camera, scale: Math.max(camera.scale, this.#smallest) }, this.#size), false);
  }

  /** The whole map. */
  fit() {
    this.show(fitting({ x: 0, y: 0, ...this.#map }, this.#size, { largest: 1.2 * textSize() }), true);
  }

  /** @param {number} direction  1: nearer, -1: farther */
  zoom(direction) {
    const { width, height } = this.#size;
    this.show(zoomed(this.#target, STEP ** direction, { x: width / 2, y: height / 2 }, this.#smallest), true);
  }

  /** By a step of the keys. @param {number} across  1: to the right @param {number} down */
  pan(across, down) {
    const { scale, x, y } = this.#target;
    this.show({ scale, x: x - across * PAN_STEP * this.#size.width, y: y - down * PAN_STEP * this.#size.height }, true);
  }

  /** Bring a part into the frame, if it is not in it. @param {MapBox} part @param {boolean} [smoothly] */
  bring(part, smoothly = true) {
    const view = bringing(this.#target, part, this.#size);
    if (view.x !== this.#target.x || view.y !== this.#target.y) this.show(view, smoothly);
  }

  /** Go so near to a part that it can be read. @param {MapBox} part */
  approach(part) {
    const wide = { x: part.x - part.width, y: part.y - part.height / 2, width: 3 * part.width, height: 2 * part.height };
    this.show(fitting(wide, this.#size, { largest: 0.9 * textSize() }), true);
  }

  /** Put a place of the map into the middle. @param {{x: number, y: number}} place */
  centre({ x, y }) {
    this.show(viewOf({ scale: this.#target.scale, x, y }, this.#size));
  }

  /** @param {MapView} view @param {boolean} [smoothly] */
  show(view, smoothly = false) {
    this.#opened = false;
    this.#show(view, smoothly);
    this.#handlers.onCamera(cameraOf(view, this.#size));
  }

  /** @param {MapView} view @param {boolean} smoothly */
  #show(view, smoothly) {
    const still = !smoothly || matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.#glide = still ? null : { from: this.#view, began: performance.now() };
    this.#target = view;
    this.#inNextFrame();
  }

  /** Not behind the pictures that wait to be painted: what is moved follows the hand. */
  #inNextFrame() {
    this.#scheduled ||= requestAnimationFrame(() => this.#step());
  }

  #step() {
    this.#scheduled = 0;
    if (this.#glide) {
      const share = Math.min(1, (performance.now() - this.#glide.began) / GLIDE);
      this.#view = between(this.#glide.from, this.#target, 1 - (1 - share) ** 3, this.#size);
      if (share < 1) this.#inNextFrame();
      else this.#glide = null;
    } else this.#view = this.#target;
    this.#handlers.onView(this.#view);
  }

  get #smallest() {
    return smallestScale(this.#map, this.#size);
  }

  /** @param {WheelEvent} event */
  #wheeled(event) {
    event.preventDefault();
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 18 : 1;
    if (event.ctrlKey || event.metaKey || (event.deltaX === 0 && !event.shiftKey)) {
      const factor = Math.exp((-event.deltaY * unit) / (event.ctrlKey ? 120 : 400));
      this.show(zoomed(this.#target, factor, this.#inFrame(event), this.#smallest));
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
      this.show(zoomed(this.#target, apart, { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 }, this.#smallest));
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
    this.show({ scale: this.#target.scale, x: this.#target.x + x, y: this.#target.y + y });
  }

  /** @param {MouseEvent} event */
  #inFrame(event) {
    const box = this.#frame.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  destroy() {
    this.#stop.abort();
    cancelAnimationFrame(this.#scheduled);
  }
}

/** The reader's text, as a share of the usual: larger on a wall, or by choice. */
function textSize() {
  return Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
}
