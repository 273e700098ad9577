/**
 * The stacks in the fragment of an address, readable:
 * #input=1,3,32,32&layers=Conv2d(in_channels=3,out_channels=8,kernel_size=3);ReLU()
 *
 * @import {Stacks, StackLayer} from "./stack.js"
 */
import { formatLiteral, LiteralReader } from "./python_literal.js";
import { MOST_LAYERS, newLayer } from "./stack.js";

/** Longer addresses are cut by some programs that pass them on. */
export const LONGEST_LINK = 8000;

const MOST_AXES = 16;

/** @param {StackLayer[]} layers */
function formatLayers(layers) {
  return layers
    .map(({ type, parameters }) => {
      const values = Object.entries(parameters).map(([name, value]) => `${name}=${formatLiteral(value).replaceAll(", ", ",")}`);
      return `${type}(${values.join(",")})`;
    })
    .join(";");
}

/**
 * @param {string} text
 * @returns {StackLayer[] | null} null if it cannot be read
 */
function parseLayers(text) {
  const reader = new LiteralReader(text);
  /** @type {StackLayer[]} */
  const layers = [];
  while (!reader.done) {
    const type = reader.name();
    if (type === null || !reader.take("(")) return null;
    /** @type {import("./stack.js").Parameters} */
    const parameters = {};
    let open = !reader.take(")");
    while (open) {
      const name = reader.name();
      if (name === null || !reader.take("=")) return null;
      const value = reader.value();
      if (value === undefined) return null;
      parameters[name] = value;
      open = !reader.take(")");
      if (open && !reader.take(",")) return null;
    }
    layers.push(newLayer(type, parameters));
    reader.take(";");
    if (layers.length > MOST_LAYERS) return null;
  }
  return layers;
}

/** Characters that a fragment may have as they are; percent signs first. @param {string} text */
const escaped = (text) => encodeURIComponent(text).replace(/%(?:28|29|2C|3B|3D|3A|2F|3F|40|24|21|27|2A|2B)/g, decodeURIComponent);

/**
 * @param {Stacks} state
 * @returns {string} "#...", perhaps longer than LONGEST_LINK
 */
export function formatStacks({ input, training, stacks }) {
  const parts = [`input=${input.join(",")}`, `layers=${escaped(formatLayers(stacks[0]))}`];
  if (stacks.length > 1) parts.push(`other=${escaped(formatLayers(stacks[1]))}`);
  if (training) parts.push("training=1");
  return `#${parts.join("&")}`;
}

/**
 * @param {string} fragment  with or without "#"
 * @returns {Stacks | null} null if it says nothing of stacks, or cannot be read
 */
export function parseStacks(fragment) {
  /** @type {Map<string, string>} */
  const values = new Map();
  for (const part of fragment.replace(/^#/, "").split("&")) {
    const at = part.indexOf("=");
    if (at < 0) continue;
    try {
      values.set(part.slice(0, at), decodeURIComponent(part.slice(at + 1)));
    } catch {
      return null;
    }
  }
  const sizes = /^\d{1,16}(?:,\d{1,16})*$/.exec(values.get("input") ?? "")?.[0].split(",").map(Number);
  const first = parseLayers(values.get("layers") ?? "");
  if (!sizes || sizes.length > MOST_AXES || !sizes.every(Number.isSafeInteger) || !values.has("layers") || first === null) return null;
  const other = values.has("other") ? parseLayers(values.get("other") ?? "") : undefined;
  if (other === null) return null;
  return { input: sizes, training: values.get("training") === "1", stacks: other ? [first, other] : [first] };
}
