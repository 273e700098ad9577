/**
 * One of several pads on a page, with its history, its buttons and its examples. It takes drawings,
 * and images from a file or a drop; for a network that takes no drawings, images alone.
 *
 * @import {Drawing} from "../core/types.js"
 * @import {Input} from "./live_session.js"
 */
import { PAD_SIDE, simplify } from "../core/geometry.js";
import { UndoHistory } from "../core/undo.js";
import { Examples } from "../views/examples.js";
import { Pad } from "../views/pad.js";
import { MOST_BYTES } from "./image_input.js";

/** Deviation, in pad units, that a stroke may have from where the pen went. */
const TOLERANCE = 1;
/** The pad's pen is this share of the network's, which fills in details. */
const PEN_SHARE = 0.5;

/** @type {Input} */
export const NOTHING = Object.freeze({ drawing: [], image: null });

/** @param {Input} input */
export const isEmpty = ({ drawing, image }) => drawing.length === 0 && image === null;

/**
 * @typedef {object} PadPanelHandlers
 * @property {(input: Input) => void} onDraw  the pen moves
 * @property {(input: Input) => void} onChange  the input has become another one
 * @property {(text: string) => void} onSay
 * @property {(reason: string) => void} onRefused  an image was not taken
 */

export class PadPanel {
  #root;
  #handlers;
  #history = new UndoHistory(NOTHING);
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
    this.#takeImages();
    this.#written();
  }

  /** @returns {Input} */
  get input() {
    return this.#history.current;
  }

  #takeImages() {
    const signal = this.#stop.signal;
    const file = this.#part("file", HTMLInputElement);
    this.#part("image", HTMLButtonElement).addEventListener("click", () => file.click(), { signal });
    file.addEventListener(
      "change",
      () => {
        this.take(file.files?.[0]);
        file.value = "";
      },
      { signal },
    );
    const frame = this.#part("frame", HTMLElement);
    frame.addEventListener(
      "dragover",
      (event) => {
        if (!event.dataTransfer?.types.includes("Files")) return;
        event.preventDefault();
        frame.toggleAttribute("data-drop", true);
      },
      { signal },
    );
    frame.addEventListener("dragleave", () => frame.toggleAttribute("data-drop", false), { signal });
    frame.addEventListener(
      "drop",
      (event) => {
        frame.toggleAttribute("data-drop", false);
        if (!event.dataTransfer?.files.length) return;
        event.preventDefault();
        this.take(event.dataTransfer.files[0]);
      },
      { signal },
    );
  }

  /** An image from a file, a drop or the clipboard. @param {File | undefined} file */
  take(file) {
    if (!file) return;
    if (file.size > MOST_BYTES) this.#handlers.onRefused(`The image has ${Math.ceil(file.size / 1024 / 1024)} MB; ${MOST_BYTES / 1024 / 1024} MB is the limit.`);
    else this.push({ drawing: [], image: file });
  }

  /** @param {boolean} drawings  whether drawings are taken, and not images alone */
  setTakes(drawings) {
    this.#root.toggleAttribute("data-images", !drawings);
    this.#part("pad", HTMLCanvasElement).tabIndex = drawings ? 0 : -1;
    this.#part("invitation", HTMLElement).textContent = (drawings ? this.#root.dataset.invitation : "Open an image, drop or paste one") ?? "";
  }

  /** @param {{label: string, drawing: number[][][]}[]} examples */
  setExamples(examples) {
    new Examples(this.#part("examples", HTMLElement), examples, (label, drawing) => {
      this.push({ drawing, image: null });
      this.#handlers.onSay(`Example: ${label}.`);
    });
  }

  /** What to begin with. @param {Input} input */
  open(input) {
    this.#history = new UndoHistory(input);
    this.#show();
  }

  /** A new input, which undo takes back. @param {Input} input */
  push(input) {
    this.#history.push(input);
    this.#show();
  }

  /** @param {"undo" | "redo" | "clear"} command */
  command(command) {
    if (command === "undo") this.#history.undo();
    else if (command === "redo") this.#history.redo();
    else if (!isEmpty(this.input)) this.#history.push(NOTHING);
    this.#show();
  }

  /** @param {number} lineWidth  of the network's pen, in pixels of its image of 28 x 28 */
  setLineWidth(lineWidth) {
    this.#pad.setPenWidth((lineWidth / 28) * PAD_SIDE * PEN_SHARE);
  }

  focus() {
    const images = this.#root.hasAttribute("data-images");
    this.#part(images ? "image" : "pad", HTMLElement).focus();
  }

  /** @param {Drawing} drawing */
  #drawn(drawing) {
    if (this.input.image) this.#pad.showImage(null);
    this.#part("invitation", HTMLElement).hidden = true;
    this.#handlers.onDraw({ drawing, image: null });
  }

  /** @param {Drawing} drawing */
  #stroked(drawing) {
    const tidy = [...drawing.slice(0, -1), simplify(drawing[drawing.length - 1], TOLERANCE)];
    this.#pad.replace(tidy);
    this.#history.push({ drawing: tidy, image: null });
    this.#changed();
  }

  #show() {
    const { drawing, image } = this.input;
    this.#pad.show(drawing);
    this.#pad.showImage(null);
    if (image) void this.#showImage(image);
    this.#changed();
  }

  /** @param {Blob} image */
  async #showImage(image) {
    try {
      const bitmap = await createImageBitmap(image);
      if (this.input.image === image) this.#pad.showImage(bitmap);
    } catch {
      // Not an image that the browser can show; the server says what it makes of it.
    }
  }

  #changed() {
    this.#written();
    this.#handlers.onChange(this.input);
  }

  #written() {
    const empty = isEmpty(this.input);
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
