/**
 * What the views of a comparison show of a selection: pictures, cards and places.
 *
 * @import {CompareSelection} from "../core/compare_selection.js"
 * @import {Side, Sides} from "../core/comparison.js"
 * @import {Channel, RangeMode} from "../core/types.js"
 * @import {ChannelCard, Column} from "../views/compare_channels.js"
 * @import {ComparedPicture} from "../views/compare_pictures.js"
 * @import {Pair} from "./pair_session.js"
 */
import { differenceRange, largestDifference, sharedRange, subtract, whyNoDifference } from "../core/comparison.js";
import { square } from "../core/compared_layer.js";
import { quantisedValues } from "../core/describe.js";
import { placed } from "../core/linked_cells.js";
import { plural, short } from "../core/numbers.js";

const SIDES = /** @type {const} */ (["a", "b"]);

/**
 * The maps that one range of colours spans: of both sides where the shapes are the same.
 *
 * @param {CompareSelection} selection
 * @param {Side} side
 */
function together({ layers, alike }, side) {
  return (alike ? SIDES : [side]).map((each) => layers[each].maps).filter((maps) => maps !== null);
}

/**
 * @param {CompareSelection} selection
 * @param {Sides<Channel | null>} exact  values of the open channels
 * @param {RangeMode} mode
 * @param {Pair | null} pair
 * @returns {Record<Column, ComparedPicture | string>} a sentence where there is no picture
 */
export function comparedPictures(selection, exact, mode, pair) {
  const { layers, open } = selection;
  /** @param {Side} side @returns {ComparedPicture | string} */
  const ofSide = (side) => {
    const layer = layers[side];
    const picture = layer.picture(open[side], exact[side]);
    if (!picture) return pair?.[side] ? "Fetching the maps …" : `Nothing is drawn for ${side.toUpperCase()} yet.`;
    const range = sharedRange(together(selection, side), open[side], layer.vector ? "layer" : mode);
    const title = layer.vector ? plural(layer.count, "value") : layer.channelName(open[side]);
    return { ...picture, range, title, count: layer.vector ? layer.count : undefined };
  };
  const [a, b] = [ofSide("a"), ofSide("b")];
  return { a, b, difference: differencePicture(selection, a, b, mode) };
}

/**
 * @param {CompareSelection} selection
 * @param {ComparedPicture | string} a
 * @param {ComparedPicture | string} b
 * @param {RangeMode} mode
 * @returns {ComparedPicture | string}
 */
function differencePicture({ layers, open, alike, difference, onOneImage }, a, b, mode) {
  if (!alike) return `${whyNoDifference(layers.a.node.shape, layers.b.node.shape)} ${linkInWords(layers, onOneImage)}`;
  if (!difference || typeof a === "string" || typeof b === "string") return "The difference appears once both sides have an answer.";
  const { vector, count, listWidth } = layers.a;
  const exact = a.exact && b.exact;
  /** Until the exact values come, the quantised ones make the picture. */
  const coarse = () => (vector ? square(difference.channelMinimum, listWidth) : quantisedValues(difference, open.a));
  const values = exact ? a.values.map((line, row) => line.map((value, column) => subtract(value, b.values[row]?.[column]))) : coarse();
  const range = differenceRange(difference, open.a, vector ? "layer" : mode);
  const largest = vector ? Math.max(Math.abs(difference.minimum), Math.abs(difference.maximum)) : largestDifference(difference, open.a);
  return { values, exact, range, title: `largest ${short(largest, 3)}`, count: vector ? count : undefined };
}

/**
 * What becomes of a cell in layers of two shapes.
 *
 * @param {CompareSelection["layers"]} layers
 * @param {boolean} onOneImage  whether both networks read images of one size
 */
function linkInWords({ a, b }, onOneImage) {
  if (!onOneImage) return "The networks read images of two sizes, so no cells are linked.";
  const without = [a, b].filter(({ node }) => !placed(node)).map(({ node }) => node.name);
  if (without.length === 0) return "A cell of one is linked to the cell of the other whose receptive field has its centre nearest to the same place of the image.";
  return `The cells of ${[...new Set(without)].join(" and ")} have no places of their own on the image, so none are linked.`;
}

/**
 * @param {CompareSelection} selection
 * @param {number[]} shown  channels
 * @param {RangeMode} mode
 * @returns {ChannelCard[]}
 */
export function channelCards(selection, shown, mode) {
  const { layers, difference } = selection;
  /** @param {Side} side @param {number} channel */
  const tile = (side, channel) => {
    const { vector, maps } = layers[side];
    return vector || !maps || channel >= maps.channels ? null : { maps, range: sharedRange(together(selection, side), channel, mode) };
  };
  return shown.map((channel) => {
    const largest = difference && short(largestDifference(difference, channel), 3);
    return {
      channel,
      tiles: { a: tile("a", channel), b: tile("b", channel), difference: difference && { maps: difference, range: differenceRange(difference, channel, mode) } },
      largest: largest ?? "",
    };
  });
}

/**
 * Where the cell of each picture is.
 *
 * @param {CompareSelection} selection
 * @returns {Record<Column, string>}
 */
export function placesInWords(selection) {
  const { layers, cells, alike, centresApart, side } = selection;
  /** @param {Side} each */
  const place = (each) => {
    const cell = cells[each];
    if (!cell) return layers[each].maps ? "Point at a cell, or move with the arrow keys." : "";
    const words = layers[each].placeInWords(cell);
    if (alike || each === side || centresApart === null) return words;
    return `${words}, ${centresApart === 0 ? "at the same centre" : `its centre ${short(centresApart, 2)} pixels from that of ${side.toUpperCase()}`}`;
  };
  return { a: place("a"), b: place("b"), difference: alike && cells.a ? "B minus A, rounded to float32 as PyTorch does" : "" };
}
