/** What feeds an item of the map, what it feeds, and which are runs of the same module. @import {Connection, MapItem} from "./fold.js" */

export class Neighbours {
  /** @type {Map<string, string[]>} */
  #before = new Map();
  /** @type {Map<string, string[]>} */
  #after = new Map();
  /** @type {Map<string, string[]>} items by the module that they run */
  #runs = new Map();
  /** @type {Map<string, string>} */
  #modules = new Map();

  /**
   * @param {MapItem[]} items
   * @param {Connection[]} connections
   */
  constructor(items, connections) {
    for (const item of items) {
      const module = moduleOf(item);
      if (module === null) continue;
      this.#modules.set(item.id, module);
      this.#runs.set(module, [...(this.#runs.get(module) ?? []), item.id]);
    }
    const known = new Set(items.map(({ id }) => id));
    for (const { from, to } of connections) {
      if (known.has(from)) this.#before.set(to, [...(this.#before.get(to) ?? []), from]);
      this.#after.set(from, [...(this.#after.get(from) ?? []), to]);
    }
  }

  /** Items that feed one; what the network is given is none. @param {string} id */
  before(id) {
    return this.#before.get(id) ?? [];
  }

  /** Items that one feeds. @param {string} id */
  after(id) {
    return this.#after.get(id) ?? [];
  }

  /** @param {string} from @param {string} to */
  feeds(from, to) {
    return this.before(to).includes(from);
  }

  /** Other runs of the same module. @param {string} id */
  twins(id) {
    const module = this.#modules.get(id);
    return module === undefined ? [] : (this.#runs.get(module) ?? []).filter((other) => other !== id);
  }

  /** Which of the runs of its module an item is, from 0. @param {string} id */
  run(id) {
    return Math.max(0, (this.#runs.get(this.#modules.get(id) ?? "") ?? []).indexOf(id));
  }

  /**
   * Everything that is lit with an item, and why.
   *
   * @param {string} id
   * @returns {Map<string, "in" | "out" | "shared">}
   */
  around(id) {
    /** @type {Map<string, "in" | "out" | "shared">} */
    const ways = new Map();
    for (const twin of this.twins(id)) ways.set(twin, "shared");
    for (const next of this.after(id)) ways.set(next, "out");
    for (const before of this.before(id)) ways.set(before, "in");
    return ways;
  }
}

/** The module of which an item is one run; null: it is an operation within a module. @param {MapItem} item */
function moduleOf({ group, node }) {
  if (group) return group.path;
  return node.name.replace(/@\d+$/, "") === node.module_path ? node.module_path : null;
}
