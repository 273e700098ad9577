/** The network as blocks of layers, from left to right. @import {LayerMaps, LayerNode, RangeMode} from "../core/types.js" */
import { blocks, blockTitle, connections } from "../core/graph.js";
import { PLACES, registerKeys } from "../core/key_table.js";
import { html, svg } from "./dom.js";
import { forgetFrame, inNextFrame } from "./frame.js";
import { LayerTile } from "./layer_tile.js";
import { onThemeChange } from "./theme.js";

/** Rem between the lanes in which connections run beside a block. */
const LANE = 0.5;

/** @typedef {{body: HTMLElement, wires: SVGSVGElement, tiles: LayerTile[], detours: import("../core/graph.js").Detour[], lanes: number}} BlockParts */

export class Blocks {
  #frame;
  #list = html("ol", { class: "blocks", "aria-label": "Layers of the network, in order" });
  /** @type {LayerTile[]} */
  #tiles = [];
  /** @type {BlockParts[]} */
  #blocks = [];
  /** @type {string | null} */
  #open = null;
  #seen;
  #resize;
  #forgetTheme;
  #forgetKeys;
  #onOpen;
  #onScreenChange;

  /**
   * @param {HTMLElement} frame
   * @param {{onOpen: (layer: string) => void, onScreenChange: () => void}} handlers
   */
  constructor(frame, { onOpen, onScreenChange }) {
    this.#frame = frame;
    this.#onOpen = onOpen;
    this.#onScreenChange = onScreenChange;
    frame.append(this.#list);
    this.#seen = new IntersectionObserver((entries) => this.#seeing(entries), { rootMargin: "80px" });
    this.#resize = new ResizeObserver(() => inNextFrame(this, () => this.#wire()));
    this.#resize.observe(this.#list);
    this.#forgetTheme = onThemeChange(() => this.#tiles.forEach((tile) => tile.repaint()));
    this.#list.addEventListener("keydown", (event) => this.#keyed(event));
    this.#forgetKeys = registerKeys(PLACES.layers, [
      { keys: ["Tab", "Shift+Tab"], label: "Layer after, before" },
      { keys: ["←", "↑", "→", "↓"], label: "Next layer, next block" },
      { keys: ["Home", "End"], label: "First, last layer" },
      { keys: ["Enter"], label: "Open the layer" },
    ]);
  }

  /** @param {LayerNode[]} nodes  of the network, in order of execution */
  setLayers(nodes) {
    for (const tile of this.#tiles) tile.destroy();
    this.#tiles = [];
    this.#blocks = [];
    const items = blocks(nodes).map((block, index, all) => {
      const { path, layers } = block;
      const title = blockTitle(block, index === all.length - 1);
      const { straight, detours, lanes } = connections(layers);
      const tiles = layers.map((node, place) => new LayerTile(node, path, straight[place] ?? false, this.#onOpen));
      const wires = svg("svg", { class: "block-wires", "aria-hidden": "true" });
      const body = html("div", { class: "block-body" }, wires, html("ol", { class: "block-layers" }, ...tiles.map((tile) => tile.element)));
      body.style.setProperty("--lanes", String(lanes));
      this.#tiles.push(...tiles);
      this.#blocks.push({ body, wires, tiles, detours, lanes });
      return html("li", { class: "block" }, html("h3", { class: "block-name", title }, title), body);
    });
    this.#list.replaceChildren(...items);
    for (const tile of this.#tiles) this.#seen.observe(tile.element);
  }

  /** Names of the layers that are on the screen. */
  get onScreen() {
    return this.#tiles.filter((tile) => tile.onScreen).map((tile) => tile.name);
  }

  /** @param {Map<string, LayerMaps>} maps */
  update(maps) {
    for (const tile of this.#tiles) {
      const layer = maps.get(tile.name);
      if (layer) tile.update(layer);
    }
  }

  clear() {
    for (const tile of this.#tiles) tile.update(null);
  }

  /** @param {RangeMode} mode */
  setMode(mode) {
    for (const tile of this.#tiles) tile.setMode(mode);
  }

  /** @param {string | null} name */
  setOpen(name) {
    this.#open = name;
    const open = this.#tiles.find((tile) => tile.name === name);
    for (const tile of this.#tiles) tile.setOpen(tile === open, open?.node.inputs.includes(tile.name) ?? false);
    if (open) {
      // Along the blocks only: the page itself stays where it is.
      const block = open.element.closest(".block");
      if (block instanceof HTMLElement) {
        const { offsetLeft: left, offsetWidth: width } = block;
        const frame = this.#frame;
        if (left < frame.scrollLeft || left + width > frame.scrollLeft + frame.clientWidth) frame.scrollLeft = left - 40;
      }
    }
    this.#wire();
  }

  /** @param {string} name */
  focus(name) {
    this.#tiles.find((tile) => tile.name === name)?.button.focus();
  }

  focusFirst() {
    (this.#tiles.find((tile) => tile.name === this.#open) ?? this.#tiles[0])?.button.focus();
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #seeing(entries) {
    let appeared = false;
    for (const { target, isIntersecting } of entries) {
      const tile = this.#tiles.find(({ element }) => element === target);
      if (!tile) continue;
      appeared ||= isIntersecting && !tile.onScreen;
      tile.setOnScreen(isIntersecting);
    }
    if (appeared) this.#onScreenChange();
  }

  /** Arrow keys go from layer to layer: down and up within a block, right and left between blocks. @param {KeyboardEvent} event */
  #keyed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const place = this.#tiles.findIndex(({ button }) => button === document.activeElement);
    if (place < 0) return;
    const column = this.#blocks.findIndex(({ tiles }) => tiles.includes(this.#tiles[place]));
    const row = this.#blocks[column].tiles.indexOf(this.#tiles[place]);
    /** @param {number} step */
    const beside = (step) => {
      const tiles = this.#blocks[column + step]?.tiles;
      return tiles?.[Math.min(row, tiles.length - 1)];
    };
    /** @type {Record<string, () => LayerTile | undefined>} */
    const moves = {
      ArrowDown: () => this.#tiles[place + 1],
      ArrowUp: () => this.#tiles[place - 1],
      ArrowRight: () => beside(1),
      ArrowLeft: () => beside(-1),
      Home: () => this.#tiles[0],
      End: () => this.#tiles[this.#tiles.length - 1],
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    move()?.button.focus();
  }

  /** Draw the connections that pass operations by, in the gutter left of each block. */
  #wire() {
    const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
    for (const { body, wires, tiles, detours, lanes } of this.#blocks) {
      const top = body.getBoundingClientRect().top;
      const edges = tiles.map(({ button }) => {
        const box = button.getBoundingClientRect();
        return { middle: box.top + box.height / 2 - top, height: box.height };
      });
      const right = (lanes * LANE + 0.25) * rem;
      const paths = detours.map(({ from, to, lane }) => {
        const x = right - (lane + 0.75) * LANE * rem;
        // Leave below the middle and arrive above it, so that both ends show where they meet.
        const start = from < 0 ? -2 : edges[from].middle + edges[from].height * 0.2;
        const end = edges[to].middle - edges[to].height * 0.2;
        const bend = Math.min(6, Math.abs(end - start) / 2);
        const out = from < 0 ? `M${x} ${start}` : `M${right} ${start}H${x + bend}Q${x} ${start} ${x} ${start + bend}`;
        const path = svg("path", { d: `${out}V${end - bend}Q${x} ${end} ${x + bend} ${end}H${right}m-4 -3l4 3l-4 3` });
        const target = tiles[to].name;
        path.classList.toggle("active", target === this.#open);
        return path;
      });
      wires.replaceChildren(...paths);
    }
  }

  destroy() {
    for (const tile of this.#tiles) tile.destroy();
    this.#forgetKeys();
    this.#seen.disconnect();
    this.#resize.disconnect();
    this.#forgetTheme();
    forgetFrame(this);
    this.#list.remove();
  }
}
