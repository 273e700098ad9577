/** The drawing pad. @import {Drawing, Stroke} from "../core/types.js" */
import { PAD_SIDE } from "../core/geometry.js";
import { PLACES, registerKeys } from "../core/key_table.js";
import { context2d } from "./dom.js";
import { forgetFrame, inNextFrame } from "./frame.js";
import { onThemeChange } from "./theme.js";

const STEP = 16;
const LARGE_STEP = 64;
/** Milliseconds between a drawing taken up again and what it had before. */
const RESUME_PAUSE = 400;

/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * @typedef {object} PadHandlers
 * @property {(drawing: Drawing) => void} onDraw  the pen moved; the drawing as it is now
 * @property {(drawing: Drawing) => void} onStroke  a stroke is complete
 * @property {(text: string) => void} onSay  something for a screen reader
 */

/** Takes strokes from pointers and keys, in pad units, and paints them. */
export class Pad {
  #canvas;
  #handlers;
  /** @type {Drawing} */
  #drawing = [];
  /** @type {Stroke | null} */
  #stroke = null;
  /** @type {number | null} */
  #pointer = null;
  #penDown = false;
  #cursor = { x: PAD_SIDE / 2, y: PAD_SIDE / 2 };
  /** @type {number | null} time stamp at which the drawing's clock is 0; null: set by the next stroke */
  #origin = null;
  #penWidth = 28;
  /** @type {CanvasImageSource & {width: number, height: number} | null} */
  #image = null;
  #resize;
  /** Side of the canvas and colour of its ink; asking for them anew would cost a layout a stroke. */
  #size = 0;
  #ink = "";
  #forgetTheme;
  #stop = new AbortController();
  #forgetKeys;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {PadHandlers} handlers
   */
  constructor(canvas, handlers) {
    this.#canvas = canvas;
    this.#handlers = handlers;
    this.#resize = new ResizeObserver((entries) => {
      this.#size = entries[entries.length - 1].contentRect.width;
      this.#repaint();
    });
    this.#resize.observe(canvas);
    this.#forgetTheme = onThemeChange(() => {
      this.#ink = "";
      this.#repaint();
    });
    const signal = this.#stop.signal;
    canvas.addEventListener("pointerdown", (event) => this.#pressed(event), { signal });
    canvas.addEventListener("pointermove", (event) => this.#moved(event), { signal });
    canvas.addEventListener("pointerup", (event) => this.#released(event), { signal });
    canvas.addEventListener("pointercancel", (event) => this.#released(event), { signal });
    canvas.addEventListener("keydown", (event) => this.#keyed(event), { signal });
    canvas.addEventListener("focus", () => this.#repaint(), { signal });
    canvas.addEventListener("blur", () => this.#left(), { signal });
    this.#forgetKeys = registerKeys(PLACES.pad, [
      { keys: ["←", "↑", "→", "↓"], label: "Move the pen", aside: "with Shift further" },
      { keys: ["Space"], label: "Pen down, pen up" },
      { keys: ["Esc"], label: "Pen up; stop a replay" },
    ]);
  }

  /** The drawing as it is now; later movements of the pen do not change it. @returns {Drawing} */
  get #snapshot() {
    return this.#drawing.map((stroke) => (stroke === this.#stroke ? { x: [...stroke.x], y: [...stroke.y], t: [...stroke.t] } : stroke));
  }

  /** Take a tidier form of what was just drawn; its clock goes on. @param {Drawing} drawing */
  replace(drawing) {
    this.#drawing = drawing;
    this.#repaint();
  }

  /** @param {Drawing} drawing */
  show(drawing) {
    this.#stroke = null;
    this.#pointer = null;
    this.#penDown = false;
    this.#drawing = drawing;
    this.#origin = null;
    this.#repaint();
  }

  /** @param {(CanvasImageSource & {width: number, height: number}) | null} image  under the strokes */
  showImage(image) {
    this.#image = image;
    this.#repaint();
  }

  /** @param {number} width  of the pen in pad units */
  setPenWidth(width) {
    this.#penWidth = width;
    this.#repaint();
  }

  /** @param {PointerEvent} event */
  #place(event) {
    const box = this.#canvas.getBoundingClientRect();
    /** @param {number} share */
    const onPad = (share) => Math.round(Math.min(1, Math.max(0, share)) * PAD_SIDE);
    return { x: onPad((event.clientX - box.left) / box.width), y: onPad((event.clientY - box.top) / box.height) };
  }

  /** @param {PointerEvent} event */
  #pressed(event) {
    if (this.#pointer !== null || event.button !== 0 || !event.isPrimary) return;
    if (this.#penDown) this.#finish();
    this.#pointer = event.pointerId;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#begin(this.#place(event), event.timeStamp);
  }

  /** @param {PointerEvent} event */
  #moved(event) {
    if (event.pointerId !== this.#pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length > 0 ? events : [event]) this.#extend(this.#place(each), each.timeStamp);
    this.#handlers.onDraw(this.#snapshot);
  }

  /** @param {PointerEvent} event */
  #released(event) {
    if (event.pointerId !== this.#pointer) return;
    this.#pointer = null;
    this.#finish();
  }

  /**
   * @param {{x: number, y: number}} place
   * @param {number} now
   */
  #begin({ x, y }, now) {
    if (this.#origin === null) {
      const last = this.#drawing[this.#drawing.length - 1]?.t.at(-1);
      this.#origin = last === undefined ? now : now - last - RESUME_PAUSE;
    }
    this.#stroke = { x: [x], y: [y], t: [Math.round(now - this.#origin)] };
    this.#drawing = [...this.#drawing, this.#stroke];
    this.#cursor = { x, y };
    this.#repaint();
    this.#handlers.onDraw(this.#snapshot);
  }

  /**
   * @param {{x: number, y: number}} place
   * @param {number} now
   */
  #extend({ x, y }, now) {
    const stroke = this.#stroke;
    if (!stroke || this.#origin === null) return;
    const last = stroke.x.length - 1;
    if (Math.hypot(x - stroke.x[last], y - stroke.y[last]) < 2) return;
    stroke.x.push(x);
    stroke.y.push(y);
    stroke.t.push(Math.max(stroke.t[last], Math.round(now - this.#origin)));
    this.#cursor = { x, y };
    this.#repaint();
  }

  #finish() {
    if (!this.#stroke) return;
    this.#stroke = null;
    this.#penDown = false;
    this.#repaint();
    this.#handlers.onStroke(this.#snapshot);
  }

  #left() {
    if (this.#penDown) this.#finish();
    this.#repaint();
  }

  /** @param {KeyboardEvent} event */
  #keyed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    if (arrow) {
      const step = event.shiftKey ? LARGE_STEP : STEP;
      /** @param {number} value */
      const within = (value) => Math.min(PAD_SIDE, Math.max(0, value));
      this.#cursor = { x: within(this.#cursor.x + arrow[0] * step), y: within(this.#cursor.y + arrow[1] * step) };
      if (this.#penDown) {
        this.#extend(this.#cursor, event.timeStamp);
        this.#handlers.onDraw(this.#snapshot);
      }
      this.#repaint();
    } else if (event.key === " " && !event.repeat) {
      if (this.#penDown) {
        this.#finish();
        this.#handlers.onSay(`Pen up at ${this.#where()}.`);
      } else if (!this.#stroke) {
        this.#penDown = true;
        this.#begin(this.#cursor, event.timeStamp);
        this.#handlers.onSay(`Pen down at ${this.#where()}.`);
      }
    } else if (event.key === "Escape" && this.#penDown) {
      this.#finish();
      this.#handlers.onSay("Pen up.");
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  #where() {
    /** @param {number} value */
    const share = (value) => Math.round((value / PAD_SIDE) * 100);
    return `${share(this.#cursor.x)} percent from the left, ${share(this.#cursor.y)} from the top`;
  }

  #repaint() {
    inNextFrame(this, () => this.#paint());
  }

  #paint() {
    const canvas = this.#canvas;
    const side = Math.round(this.#size * devicePixelRatio);
    if (side === 0) return;
    if (canvas.width !== side || canvas.height !== side) canvas.width = canvas.height = side;
    const context = context2d(canvas);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, side, side);
    context.scale(side / PAD_SIDE, side / PAD_SIDE);
    if (this.#image) {
      const { width, height } = this.#image;
      const scale = PAD_SIDE / Math.max(width, height, 1);
      context.drawImage(this.#image, (PAD_SIDE - width * scale) / 2, (PAD_SIDE - height * scale) / 2, width * scale, height * scale);
    }
    this.#ink ||= getComputedStyle(canvas).color;
    context.strokeStyle = this.#ink;
    context.lineWidth = this.#penWidth;
    context.lineCap = "round";
    context.lineJoin = "round";
    for (const { x, y } of this.#drawing) {
      context.beginPath();
      context.moveTo(x[0], y[0]);
      if (x.length === 1) context.lineTo(x[0], y[0]);
      for (let index = 1; index < x.length; index += 1) context.lineTo(x[index], y[index]);
      context.stroke();
    }
    if (canvas.matches(":focus-visible")) this.#paintCursor(context);
  }

  /** @param {CanvasRenderingContext2D} context */
  #paintCursor(context) {
    const canvas = this.#canvas;
    const { x, y } = this.#cursor;
    const arm = this.#penWidth;
    context.lineWidth = 5;
    context.beginPath();
    context.arc(x, y, arm, 0, 2 * Math.PI);
    for (const [dx, dy] of Object.values(ARROWS)) {
      context.moveTo(x + dx * arm * 0.6, y + dy * arm * 0.6);
      context.lineTo(x + dx * arm * 2, y + dy * arm * 2);
    }
    context.strokeStyle = getComputedStyle(canvas).outlineColor;
    context.stroke();
    if (this.#penDown) {
      context.beginPath();
      context.arc(x, y, arm * 0.4, 0, 2 * Math.PI);
      context.fillStyle = context.strokeStyle;
      context.fill();
    }
  }

  destroy() {
    this.#stop.abort();
    this.#forgetKeys();
    this.#resize.disconnect();
    this.#forgetTheme();
    forgetFrame(this);
  }
}
