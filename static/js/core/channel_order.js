/** The order of a layer's channels, and pages of them. */

/** @typedef {"order" | "mean" | "maximum" | "sparsity" | "contribution"} SortKey */
/** @typedef {{key: SortKey, reversed: boolean}} Sort  not reversed: 0, 1, 2, ... or the largest first */

/** Channels on one page. */
export const PAGE = 64;

/** @type {Record<SortKey, {label: string, meaning: string}>} */
export const SORTS = {
  order: { label: "order", meaning: "" },
  mean: { label: "mean", meaning: "The mean of a channel's values." },
  maximum: { label: "maximum", meaning: "The largest value of a channel." },
  sparsity: { label: "sparsity", meaning: "The share of a channel's values that are exactly 0." },
  contribution: {
    label: "contribution",
    meaning: "What scaling a channel does to the logit, to first order: each value times the gradient of the logit at it, added up.",
  },
};

const KEYS = /** @type {SortKey[]} */ (Object.keys(SORTS));

/**
 * @param {string | null} text  such as "mean", or "-mean" for the reverse
 * @returns {Sort}
 */
export function parseSort(text) {
  const reversed = text?.startsWith("-") ?? false;
  const key = KEYS.find((each) => each === text?.replace(/^-/, ""));
  return key ? { key, reversed } : { key: "order", reversed: false };
}

/**
 * @param {Sort} sort
 * @returns {string | null} null for the order in which a layer opens
 */
export function formatSort({ key, reversed }) {
  const text = `${reversed ? "-" : ""}${key}`;
  return text === "order" ? null : text;
}

/**
 * Channels in an order: by number, or by a value, the largest first. Equal ones stay in the order
 * of their numbers; those without a value come last, either way round.
 *
 * @param {number} count
 * @param {ArrayLike<number | null> | null} values  null: by number
 * @param {boolean} reversed
 * @returns {number[]}
 */
export function orderChannels(count, values, reversed) {
  const channels = Array.from({ length: count }, (_, channel) => channel);
  if (!values) return reversed ? channels.reverse() : channels;
  /** @param {number} channel */
  const missing = (channel) => values[channel] === null || values[channel] === undefined || Number.isNaN(values[channel]);
  const sign = reversed ? -1 : 1;
  return channels.sort((one, other) => {
    if (missing(one) || missing(other)) return Number(missing(one)) - Number(missing(other)) || one - other;
    return sign * (Number(values[other]) - Number(values[one])) || one - other;
  });
}

/**
 * One page of channels.
 *
 * @param {number[]} channels  in order
 * @param {number} page  from 0; beyond the end it is the last one
 * @param {number} [size]
 */
export function pageOf(channels, page, size = PAGE) {
  const pages = Math.max(1, Math.ceil(channels.length / size));
  const within = Math.min(Math.max(0, page), pages - 1);
  return { page: within, pages, channels: channels.slice(within * size, (within + 1) * size) };
}

/**
 * What is on a page, and what is not.
 *
 * @param {{page: number, channels: number[]}} shown
 * @param {number} listed  channels on all pages
 * @param {number} hidden  channels on none, since they are dead
 * @param {number} [size]
 */
export function pageInWords({ page, channels }, listed, hidden, size = PAGE) {
  const first = page * size + 1;
  /** @param {number} number */
  const noun = (number) => (number === 1 ? "channel" : "channels");
  const shown = channels.length === listed ? `all ${listed} ${noun(listed)}` : `channels ${first}–${first + channels.length - 1} of ${listed}`;
  const left = listed === 0 ? "no channel left" : shown;
  return hidden === 0 ? left : `${left}, ${hidden} dead ${noun(hidden)} hidden`;
}

/**
 * Channels of which every value is exactly 0, from the exact extremes of an atlas.
 *
 * @param {{channels: number, channelMinimum: number[], channelMaximum: number[], nonFinite: number}} maps
 * @returns {boolean[]} all false where values are not finite: extremes do not tell then
 */
export function deadChannels({ channels, channelMinimum, channelMaximum, nonFinite }) {
  return Array.from({ length: channels }, (_, channel) => nonFinite === 0 && channelMinimum[channel] === 0 && channelMaximum[channel] === 0);
}

/** Of more inputs than these, no count is kept. */
export const MOST_INPUTS = 2000;

/** Which channels of each layer have been alive on any of the inputs that a page has seen. */
export class SeenChannels {
  /** @type {Map<string, {inputs: Set<string>, alive: Uint8Array}>} */
  #layers = new Map();

  /**
   * @param {string} input  what identifies it
   * @param {string} layer
   * @param {boolean[]} dead
   */
  add(input, layer, dead) {
    let seen = this.#layers.get(layer);
    if (!seen || seen.alive.length !== dead.length) {
      seen = { inputs: new Set(), alive: new Uint8Array(dead.length) };
      this.#layers.set(layer, seen);
    }
    if (seen.inputs.size <= MOST_INPUTS) seen.inputs.add(input);
    for (let channel = 0; channel < dead.length; channel += 1) if (!dead[channel]) seen.alive[channel] = 1;
  }

  /**
   * @param {string} layer
   * @returns {{inputs: number, dead: (channel: number) => boolean, count: number}} dead on all of so many inputs
   */
  of(layer) {
    const seen = this.#layers.get(layer);
    if (!seen) return { inputs: 0, dead: () => false, count: 0 };
    return { inputs: seen.inputs.size, dead: (channel) => seen.alive[channel] === 0, count: seen.alive.reduce((sum, alive) => sum + (alive ? 0 : 1), 0) };
  }
}
