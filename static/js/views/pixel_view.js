/** A small image enlarged, cell by cell, with a cursor. @import {Cell} from "../core/types.js" */
import { PLACES, registerKeys } from "../core/key_table.js";
import { context2d, html } from "./dom.js";
import { forgetFrame, inNextFrame } from "./frame.js";
import { tokenColour } from "./theme.js";

/** Cells at least this large, in CSS pixels, get a grid between them. */
const SMALLEST_GRIDDED = 7;

/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/**
 * @typedef {object} PixelViewOptions
 * @property {string} label
 * @property {(cell: Cell | null, chosen: boolean) => void} onCell  the cell under the pointer or the
 *   cursor; chosen: by key or click, so it stays
 */

/** Shows height x width colours; the pointer and the arrow keys pick a cell. */
export class PixelView {
  #canvas;
  #options;
  #source = html("canvas");
  #width = 0;
  #height = 0;
  /** Cells of the last row that do not exist, for lists that do not fill a rectangle. */
  #count = 0;
  /** @type {Cell | null} */
  #chosen = null;
  /** @type {Cell | null} */
  #hovered = null;
  /** Cells that are marked, as SVG path data in cells. */
  #marks = "";
  /** @type {ImageData | null} */
  #image = null;
  #resize;
  /** Of the canvas; asking for it between two changes would have the browser lay out the page. */
  #size = { width: 0, height: 0 };
  #forgetKeys;

