/**
 * The calculator's whole state in the fragment of the address.
 *
 * @import {Configuration, LayerKind, Scalar, Values} from "./types.js"
 */
import { readSize, readValue, valueText } from "./fields.js";

/** What the animation is set to; none of these is a parameter of a layer. */
export const VIEW_KEYS = /** @type {const} */ (["numbers", "kernel", "operation", "spread", "cell", "channel", "drawing"]);

/** Axes of an input that the server takes. */
const MOST_AXES = 16;
const MOST_CHARACTERS = 400;

/** @type {Configuration} */
export const START = {
  type: "Conv2d",
  input: [1, 3, 8, 8],
  values: { in_channels: 3, out_channels: 8, kernel_size: 3, stride: 2, padding: 1 },
  view: {},
};

/**
 * Read a fragment. What cannot be read is as if it were not there: an address is typed by hand
 * and cut by mail programs.
 *
 * @param {string} fragment  with or without "#"
 * @param {ReadonlyMap<string, LayerKind>} kinds
 * @returns {Configuration}
 */
export function parseConfiguration(fragment, kinds) {
  const given = new URLSearchParams(fragment.replace(/^#/, ""));
  const kind = kinds.get(given.get("layer") ?? "");
  /** @type {Record<string, string>} */
  const view = {};
  for (const key of VIEW_KEYS) {
    const text = given.get(key);
    if (text) view[key] = text;
  }
  if (!kind) return { ...START, view };
  /** @type {Values} */
  const values = {};
  for (const { name, kind: takes } of kind.parameters) {
    const value = readValue((given.get(name) ?? "").slice(0, MOST_CHARACTERS), takes);
    if (value !== undefined) values[name] = value;
  }
  const input = (given.get("input") ?? "").split(",").slice(0, MOST_AXES).map((text) => readSize(text.slice(0, MOST_CHARACTERS)));
  return { type: kind.type, input: given.get("input") === null ? START.input : given.get("input") === "" ? [] : input, values, view };
}

/** @param {Scalar} size */
const sizeText = (size) => encodeURIComponent(String(size));

/**
 * @param {Configuration} configuration
 * @returns {string} "#..." with the drawing last
 */
export function formatConfiguration({ type, input, values, view }) {
  const parts = [`layer=${type}`, `input=${input.map(sizeText).join(",")}`];
  for (const [name, value] of Object.entries(values)) {
    const text = encodeURIComponent(valueText(value).replaceAll(", ", ",")).replaceAll("%2C", ",");
    parts.push(`${name}=${text}`);
  }
  for (const key of VIEW_KEYS) if (view[key]) parts.push(`${key}=${encodeURIComponent(view[key]).replaceAll("%2C", ",").replaceAll("%3B", ";")}`);
  return `#${parts.join("&")}`;
}
