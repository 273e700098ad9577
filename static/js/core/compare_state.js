/**
 * What the Compare page shows, in the fragment of its address.
 *
 * @import {CellOfSide, ChannelSort, CompareMode, Side} from "./comparison.js"
 * @import {RangeMode} from "./types.js"
 */

/**
 * @typedef {object} CompareState
 * @property {CompareMode} mode
 * @property {string | null} model  name of the network, of side A where there are two; null: the default
 * @property {string | null} other  of side B, where two networks are compared; null: as the page opens
 * @property {string | null} layer  of side A; null: as the page opens
 * @property {string | null} otherLayer  of side B; null: the counterpart of the layer
 * @property {number | null} channel  null: the first of those shown
 * @property {number | null} otherChannel  of side B, where the shapes differ; null: of the same number
 * @property {CellOfSide | null} cell
 * @property {ChannelSort} sort
 * @property {Extract<RangeMode, "layer" | "channel">} range  that the colours span
 * @property {number} page  of channels, from 1
 * @property {string} a  code of the drawing of side A, or of the one drawing
 * @property {string} b  code of the drawing of side B
 */

/** @type {CompareState} */
export const EMPTY_COMPARISON = Object.freeze({
  mode: "drawings",
  model: null,
  other: null,
  layer: null,
  otherLayer: null,
  channel: null,
  otherChannel: null,
  cell: null,
  sort: "difference",
  range: "layer",
  page: 1,
  a: "",
  b: "",
});

/**
 * Read a fragment. What cannot be read is as if it were not there.
 *
 * @param {string} fragment  with or without "#"
 * @returns {CompareState}
 */
export function parseComparison(fragment) {
  const values = new URLSearchParams(fragment.replace(/^#/, ""));
  /** @param {string} name */
  const text = (name) => values.get(name) || null;
  /** @param {string} name */
  const number = (name) => (/^\d{1,6}$/.test(values.get(name) ?? "") ? Number(values.get(name)) : null);
  const layer = text("layer");
  const cell = /^(\d{1,5}),(\d{1,5})(,b)?$/.exec(values.get("cell") ?? "");
  return {
    mode: values.get("mode") === "models" ? "models" : "drawings",
    model: text("model"),
    other: text("other"),
    layer,
    otherLayer: layer === null ? null : text("other-layer"),
    channel: layer === null ? null : number("channel"),
    otherChannel: layer === null ? null : number("other-channel"),
    cell: layer !== null && cell ? { side: /** @type {Side} */ (cell[3] ? "b" : "a"), row: Number(cell[1]), column: Number(cell[2]) } : null,
    sort: values.get("sort") === "order" ? "order" : "difference",
    range: values.get("range") === "channel" ? "channel" : "layer",
    page: Math.max(1, number("page") ?? 1),
    a: values.get("a") ?? "",
    b: values.get("b") ?? "",
  };
}

/**
 * @param {CompareState} state
 * @returns {string} "" where everything is as the page opens, else "#..." with the drawings last
 */
export function formatComparison(state) {
  const { mode, model, other, layer, otherLayer, channel, otherChannel, cell, sort, range, page, a, b } = state;
  /** @type {string[]} */
  const parts = [];
  /** @param {string} name @param {string | number | null} value */
  const add = (name, value) => {
    if (value !== null && value !== "") parts.push(`${name}=${encodeURIComponent(value)}`);
  };
  if (mode === "models") add("mode", mode);
  add("model", model);
  if (mode === "models") add("other", other);
  if (layer !== null) {
    add("layer", layer);
    if (mode === "models") add("other-layer", otherLayer);
    add("channel", channel);
    add("other-channel", otherChannel);
    if (cell) parts.push(`cell=${cell.row},${cell.column}${cell.side === "b" ? ",b" : ""}`);
  }
  if (sort === "order") add("sort", sort);
  if (range === "channel") add("range", range);
  if (page > 1) add("page", page);
  add("a", a);
  if (mode === "drawings") add("b", b);
  return parts.length > 0 ? `#${parts.join("&")}` : "";
}
