/** One layer among the blocks: a caption and its feature maps. @import {LayerMaps, LayerNode, RangeMode} from "../core/types.js" */
import { isVector, kindInWords, nameWithin, shapeInWords } from "../core/graph.js";
import { arrangeWithCounter } from "../core/tiles.js";
import { context2d, html } from "./dom.js";
import { forgetFrame, inNextFrame } from "./frame.js";
import { paintSpectrum, paintTiles } from "./tile_painter.js";

const GAP = 3;
/** What the number of hidden channels takes, in CSS pixels. */
const COUNTER = { width: 25, height: 14 };

export class LayerTile {
  #node;
  #kind;
  #button;
  /** How many channels there are beyond those shown. */
  #words = html("span", { class: "visually-hidden" });
  #hidden = html("span", { class: "layer-hidden" });
  #area = html("span", { class: "layer-tiles", "aria-hidden": "true" });
  #canvas = html("canvas");
  /** @type {LayerMaps | null} */
  #maps = null;
  /** @type {RangeMode} */
  #mode = "layer";
  #resize;
  /** Of the area; asking for it between two changes would have the browser lay out the page. */
  #size = { width: 0, height: 0 };
  /** How many channels the caption counts. */
  #captioned = -1;
  #onScreen = false;

  /**
   * @param {LayerNode} node
   * @param {string} blockPath
   * @param {boolean} straight  it reads the operation before it
   * @param {(name: string) => void} onOpen
   * @param {{name: string, kind: string}} [label]  what to call it, where it stands for more than the layer
   */
  constructor(node, blockPath, straight, onOpen, label = { name: nameWithin(node.name, blockPath), kind: kindInWords(node.kind) }) {
    this.#node = node;
    this.#kind = label.kind;
    this.#area.append(this.#canvas, this.#hidden);
    this.#button = html(
      "button",
      { class: "layer", type: "button", "aria-expanded": "false", "data-layer": node.name, onclick: () => onOpen(node.name) },
      html(
        "span",
        { class: "layer-caption" },
        html("span", { class: "layer-name" }, blockPath ? html("span", { class: "visually-hidden" }, `${blockPath} `) : null, label.name),
        html("span", { class: "layer-kind" }, label.kind),
        html("span", { class: "layer-shape" }, shapeInWords(node.shape).replaceAll(" ", "")),
        this.#words,
      ),
      this.#area,
    );
    this.element = html("li", { class: "layer-item", "data-straight": straight }, this.#button);
    this.#caption(0);
    this.#resize = new ResizeObserver((entries) => {
      const { width, height } = entries[entries.length - 1].contentRect;
      this.#size = { width: Math.round(width), height: Math.round(height) };
      this.#repaint();
    });
    this.#resize.observe(this.#area);
  }

  get name() {
    return this.#node.name;
  }

  get node() {
    return this.#node;
  }

  get button() {
    return this.#button;
  }

  get onScreen() {
    return this.#onScreen;
  }

  /** @param {boolean} onScreen */
  setOnScreen(onScreen) {
    this.#onScreen = onScreen;
    if (onScreen) this.#repaint();
  }

  /** @param {boolean} open @param {boolean} feeds  it is an input of the open layer */
  setOpen(open, feeds) {
    this.#button.setAttribute("aria-expanded", String(open));
    this.#button.toggleAttribute("data-feeds", feeds);
  }

  /** @param {RangeMode} mode */
  setMode(mode) {
    this.#mode = mode;
    this.#repaint();
  }

  /** @param {LayerMaps | null} maps */
  update(maps) {
    this.#maps = maps;
    this.#repaint();
  }

  repaint() {
    this.#repaint();
  }

  get #channels() {
    return this.#node.shape[1] ?? 1;
  }

  /** @param {number} shown */
  #caption(shown) {
    if (shown === this.#captioned) return;
    this.#captioned = shown;
    const { shape, name } = this.#node;
    const part = shown > 0 && shown < this.#channels;
    const channels = part ? `${shown} of ${this.#channels} channels shown` : "";
    this.#hidden.textContent = part ? `+${this.#channels - shown}` : "";
    this.#words.textContent = channels;
    this.#button.title = [name, `${this.#kind}, ${shapeInWords(shape)}`, channels].filter(Boolean).join("\n");
  }

  #repaint() {
    if (this.#onScreen) inNextFrame(this, () => this.#paint());
  }

  #paint() {
    const { width, height } = this.#size;
    if (width < 1 || height < 1) return;
    const density = devicePixelRatio;
    const canvas = this.#canvas;
    const [deviceWidth, deviceHeight] = [Math.round(width * density), Math.round(height * density)];
    if (canvas.width !== deviceWidth || canvas.height !== deviceHeight) {
      [canvas.width, canvas.height] = [deviceWidth, deviceHeight];
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
    }
    const context = context2d(canvas);
    context.clearRect(0, 0, deviceWidth, deviceHeight);
    if (isVector(this.#node.shape)) {
      this.#caption(0);
      if (this.#maps) paintSpectrum(context, this.#maps, deviceWidth, deviceHeight, this.#mode);
      return;
    }
    const arrangement = arrangeWithCounter(width, height, this.#channels, COUNTER, GAP);
    this.#caption(arrangement.shown);
    if (this.#maps) {
      paintTiles(context, this.#maps, arrangement, GAP, this.#mode, density);
    } else {
      // At rest: where the maps will be.
      context.strokeStyle = "rgb(128 140 150 / 35%)";
      const side = Math.round(arrangement.side * density) - 1;
      for (let index = 0; index < arrangement.shown; index += 1) {
        const x = Math.round((index % arrangement.columns) * (arrangement.side + GAP) * density) + 0.5;
        const y = Math.round(Math.floor(index / arrangement.columns) * (arrangement.side + GAP) * density) + 0.5;
        context.strokeRect(x, y, side, side);
      }
    }
  }

  destroy() {
    this.#resize.disconnect();
    forgetFrame(this);
    this.element.remove();
  }
}