  /**
   * @param {HTMLElement} parent
   * @param {PixelViewOptions} options
   */
  constructor(parent, options) {
    this.#options = options;
    this.#canvas = html("canvas", {
      class: "pixel-view",
      tabindex: 0,
      role: "application",
      "aria-roledescription": "grid of values",
      "aria-label": options.label,
      onpointermove: (/** @type {PointerEvent} */ event) => this.#hover(this.#cellAt(event)),
      onpointerleave: () => this.#hover(null),
      onclick: (/** @type {PointerEvent} */ event) => this.#choose(this.#cellAt(event)),
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.#keyed(event),
    });
    parent.append(this.#canvas);
    this.#resize = new ResizeObserver((entries) => {
      this.#size = entries[entries.length - 1].contentRect;
      this.#repaint();
    });
    this.#resize.observe(this.#canvas);
    this.#forgetKeys = registerKeys(PLACES.cells, [
      { keys: ["←", "↑", "→", "↓"], label: "Move the cell" },
      { keys: ["Home", "End"], label: "First, last cell of the row" },
    ]);
  }

  get element() {
    return this.#canvas;
  }

  /**
   * @param {number} width
   * @param {number} height
   * @param {(pixels: Uint32Array) => void} paint  writes height * width colours
   * @param {number} [count]  cells that exist
   */
  show(width, height, paint, count = width * height) {
    if (!this.#image || this.#width !== width || this.#height !== height) {
      this.#image = new ImageData(width, height);
      this.#source.width = width;
      this.#source.height = height;
      [this.#width, this.#height] = [width, height];
    }
    this.#count = count;
    paint(new Uint32Array(this.#image.data.buffer));
    context2d(this.#source).putImageData(this.#image, 0, 0);
    this.#repaint();
  }

  /** @param {string} label */
  setLabel(label) {
    this.#canvas.setAttribute("aria-label", label);
  }

  /** @param {Cell | null} cell */
  select(cell) {
    this.#chosen = cell;
    this.#repaint();
  }

  /** Mark a cell as if the pointer were there, without telling. @param {Cell | null} cell */
  point(cell) {
    if (cell?.row === this.#hovered?.row && cell?.column === this.#hovered?.column) return;
    this.#hovered = cell;
    this.#repaint();
  }

  /** @param {string} path  around cells to mark, as SVG path data in cells; "" for none */
  mark(path) {
    if (path === this.#marks) return;
    this.#marks = path;
    this.#canvas.toggleAttribute("data-marked", path !== "");
    this.#repaint();
  }

  /** @param {PointerEvent} event */
  #cellAt(event) {
    const box = this.#canvas.getBoundingClientRect();
    return this.#existing({
      row: Math.floor(((event.clientY - box.top) / box.height) * this.#height),
      column: Math.floor(((event.clientX - box.left) / box.width) * this.#width),
    });
  }

  /** @param {Cell} cell */
  #existing(cell) {
    const { row, column } = cell;
    const inside = row >= 0 && column >= 0 && row < this.#height && column < this.#width;
    return inside && row * this.#width + column < this.#count ? cell : null;
  }

  /** @param {Cell | null} cell */
  #hover(cell) {
    if (cell?.row === this.#hovered?.row && cell?.column === this.#hovered?.column) return;
    this.#hovered = cell;
    this.#options.onCell(cell ?? this.#chosen, false);
    this.#repaint();
  }

  /** @param {Cell | null} cell */
  #choose(cell) {
    if (!cell) return;
    this.#chosen = cell;
    this.#options.onCell(cell, true);
    this.#repaint();
  }

  /** @param {KeyboardEvent} event */
  #keyed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || this.#count === 0) return;
    const arrow = ARROWS[event.key];
    const from = this.#chosen ?? this.#hovered;
    /** @type {Cell | null} */
    let cell = null;
    if (arrow) cell = from ? { row: from.row + arrow[0], column: from.column + arrow[1] } : { row: 0, column: 0 };
    else if (event.key === "Home") cell = { row: from?.row ?? 0, column: 0 };
    else if (event.key === "End") cell = { row: from?.row ?? 0, column: this.#width - 1 };
    else return;
    event.preventDefault();
    this.#hovered = null;
    this.#choose(this.#existing(cell));
  }

  #repaint() {
    inNextFrame(this, () => this.#paint());
  }

  #paint() {
    const canvas = this.#canvas;
    const width = Math.round(this.#size.width * devicePixelRatio);
    const height = Math.round(this.#size.height * devicePixelRatio);
    if (width === 0 || height === 0 || !this.#image) return;
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    const context = context2d(canvas);
    context.imageSmoothingEnabled = false;
    context.clearRect(0, 0, width, height);
    context.drawImage(this.#source, 0, 0, width, height);
    const cellWidth = width / this.#width;
    const cellHeight = height / this.#height;
    if (cellWidth >= SMALLEST_GRIDDED * devicePixelRatio) {
      context.strokeStyle = "rgb(128 140 150 / 28%)";
      context.lineWidth = 1;
      context.beginPath();
      for (let column = 1; column < this.#width; column += 1) {
        const x = Math.round(column * cellWidth) + 0.5;
        context.moveTo(x, 0);
        context.lineTo(x, height);
      }
      for (let row = 1; row < this.#height; row += 1) {
        const y = Math.round(row * cellHeight) + 0.5;
        context.moveTo(0, y);
        context.lineTo(width, y);
      }
      context.stroke();
    }
    if (this.#marks) {
      const marked = new Path2D();
      marked.addPath(new Path2D(this.#marks), new DOMMatrix([cellWidth, 0, 0, cellHeight, 0, 0]));
      const accent = tokenColour("--accent");
      context.globalAlpha = 0.12;
      context.fillStyle = accent;
      context.fill(marked);
      context.globalAlpha = 1;
      context.lineWidth = 2.5 * devicePixelRatio;
      context.strokeStyle = accent;
      context.stroke(marked);
    }
    for (const [cell, strength] of /** @type {const} */ ([[this.#hovered, 1], [this.#chosen, 2]])) {
      if (!cell) continue;
      // Dark and light, so that it stands out on every colour.
      const line = strength * devicePixelRatio;
      const [x, y] = [cell.column * cellWidth, cell.row * cellHeight];
      context.lineWidth = line;
      context.strokeStyle = "#fff";
      context.strokeRect(x - line, y - line, cellWidth + 2 * line, cellHeight + 2 * line);
      context.strokeStyle = "#0d1115";
      context.strokeRect(x, y, cellWidth, cellHeight);
    }
  }

  destroy() {
    this.#resize.disconnect();
    this.#forgetKeys();
    forgetFrame(this);
    this.#canvas.remove();
  }
}
