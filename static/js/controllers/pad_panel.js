/**
 * One of several pads on a page, with its history, its buttons and its examples.
 *
 * @import {Drawing} from "../core/types.js"
 */
import { PAD_SIDE, simplify } from "../core/geometry.js";
import { UndoHistory } from "../core/undo.js";
import { Examples } from "../views/examples.js";
import { Pad } from "../views/pad.js";

/** Deviation, in pad units, that a stroke may have from where the pen went. */
const TOLERANCE = 1;
/** The pad's pen is this share of the network's, which fills in details. */
const PEN_SHARE = 0.5;

/**
 * @typedef {object} PadPanelHandlers
 * @property {(drawing: Drawing) => void} onDraw  the pen moves
 * @property {(drawing: Drawing) => void} onChange  the drawing has become another one
 * @property {(text: string) => void} onSay
 */

export class PadPanel {
  #root;
  #handlers;
  /** @type {UndoHistory<Drawing>} */
  #history = new UndoHistory(/** @type {Drawing} */ ([]));
  #pad;
  #stop = new AbortController();

  /**
   * @param {HTMLElement} root  with a canvas, and elements named by data-part
   * @param {PadPanelHandlers} handlers
   */
  constructor(root, handlers) {
    this.#root = root;
    this.#handlers = handlers;
    this.#pad = new Pad(this.#part("pad", HTMLCanvasElement), {
      onDraw: (drawing) => this.#drawn(drawing),
      onStroke: (drawing) => this.#stroked(drawing),
      onSay: handlers.onSay,
    });
    for (const command of /** @type {const} */ (["undo", "redo", "clear"])) {
      this.#part(command, HTMLButtonElement).addEventListener("click", () => this.command(command), { signal: this.#stop.signal });
    }
    this.#written();
  }

  get drawing() {
    return this.#history.current;
  }

  /** @param {{label: string, drawing: number[][][]}[]} examples */
  setExamples(examples) {
    new Examples(this.#part("examples", HTMLElement), examples, (label, drawing) => {
      this.push(drawing);
      this.#handlers.onSay(`Example: ${label}.`);
    });
  }

  /** The drawing to begin with. @param {Drawing} drawing */
  open(drawing) {
    this.#history = new UndoHistory(drawing);
    this.#show();
  }

  /** A new drawing, which undo takes back. @param {Drawing} drawing */
  push(drawing) {
    this.#history.push(drawing);
    this.#show();
  }

  /** @param {"undo" | "redo" | "clear"} command */
  command(command) {
    if (command === "undo") this.#history.undo();
    else if (command === "redo") this.#history.redo();
    else if (this.drawing.length > 0) this.#history.push([]);
    this.#show();
  }

  /** @param {number} lineWidth  of the network's pen, in pixels of its image of 28 x 28 */
  setLineWidth(lineWidth) {
    this.#pad.setPenWidth((lineWidth / 28) * PAD_SIDE * PEN_SHARE);
  }

  focus() {
    this.#part("pad", HTMLCanvasElement).focus();
  }

  /** @param {Drawing} drawing */
  #drawn(drawing) {
    this.#part("invitation", HTMLElement).hidden = true;
    this.#handlers.onDraw(drawing);
  }

  /** @param {Drawing} drawing */
  #stroked(drawing) {
    const tidy = [...drawing.slice(0, -1), simplify(drawing[drawing.length - 1], TOLERANCE)];
    this.#pad.replace(tidy);
    this.#history.push(tidy);
    this.#changed();
  }

  #show() {
    this.#pad.show(this.drawing);
    this.#changed();
  }

  #changed() {
    this.#written();
    this.#handlers.onChange(this.drawing);
  }

  #written() {
    const empty = this.drawing.length === 0;
    this.#part("undo", HTMLButtonElement).disabled = !this.#history.canUndo;
    this.#part("redo", HTMLButtonElement).disabled = !this.#history.canRedo;
    this.#part("clear", HTMLButtonElement).disabled = empty;
    this.#part("invitation", HTMLElement).hidden = !empty;
  }

  /**
   * @template {HTMLElement} Type
   * @param {string} name
   * @param {new () => Type} type
   * @returns {Type}
   */
  #part(name, type) {
    const element = this.#root.querySelector(`[data-part="${name}"]`);
    if (!(element instanceof type)) throw new TypeError(`The pad has no ${type.name} named ${name}.`);
    return element;
  }

  destroy() {
    this.#stop.abort();
    this.#pad.destroy();
  }
}
