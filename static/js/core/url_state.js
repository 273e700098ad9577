/**
 * The page's state in the fragment of its address.
 *
 * @import {Cell} from "./types.js"
 * @import {MapView} from "./map_view.js"
 */

/**
 * @typedef {object} UrlState
 * @property {string} drawing  code of the drawing, "" if there is none
 * @property {string | null} layer
 * @property {number | null} channel
 * @property {Cell | null} cell
 * @property {string | null} prompt
 * @property {string[] | null} unfolded  modules on the map, where they differ from how it opens
 * @property {MapView | null} camera  where one looks at the map, where that differs from how it opens
 * @property {Settings} settings  of views, where they differ from how those open
 *
 * @typedef {{readonly [Name in SettingName]?: string}} Settings
 * @typedef {keyof typeof SETTINGS} SettingName
 */

/**
 * Settings of views that belong to a link: the name in the address, and what its values look like.
 * A view adds a line here, reads `address.setting(name)` when it is shown, and calls
 * `address.set(name, value)` when its reader changes it.
 */
export const SETTINGS = Object.freeze({
  /** Range of the colours. */
  range: /^(layer|channel|locked)$/,
  /** The range at which the open layer's colours are locked. */
  locked: /^-?\d[\d.]*(e[+-]?\d+)?,-?\d[\d.]*(e[+-]?\d+)?$/,
  /** What channels are sorted by; with "-" the other way round. */
  sort: /^-?(order|mean|maximum|sparsity|contribution)$/,
  /** The category to whose logit contributions are; none: the best guess. */
  toward: /^.{1,200}$/,
  /** Page of the channels, from 1. */
  page: /^[1-9]\d{0,5}$/,
  /** Whether dead channels are left out. */
  dead: /^hidden$/,
  /** Which of the samples is the input of a network of images. */
  sample: /^[a-z0-9-]{1,40}$/,
  /** Which input channel of the weights is shown, or what over all of them. */
  weights: /^(\d{1,6}|norm|mean|rgb)$/,
  /** Which studies of the value are open, with "~" between them. */
  study: /^(none|(arithmetic|player|column|reach)(~(arithmetic|player|column|reach)){0,3})$/,
  /** Over what is measured how much each pixel counts. */
  heat: /^(input|noise|examples)$/,
  /** Where the window stands, from 0, and the input channel over which it moves. */
  step: /^\d{1,9}$/,
  source: /^\d{1,6}$/,
  /** From where it is asked what can change, where not from a pixel; and the pixel: row,column. */
  from: /^cell$/,
  pixel: /^\d{1,5},\d{1,5}$/,
});

const SETTING_NAMES = /** @type {SettingName[]} */ (Object.keys(SETTINGS));

/** @type {UrlState} */
export const EMPTY_STATE = Object.freeze({ drawing: "", layer: null, channel: null, cell: null, prompt: null, unfolded: null, camera: null, settings: Object.freeze({}) });

/** Furthest that an address may take the map's camera, in pixels. */
const FARTHEST = 1e7;

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
  /** @type {{-readonly [Name in SettingName]?: string}} */
  const settings = {};
  for (const name of SETTING_NAMES) {
    const value = values.get(name);
    if (value !== null && SETTINGS[name].test(value)) settings[name] = value;
  }
  return { drawing: values.get("drawing") ?? "", layer, channel, cell, prompt: values.get("prompt") || null, unfolded, camera: parseCamera(values.get("camera") ?? ""), settings };
}

/** @param {string} text  "x,y,scale": the place in the middle of the frame, and how large it is */
function parseCamera(text) {
  const parts = text.split(",").map((part) => (/^-?\d{1,8}(\.\d{1,6})?$/.test(part) ? Number(part) : Number.NaN));
  if (parts.length !== 3 || parts.some((part) => !Number.isFinite(part) || Math.abs(part) > FARTHEST) || parts[2] <= 0) return null;
  return { x: parts[0], y: parts[1], scale: parts[2] };
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
  for (const name of SETTING_NAMES) {
    const value = state.settings[name];
    if (value !== undefined) parts.push(`${name}=${encodeURIComponent(value)}`);
  }
  if (state.prompt !== null) parts.push(`prompt=${encodeURIComponent(state.prompt)}`);
  if (state.unfolded !== null) parts.push(`unfolded=${state.unfolded.map(encodeURIComponent).join("~")}`);
  if (state.camera) parts.push(`camera=${[state.camera.x.toFixed(0), state.camera.y.toFixed(0), state.camera.scale.toFixed(3)].join(",")}`);
  if (state.drawing) parts.push(`drawing=${state.drawing}`);
  return parts.length > 0 ? `#${parts.join("&")}` : "";
}
