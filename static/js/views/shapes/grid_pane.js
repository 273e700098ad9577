/**
 * A grid of cells on a canvas: of a large one, a part with a small map of the whole.
 *
 * @import {Extent, Viewport, Window} from "../../core/shapes/viewport.js"
 * @import {Cell} from "../../core/types.js"
 */
import { lengthOf, viewportOf } from "../../core/shapes/viewport.js";
import { context2d, html } from "../dom.js";
import { forgetFrame, inNextFrame } from "../frame.js";

/**
 * @typedef {object} CellLook
 * @property {string | null} [fill]
 * @property {string} [text]
 * @property {string} [textColour]
 * @property {string} [corner]  small text in the lower right corner
 * @property {"padding" | "beyond" | "inserted" | "skipped" | "empty" | "own"} kind
 * @property {boolean} [dot]  a value that the window steps over
 * @property {boolean} [tap]  a value that goes into the one that is shown
 *
 * @typedef {Window & {style: "window" | "hover" | "chosen" | "partner"}} Mark
 * @typedef {{from: Cell, to: Cell}} Arrow
 *
 * @typedef {object} GridContent
 * @property {Window} grid
 * @property {(row: number, column: number) => CellLook} look
 * @property {Mark[]} marks
 * @property {Arrow[]} arrows
 * @property {Window | null} focus
 * @property {string} label
 *
 * @typedef {Record<"line" | "lineStrong" | "text" | "muted" | "accent" | "soft" | "panel" | "sunk" | "warn" | "warnSoft" | "mono", string>} Palette
 */

const MAP_SIDE = 84;
const HIGHEST = 430;

/** @returns {Palette} the page's colours, as they are now */
function palette() {
  const style = getComputedStyle(document.documentElement);
  const probe = document.createElement("span");
  document.body.append(probe);
  /** @param {string} name */
  const colour = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const found = {
    line: colour("--line"),
    lineStrong: colour("--line-strong"),
    text: colour("--text"),
    muted: colour("--muted"),
    accent: colour("--accent"),
    soft: colour("--accent-soft"),
    panel: colour("--panel"),
    sunk: colour("--sunk"),
    warn: colour("--warn"),
    warnSoft: colour("--warn-soft"),
    mono: style.getPropertyValue("--sans"),
  };
  probe.remove();
  return found;
}

export class GridPane {
  element = html("div", { class: "grid-pane" });
  #canvas;
  #map = html("canvas", { class: "grid-map", "aria-hidden": "true", width: MAP_SIDE, height: MAP_SIDE, hidden: true });
  /** @type {GridContent | null} */
  #content = null;
  /** @type {Viewport | null} */
  #viewport = null;
  /** @type {Palette | null} */
  #palette = null;
  #resize;
  #width = 0;

