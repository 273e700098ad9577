/**
 * What lies under the items of the map, painted: the frames of modules, the wires, and every item
 * that has no element of its own, because it is far away or has not been made yet.
 *
 * @import {LayoutAnswer, MapBox, MapView} from "../core/map_view.js"
 */
import { curvePath, overlap, visiblePart } from "../core/map_view.js";
import { context2d, html } from "./dom.js";
import { tokenColour } from "./theme.js";

const LIT_WIRE = 3;
/** Smallest side of an item that is marked, in pixels. */
const MARK = 5;

/**
 * @typedef {object} SceneState
 * @property {MapView} view
 * @property {{width: number, height: number}} size
 * @property {boolean} far  items are specks
 * @property {(id: string) => boolean} hasElement
 * @property {string | null} lit  the item that is pointed at
 * @property {ReadonlyMap<string, "in" | "out" | "shared">} ways  of the items that it lights
 * @property {ReadonlySet<string>} found
 * @property {string | null} open
 */

export class MapScene {
  element = html("canvas", { class: "map-scene", "aria-hidden": "true" });
  /** @type {LayoutAnswer | null} */
  #layout = null;
  /** @type {{from: string, to: string, path: Path2D, box: MapBox, end: {x: number, y: number}}[]} */
  #wires = [];
  #all = new Path2D();
  /** @type {ReadonlySet<string>} items that join branches */
  #joins = new Set();
  /** @type {[string, MapBox][]} what is read, and is no item */
  #inputs = [];

