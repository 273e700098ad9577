/**
 * Two sides of a comparison: their guesses, their channels, their colours.
 *
 * @import {ColourRange} from "./colour.js"
 * @import {Cell, LayerMaps, Prediction, RangeMode, Theme} from "./types.js"
 */
import { colourRange, lookupTable, scalePosition } from "./colour.js";

/**
 * @typedef {"a" | "b"} Side
 * @typedef {"drawings" | "models"} CompareMode  two drawings through one network, or one through two
 * @typedef {"difference" | "order"} ChannelSort  by the greatest difference, or by number
 * @typedef {Cell & {side: Side}} CellOfSide  a cell, and the side on whose layer it was chosen
 *
 * @typedef {{layer: string, other_layer: string, matched_by: string, same_shape: boolean}} LayerMatch
 * @typedef {LayerMatch & {relative_l2: number | null, cosine: number | null, l2: number | null, largest: number | null, skipped: number, shape: number[], other_shape: number[]}} LayerDifference
 *   From GET /inspections/{id}/difference.
 *
 * @typedef {{label: string, a: number | null, b: number | null, difference: number | null}} GuessPair
 *   Probabilities of one category on both sides; null where a network does not know it.
 */

/**
 * @template Value
 * @typedef {{a: Value, b: Value}} Sides
 */

/**
 * The best guesses of either side, each with its probability on both: those whose larger
 * probability is the largest first, equal ones in the order of A, then of B.
 *
 * @param {Prediction[]} a  all categories, best first
 * @param {Prediction[]} b
 * @param {number} top  guesses of each side
 * @returns {GuessPair[]}
 */
export function pairGuesses(a, b, top) {
  const [ofA, ofB] = [a, b].map((all) => new Map(all.map(({ label, probability }) => [label, probability])));
  const labels = new Set([...a.slice(0, top), ...b.slice(0, top)].map(({ label }) => label));
  const pairs = [...labels].map((label) => {
    const [inA, inB] = [ofA.get(label) ?? null, ofB.get(label) ?? null];
    return { label, a: inA, b: inB, difference: inA === null || inB === null ? null : inB - inA };
  });
  return pairs.sort((one, other) => Math.max(other.a ?? 0, other.b ?? 0) - Math.max(one.a ?? 0, one.b ?? 0));
}

/**
 * Total variation distance of two distributions over the same categories: half the sum of
 * |b - a|, which is the probability that would have to move from some categories to others.
 *
 * @param {Prediction[]} a
 * @param {Prediction[]} b
 * @returns {number | null} 0..1; null where the categories are not the same
 */
export function totalVariation(a, b) {
  const ofA = new Map(a.map(({ label, probability }) => [label, probability]));
  if (a.length !== b.length || a.length === 0 || b.some(({ label }) => !ofA.has(label))) return null;
  return b.reduce((sum, { label, probability }) => sum + Math.abs(probability - (ofA.get(label) ?? 0)), 0) / 2;
}

/**
 * The largest |difference| within one channel.
 *
 * @param {LayerMaps} difference
 * @param {number} channel
 */
export function largestDifference({ channelMinimum, channelMaximum }, channel) {
  return Math.max(Math.abs(channelMinimum[channel]), Math.abs(channelMaximum[channel]));
}

/**
 * Channels in the order in which they are shown; equally different ones by number.
 *
 * @param {number} count
 * @param {LayerMaps | null} difference  null where there is none: then by number
 * @param {ChannelSort} sort
 * @returns {number[]}
 */
export function orderChannels(count, difference, sort) {
  const order = Array.from({ length: count }, (_, channel) => channel);
  if (sort === "order" || !difference) return order;
  const size = order.map((channel) => largestDifference(difference, channel));
  return order.sort((one, other) => size[other] - size[one] || one - other);
}

/**
 * One page of a list; a page beyond the last is the last.
 *
 * @template Item
 * @param {Item[]} items
 * @param {number} page  from 1
 * @param {number} size  of a page
 * @returns {{shown: Item[], page: number, pages: number, hidden: number}}
 */
export function pageOf(items, page, size) {
  const pages = Math.max(1, Math.ceil(items.length / size));
  const inside = Math.min(Math.max(1, page), pages);
  const shown = items.slice((inside - 1) * size, inside * size);
  return { shown, page: inside, pages, hidden: items.length - shown.length };
}

/**
 * The range of the colours for both sides together, so that a colour means the same on each.
 *
 * @param {LayerMaps[]} sides  of one shape
 * @param {number} channel
 * @param {RangeMode} mode
 */
export function sharedRange(sides, channel, mode) {
  const whole = mode !== "channel";
  const minimum = Math.min(...sides.map((maps) => (whole ? maps.minimum : maps.channelMinimum[channel])));
  const maximum = Math.max(...sides.map((maps) => (whole ? maps.maximum : maps.channelMaximum[channel])));
  return colourRange(minimum, maximum, sides.some(({ signed }) => signed));
}

/**
 * The range of differences: the same length below zero as above it.
 *
 * @param {LayerMaps} difference
 * @param {number} channel
 * @param {RangeMode} mode
 * @returns {ColourRange}
 */
export function differenceRange(difference, channel, mode) {
  const whole = mode !== "channel";
  const bound = whole ? Math.max(Math.abs(difference.minimum), Math.abs(difference.maximum)) : largestDifference(difference, channel);
  return { kind: "difference", low: -bound, high: bound };
}

/**
 * Paint one channel into 32-bit pixels, height x width of them.
 *
 * @param {Uint32Array} pixels
 * @param {LayerMaps} maps
 * @param {number} channel
 * @param {ColourRange} range
 * @param {Theme} theme
 */
export function paintMap(pixels, maps, channel, range, theme) {
  const table = lookupTable(range.kind, theme);
  const first = scalePosition(range, maps.channelMinimum[channel]) * 255;
  const step = (scalePosition(range, maps.channelMaximum[channel]) * 255 - first) / 255;
  const size = maps.width * maps.height;
  for (let index = 0; index < size; index += 1) pixels[index] = table[(first + step * maps.data[channel * size + index] + 0.5) | 0];
}

/**
 * b - a rounded to float32, as PyTorch subtracts float32 tensors. For two float32 numbers the
 * float64 difference has digits enough that rounding twice gives what rounding once would.
 *
 * @param {number | null | undefined} a
 * @param {number | null | undefined} b
 * @returns {number | null} null where there is no finite value on either side
 */
export function subtract(a, b) {
  return a === null || a === undefined || b === null || b === undefined ? null : Math.fround(b - a);
}

/**
 * Why two layers have no difference, in a sentence.
 *
 * @param {number[]} a  shape of A's layer, with its batch axis
 * @param {number[]} b
 */
export function whyNoDifference(a, b) {
  const [ofA, ofB] = [a, b].map((shape) => shape.slice(1).join(" × "));
  return `A gives ${ofA} values here and B ${ofB}: only values of equal shapes can be subtracted one by one.`;
}

/** @param {number[]} one @param {number[]} other  shapes */
export function sameShape(one, other) {
  return one.length === other.length && one.every((size, axis) => size === other[axis]);
}
