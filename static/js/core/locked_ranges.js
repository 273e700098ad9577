/** Ranges of colours that stay as they were, whatever is drawn. @import {LayerMaps, LockedRange} from "./types.js" */
import { colourRange } from "./colour.js";

/** The range that the colours of each layer spanned when it was locked. */
export class LockedRanges {
  /** @type {Map<string, LockedRange>} */
  #ranges = new Map();

  /** @param {string | null} saved  what `saved` gave */
  constructor(saved = null) {
    try {
      for (const [layer, low, high] of JSON.parse(saved ?? "[]")) {
        if (Number.isFinite(low) && Number.isFinite(high)) this.set(layer, low, high);
      }
    } catch {
      // What was stored is not ours, or cut: then nothing is locked yet.
    }
  }

  /**
   * @param {string} layer
   * @param {number} minimum
   * @param {number} maximum
   */
  set(layer, minimum, maximum) {
    // What the colours span, and no less: to count what is beyond them.
    const { low, high } = colourRange(minimum, maximum, minimum < 0);
    this.#ranges.set(layer, { minimum: low, maximum: high, signed: minimum < 0 });
  }

  /** @param {string} layer */
  get(layer) {
    return this.#ranges.get(layer) ?? null;
  }

  /** Nothing is locked any more. */
  clear() {
    this.#ranges.clear();
  }

  /**
   * Give maps the range that their layer is locked at: a layer that is seen for the first time is
   * locked at what it is now.
   *
   * @param {LayerMaps} maps
   */
  attach(maps) {
    if (!this.#ranges.has(maps.name)) this.set(maps.name, maps.minimum, maps.maximum);
    maps.locked = this.#ranges.get(maps.name);
  }

  /** Everything, as text. */
  get saved() {
    return JSON.stringify([...this.#ranges].map(([layer, { minimum, maximum }]) => [layer, minimum, maximum]));
  }
}

/**
 * In how many channels values lie beyond a range; from their exact extremes.
 *
 * @param {LayerMaps} maps
 * @param {LockedRange} range
 */
export function channelsBeyond(maps, { minimum, maximum }) {
  let below = 0;
  let above = 0;
  for (let channel = 0; channel < maps.channels; channel += 1) {
    if (maps.channelMinimum[channel] < minimum) below += 1;
    if (maps.channelMaximum[channel] > maximum) above += 1;
  }
  return { below, above };
}