  /**
   * @param {object} options
   * @param {string} options.label
   * @param {(cell: Cell | null) => void} options.onHover
   * @param {(cell: Cell) => void} options.onChoose
   * @param {(event: KeyboardEvent) => void} options.onKey
   */
  constructor(options) {
    this.#canvas = html("canvas", {
      class: "grid-canvas",
      tabindex: 0,
      role: "application",
      "aria-roledescription": "grid of values",
      "aria-label": options.label,
      onpointermove: (/** @type {PointerEvent} */ event) => options.onHover(this.#cellAt(event)),
      onpointerleave: () => options.onHover(null),
      onclick: (/** @type {PointerEvent} */ event) => {
        const cell = this.#cellAt(event);
        if (cell) options.onChoose(cell);
      },
      onkeydown: (/** @type {KeyboardEvent} */ event) => options.onKey(event),
    });
    this.#map.addEventListener("pointerdown", (event) => this.#dragged(event));
    this.#map.addEventListener("pointermove", (event) => event.buttons && this.#dragged(event));
    this.element.append(this.#canvas, this.#map);
    this.#resize = new ResizeObserver(() => {
      if (this.element.clientWidth === this.#width) return;
      this.#width = this.element.clientWidth;
      this.#repaint();
    });
    this.#resize.observe(this.element);
  }

  /** The theme has changed: colours are read anew. */
  recolour() {
    this.#palette = null;
    this.#repaint();
  }

  /** @param {GridContent} content */
  show(content) {
    this.#content = content;
    this.#canvas.setAttribute("aria-label", content.label);
    this.#repaint();
  }

  /** Cells that are on screen. */
  get visible() {
    return this.#viewport;
  }

  /** @param {PointerEvent} event @returns {Cell | null} */
  #cellAt(event) {
    const viewport = this.#viewport;
    if (!viewport) return null;
    const box = this.#canvas.getBoundingClientRect();
    const row = viewport.rows.from + Math.floor((event.clientY - box.top) / viewport.cell);
    const column = viewport.columns.from + Math.floor((event.clientX - box.left) / viewport.cell);
    return row < viewport.rows.to && column < viewport.columns.to && row >= viewport.rows.from && column >= viewport.columns.from ? { row, column } : null;
  }

  /** The small map moves what is seen. @param {PointerEvent} event */
  #dragged(event) {
    const { grid } = this.#content ?? {};
    const viewport = this.#viewport;
    if (!grid || !viewport) return;
    event.preventDefault();
    const box = this.#map.getBoundingClientRect();
    /** @param {Extent} all @param {Extent} seen @param {number} share */
    const moved = (all, seen, share) => {
      const size = lengthOf(seen);
      const from = Math.max(all.from, Math.min(all.to - size, Math.round(all.from + share * lengthOf(all) - size / 2)));
      return { from, to: from + size };
    };
    this.#viewport = {
      ...viewport,
      rows: moved(grid.rows, viewport.rows, (event.clientY - box.top) / box.height),
      columns: moved(grid.columns, viewport.columns, (event.clientX - box.left) / box.width),
    };
    this.#paint(false);
  }

  #repaint() {
    inNextFrame(this, () => this.#paint(true));
  }

  /** @param {boolean} follow  whether what must be seen comes into view */
  #paint(follow) {
    const content = this.#content;
    if (!content || this.element.clientWidth === 0) return;
    const unit = Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
    const space = { width: this.element.clientWidth - 2, height: HIGHEST * unit, unit };
    if (follow || !this.#viewport) this.#viewport = viewportOf(content.grid, space, content.focus, this.#viewport);
    const { cell, rows, columns, whole } = this.#viewport;
    this.#palette ??= palette();
    const colours = this.#palette;
    const ratio = devicePixelRatio;
    const [width, height] = [lengthOf(columns) * cell + 2, lengthOf(rows) * cell + 2];
    this.#canvas.width = Math.round(width * ratio);
    this.#canvas.height = Math.round(height * ratio);
    this.#canvas.style.width = `${width}px`;
    this.#canvas.style.height = `${height}px`;
    const context = context2d(this.#canvas);
    context.setTransform(ratio, 0, 0, ratio, ratio, ratio);
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (let row = rows.from; row < rows.to; row += 1) {
      for (let column = columns.from; column < columns.to; column += 1) {
        paintCell(context, content.look(row, column), (column - columns.from) * cell, (row - rows.from) * cell, cell, colours);
      }
    }
    for (const mark of content.marks) this.#paintMark(context, mark, colours);
    for (const arrow of content.arrows) this.#paintArrow(context, arrow, colours);
    this.#map.hidden = whole;
    if (!whole) this.#paintMap(colours);
  }

  /** @param {CanvasRenderingContext2D} context @param {Mark} mark @param {Palette} colours */
  #paintMark(context, { rows, columns, style }, colours) {
    const viewport = this.#viewport;
    if (!viewport) return;
    const { cell } = viewport;
    const [x, y] = [(columns.from - viewport.columns.from) * cell, (rows.from - viewport.rows.from) * cell];
    const [width, height] = [lengthOf(columns) * cell, lengthOf(rows) * cell];
    const line = style === "partner" ? 1.5 : style === "hover" ? 2 : 3;
    context.lineWidth = line;
    context.strokeStyle = style === "hover" ? colours.text : colours.accent;
    context.setLineDash(style === "hover" ? [4, 3] : []);
    context.strokeRect(x, y, width, height);
    context.setLineDash([]);
  }

  /** @param {CanvasRenderingContext2D} context @param {Arrow} arrow @param {Palette} colours */
  #paintArrow(context, { from, to }, colours) {
    const viewport = this.#viewport;
    if (!viewport) return;
    const { cell } = viewport;
    /** @param {Cell} place @returns {[number, number]} */
    const middle = ({ row, column }) => [(column - viewport.columns.from + 0.5) * cell, (row - viewport.rows.from + 0.5) * cell];
    const [[x1, y1], [x2, y2]] = [middle(from), middle(to)];
    const length = Math.hypot(x2 - x1, y2 - y1);
    if (length < 1) return;
    const [ux, uy] = [(x2 - x1) / length, (y2 - y1) / length];
    const bend = Math.min(cell, length / 3);
    const [cx, cy] = [(x1 + x2) / 2 - uy * bend, (y1 + y2) / 2 + ux * bend];
    context.strokeStyle = colours.text;
    context.fillStyle = colours.text;
    context.lineWidth = 2;
    context.beginPath();
    context.moveTo(x1, y1);
    context.quadraticCurveTo(cx, cy, x2, y2);
    context.stroke();
    const angle = Math.atan2(y2 - cy, x2 - cx);
    context.beginPath();
    context.moveTo(x2, y2);
    context.lineTo(x2 - 8 * Math.cos(angle - 0.45), y2 - 8 * Math.sin(angle - 0.45));
    context.lineTo(x2 - 8 * Math.cos(angle + 0.45), y2 - 8 * Math.sin(angle + 0.45));
    context.fill();
  }

  /** @param {Palette} colours */
  #paintMap(colours) {
    const { grid, focus } = this.#content ?? {};
    const viewport = this.#viewport;
    if (!grid || !viewport) return;
    const ratio = devicePixelRatio;
    const longest = Math.max(lengthOf(grid.rows), lengthOf(grid.columns));
    const width = Math.max(6, (MAP_SIDE * lengthOf(grid.columns)) / longest);
    const height = Math.max(6, (MAP_SIDE * lengthOf(grid.rows)) / longest);
    this.#map.width = Math.round(width * ratio);
    this.#map.height = Math.round(height * ratio);
    this.#map.style.width = `${width}px`;
    this.#map.style.height = `${height}px`;
    const context = context2d(this.#map);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = colours.sunk;
    context.fillRect(0, 0, width, height);
    /** @param {Window} part @param {string} colour @param {boolean} filled */
    const box = ({ rows, columns }, colour, filled) => {
      const x = ((columns.from - grid.columns.from) / lengthOf(grid.columns)) * width;
      const y = ((rows.from - grid.rows.from) / lengthOf(grid.rows)) * height;
      const [w, h] = [Math.max(2, (lengthOf(columns) / lengthOf(grid.columns)) * width), Math.max(2, (lengthOf(rows) / lengthOf(grid.rows)) * height)];
      if (filled) {
        context.fillStyle = colour;
        context.fillRect(x, y, w, h);
      } else {
        context.strokeStyle = colour;
        context.strokeRect(x + 0.5, y + 0.5, w - 1, h - 1);
      }
    };
    box(grid, colours.lineStrong, false);
    box(viewport, colours.text, false);
    if (focus) box(focus, colours.accent, true);
  }

  focus() {
    this.#canvas.focus({ preventScroll: true });
  }

  destroy() {
    this.#resize.disconnect();
    forgetFrame(this);
    this.element.remove();
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {CellLook} look
 * @param {number} x
 * @param {number} y
 * @param {number} cell
 * @param {Palette} colours
 */
function paintCell(context, look, x, y, cell, colours) {
  const { kind, fill, text, textColour, corner, dot, tap } = look;
  const gap = cell >= 14 ? 1 : 0.5;
  const [left, top, side] = [x + gap, y + gap, cell - 2 * gap];
  const skipped = kind === "skipped";
  context.fillStyle = (skipped ? colours.warnSoft : fill) ?? (kind === "padding" || kind === "inserted" ? colours.sunk : kind === "own" ? colours.panel : "transparent");
  context.fillRect(left, top, side, side);
  context.lineWidth = 1;
  context.setLineDash(kind === "padding" ? [3, 2] : kind === "beyond" ? [1, 3] : []);
  context.strokeStyle = kind === "own" || kind === "padding" || kind === "skipped" ? colours.lineStrong : colours.line;
  context.strokeRect(left + 0.5, top + 0.5, side - 1, side - 1);
  context.setLineDash([]);
  if (skipped) {
    context.strokeStyle = colours.warn;
    context.globalAlpha = 0.6;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(left + 2, top + 2);
    context.lineTo(left + side - 2, top + side - 2);
    context.moveTo(left + side - 2, top + 2);
    context.lineTo(left + 2, top + side - 2);
    context.stroke();
  }
  context.globalAlpha = 1;
  if (tap) {
    context.strokeStyle = colours.accent;
    context.lineWidth = 2;
    context.strokeRect(left + 1, top + 1, side - 2, side - 2);
  }
  if (dot) {
    context.fillStyle = colours.muted;
    context.beginPath();
    context.arc(x + cell / 2, y + cell - 5, 1.6, 0, 7);
    context.fill();
  }
  if (text && cell >= 16) {
    const size = Math.min(cell > 60 ? 26 : 16, cell * (text.length > 3 ? 0.33 : 0.42));
    context.font = `${kind === "padding" ? "italic " : ""}${size}px ${colours.mono}`;
    context.fillStyle = (skipped ? colours.text : textColour) ?? (kind === "own" ? colours.text : colours.muted);
    context.fillText(text, x + cell / 2, y + cell / 2 - (corner && cell >= 26 ? cell * 0.1 : 0), cell - 3);
  }
  if (corner && cell >= 26) {
    context.font = `600 ${Math.max(8, cell * 0.25)}px ${colours.mono}`;
    context.fillStyle = textColour ?? colours.accent;
    context.textAlign = "right";
    context.fillText(corner, x + cell - 3, y + cell - cell * 0.17, cell - 5);
    context.textAlign = "center";
  }
}
