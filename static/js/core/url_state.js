/** The page's state in the fragment of its address. @import {Cell} from "./types.js" */

/**
 * @typedef {object} UrlState
 * @property {string} drawing  code of the drawing, "" if there is none
 * @property {string | null} layer
 * @property {number | null} channel
 * @property {Cell | null} cell
 * @property {string | null} prompt
 * @property {string[] | null} unfolded  modules on the map, where they differ from how it opens
 */

/** @type {UrlState} */
export const EMPTY_STATE = Object.freeze({ drawing: "", layer: null, channel: null, cell: null, prompt: null, unfolded: null });

/**
 * Read a fragment. What cannot be read is as if it were not there: an address is typed by hand
 * and cut by mail programs.
 *
 * @param {string} fragment  with or without "#"
 * @returns {UrlState}
 */
export function parseState(fragment) {
  const values = new URLSearchParams(fragment.replace(/^#/, ""));
  const layer = values.get("layer") || null;
  const channelText = values.get("channel") ?? "";
  const channel = layer !== null && /^\d{1,6}$/.test(channelText) ? Number(channelText) : null;
  const cellText = /^(\d{1,5}),(\d{1,5})$/.exec(values.get("cell") ?? "");
  const cell = channel !== null && cellText ? { row: Number(cellText[1]), column: Number(cellText[2]) } : null;
  const unfolded = values.get("unfolded")?.split("~").filter(Boolean) ?? null;
  return { drawing: values.get("drawing") ?? "", layer, channel, cell, prompt: values.get("prompt") || null, unfolded };
}

/**
 * @param {UrlState} state
 * @returns {string} "" for the empty state, else "#..." with the drawing last
 */
export function formatState(state) {
  /** @type {string[]} */
  const parts = [];
  if (state.layer !== null) {
    parts.push(`layer=${encodeURIComponent(state.layer)}`);
    if (state.channel !== null) {
      parts.push(`channel=${state.channel}`);
      if (state.cell) parts.push(`cell=${state.cell.row},${state.cell.column}`);
    }
  }
  if (state.prompt !== null) parts.push(`prompt=${encodeURIComponent(state.prompt)}`);
  if (state.unfolded !== null) parts.push(`unfolded=${state.unfolded.map(encodeURIComponent).join("~")}`);
  if (state.drawing) parts.push(`drawing=${state.drawing}`);
  return parts.length > 0 ? `#${parts.join("&")}` : "";
}
