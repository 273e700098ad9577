/**
 * Where the items of the map belong, as a worker lays them out; says so while that takes long.
 *
 * @import {Connection, MapItem} from "../core/fold.js"
 * @import {LayoutAnswer, LayoutMessage, LayoutRequest} from "../core/map_view.js"
 */
import { plural } from "../core/numbers.js";
import { html } from "./dom.js";
import { sizeOf } from "./map_tile.js";

const INPUT = { width: 64, height: 44 };

export class MapArrangement {
  element = html("p", { class: "map-busy", role: "status", hidden: true });
  #onLaidOut;
  #worker = new Worker(new URL("../workers/map_layout.js", import.meta.url), { type: "module" });
  #count = 0;
  #request = 0;
  #wait = 0;
  /** @type {(() => void) | null} what to do when the map is laid out */
  #then = null;

  /** @param {(layout: LayoutAnswer, then: (() => void) | null) => void} onLaidOut */
  constructor(onLaidOut) {
    this.#onLaidOut = onLaidOut;
    this.#worker.addEventListener("message", (event) => this.#heard(event.data));
  }

  /**
   * @param {MapItem[]} items
   * @param {Connection[]} connections
   * @param {(() => void) | null} then  to be done once they are laid out, or others after them
   */
  ask(items, connections, then) {
    // A request that was not answered yet is not needed any more, but what waited for it is.
    const before = this.#then;
    this.#then = () => {
      before?.();
      then?.();
    };
    this.#request += 1;
    this.#count = items.length;
    clearTimeout(this.#wait);
    this.#wait = window.setTimeout(() => (this.element.hidden = false), 300);
    this.element.textContent = `Laying out ${plural(items.length, "item")} …`;
    /** @type {LayoutRequest} */
    const request = {
      id: this.#request,
      items: [...inputsOf(items, connections)].map((id) => ({ id, ...INPUT, parent: /** @type {string | null} */ (null) })).concat(items.map((item) => ({ id: item.id, ...sizeOf(item), parent: item.within.at(-1) ?? null }))),
      groups: groupsOf(items),
      connections,
    };
    this.#worker.postMessage(request);
  }

  /** Whether a layout is of what was asked for last. @param {LayoutAnswer} layout */
  isOf(layout) {
    return layout.id === this.#request;
  }

  /** @param {LayoutMessage} message */
  #heard(message) {
    if (message.id !== this.#request) return;
    if ("done" in message) {
      this.element.textContent = `Laying out ${plural(this.#count, "item")}: ${message.done} of ${plural(message.all, "module")} …`;
      return;
    }
    clearTimeout(this.#wait);
    this.element.hidden = true;
    const then = this.#then;
    this.#then = null;
    this.#onLaidOut(message.answer, then);
  }

  destroy() {
    clearTimeout(this.#wait);
    this.#worker.terminate();
  }
}

/**
 * What is read, and is no item: what the network is given.
 *
 * @param {MapItem[]} items
 * @param {Connection[]} connections
 */
export function inputsOf(items, connections) {
  const known = new Set(items.map(({ id }) => id));
  return new Set(connections.map(({ from }) => from).filter((from) => !known.has(from)));
}

/** The unfolded groups that hold items, outer ones before inner ones, each with the one around it. @param {MapItem[]} items */
function groupsOf(items) {
  /** @type {Map<string, string | null>} */
  const parents = new Map();
  for (const { within } of items) within.forEach((id, depth) => parents.set(id, within[depth - 1] ?? null));
  return [...parents].map(([id, parent]) => ({ id, parent }));
}