  /**
   * @param {LayoutAnswer} layout
   * @param {ReadonlySet<string>} inputs  names of what the network is given
   * @param {ReadonlySet<string>} joins
   */
  setLayout(layout, inputs, joins) {
    this.#layout = layout;
    this.#joins = joins;
    this.#inputs = [...layout.items].filter(([id]) => inputs.has(id));
    this.#all = new Path2D();
    this.#wires = layout.connections.map(({ from, to, points }) => {
      const path = new Path2D(curvePath(points));
      this.#all.addPath(path);
      const ys = points.map(({ y }) => y);
      const [first, end] = [points[0], points[points.length - 1]];
      const top = Math.min(...ys);
      return { from, to, path, end, box: { x: first.x, y: top - 1, width: end.x - first.x, height: Math.max(...ys) - top + 2 } };
    });
  }

  /** @param {SceneState} state */
  paint(state) {
    const layout = this.#layout;
    const { view, size } = state;
    const density = devicePixelRatio;
    const [width, height] = [Math.round(size.width * density), Math.round(size.height * density)];
    const canvas = this.element;
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    const context = context2d(canvas);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    if (!layout || width === 0 || height === 0) return;
    const colours = palette();
    const seen = visiblePart(view, size);
    context.setTransform(density, 0, 0, density, 0, 0);
    this.#paintFrames(context, layout, seen, state, colours);
    context.setTransform(view.scale * density, 0, 0, view.scale * density, view.x * density, view.y * density);
    this.#paintWires(context, seen, state, colours);
    context.setTransform(density, 0, 0, density, 0, 0);
    this.#paintItems(context, layout, seen, state, colours);
    this.#paintInputs(context, seen, state, colours);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {LayoutAnswer} layout
   * @param {MapBox} seen
   * @param {SceneState} state
   * @param {ReturnType<typeof palette>} colours
   */
  #paintFrames(context, layout, seen, { view, size }, colours) {
    context.lineWidth = 1;
    context.strokeStyle = colours.frame;
    context.fillStyle = colours.shade;
    for (const box of layout.groups.values()) {
      if (!overlap(box, seen)) continue;
      const screen = onScreen(box, view);
      // Of a frame that is longer than the screen, only what is near it is painted.
      const left = Math.max(screen.x, -20);
      const top = Math.max(screen.y, -20);
      const right = Math.min(screen.x + screen.width, size.width + 20);
      const bottom = Math.min(screen.y + screen.height, size.height + 20);
      context.beginPath();
      context.roundRect(Math.round(left) + 0.5, Math.round(top) + 0.5, Math.round(right - left), Math.round(bottom - top), Math.min(8, 14 * view.scale));
      context.fill();
      if (view.scale > 0.03) context.stroke();
    }
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {MapBox} seen
   * @param {SceneState} state
   * @param {ReturnType<typeof palette>} colours
   */
  #paintWires(context, seen, { view, lit }, colours) {
    const { scale } = view;
    const wide = Math.min(2.2, Math.max(0.8, 2 * scale)) / scale;
    context.lineWidth = wide;
    context.strokeStyle = colours.wire;
    const visible = this.#wires.filter(({ box }) => overlap(box, seen));
    if (visible.length > this.#wires.length / 2) context.stroke(this.#all);
    else for (const { path } of visible) context.stroke(path);
    if (scale > 0.3) {
      context.fillStyle = colours.wire;
      for (const { end } of visible) arrow(context, end, 7);
    }
    if (lit === null) return;
    context.strokeStyle = context.fillStyle = colours.accent;
    context.lineWidth = LIT_WIRE / scale;
    for (const { from, to, path, end } of visible) {
      if (from !== lit && to !== lit) continue;
      context.setLineDash(from === lit ? [9 / scale, 5 / scale] : []);
      context.stroke(path);
      context.setLineDash([]);
      if (scale > 0.3) arrow(context, end, 9);
    }
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {LayoutAnswer} layout
   * @param {MapBox} seen
   * @param {SceneState} state
   * @param {ReturnType<typeof palette>} colours
   */
  #paintItems(context, layout, seen, { view, far, hasElement, lit, ways, found, open }, colours) {
    const inputs = new Set(this.#inputs.map(([id]) => id));
    context.lineWidth = 1;
    context.strokeStyle = colours.frame;
    for (const [id, box] of layout.items) {
      if (inputs.has(id) || hasElement(id) || !overlap(box, seen)) continue;
      const { x, y, width, height } = onScreen(box, view);
      context.fillStyle = far ? (this.#joins.has(id) ? colours.join : colours.wire) : colours.panel;
      context.fillRect(x, y, Math.max(1, width), Math.max(1, height));
      if (!far) context.strokeRect(x + 0.5, y + 0.5, width - 1, height - 1);
    }
    if (!far) return;
    /** @param {string} id @param {string} colour @param {number} more */
    const mark = (id, colour, more) => {
      const box = layout.items.get(id);
      if (!box || !overlap(box, seen)) return;
      const { x, y, width, height } = onScreen(box, view);
      const [wide, high] = [Math.max(MARK, width) + more, Math.max(MARK, height) + more];
      context.fillStyle = colour;
      context.fillRect(x + (width - wide) / 2, y + (height - high) / 2, wide, high);
    };
    for (const id of found) mark(id, colours.warn, 2);
    for (const [id] of ways) mark(id, colours.accent, 0);
    for (const id of [open, lit]) if (id !== null) mark(id, colours.accent, 4);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {MapBox} seen
   * @param {SceneState} state
   * @param {ReturnType<typeof palette>} colours
   */
  #paintInputs(context, seen, { view, far }, colours) {
    for (const [id, box] of this.#inputs) {
      if (!overlap(box, seen)) continue;
      const { x, y, width, height } = onScreen(box, view);
      context.beginPath();
      context.roundRect(x, y, width, height, height / 2);
      context.fillStyle = far ? colours.wire : colours.panel;
      context.strokeStyle = colours.wire;
      context.lineWidth = 1.5;
      context.fill();
      if (far) continue;
      context.stroke();
      context.fillStyle = colours.text;
      context.font = `600 ${Math.max(6, 13 * view.scale)}px ${colours.sans}`;
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.fillText(id, x + width / 2, y + height / 2, width);
    }
  }
}

/** @param {MapBox} box @param {MapView} view @returns {MapBox} in pixels of the frame */
export function onScreen(box, { scale, x, y }) {
  return { x: box.x * scale + x, y: box.y * scale + y, width: box.width * scale, height: box.height * scale };
}

/** The tip of a wire. @param {CanvasRenderingContext2D} context @param {{x: number, y: number}} end @param {number} size */
function arrow(context, { x, y }, size) {
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(x - size, y - size * 0.55);
  context.lineTo(x - size, y + size * 0.55);
  context.fill();
}

/** @type {{theme: string, colours: ReturnType<typeof readPalette>} | null} */
let kept = null;

/** The colours of the theme, read once for each. */
function palette() {
  const theme = tokenColour("--text");
  if (kept?.theme !== theme) kept = { theme, colours: readPalette() };
  return kept.colours;
}

function readPalette() {
  return {
    panel: tokenColour("--panel"),
    wire: tokenColour("--line-strong"),
    frame: tokenColour("--line"),
    shade: "rgb(128 140 150 / 5%)",
    accent: tokenColour("--accent"),
    join: tokenColour("--text"),
    warn: tokenColour("--warn"),
    text: tokenColour("--text"),
    sans: tokenColour("--sans"),
  };
}
