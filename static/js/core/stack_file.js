/**
 * Stacks as files and as what the browser remembers: the same JSON that the API takes.
 *
 * @import {LayerSpec, StackLayer, Stacks} from "./stack.js"
 */
import { count } from "./numbers.js";
import { fromSpec, MOST_LAYERS, toSpec } from "./stack.js";

/** Larger files are not read, in bytes: 1000 layers have less than half of that. */
export const LARGEST_FILE = 2 * 1024 * 1024;

const MOST_AXES = 16;
const MOST_VALUES = 64;

/**
 * @param {StackLayer[]} layers
 * @param {number[]} input
 */
export function stackFile(layers, input) {
  // One layer a line reads well, and goes well with version control.
  const lines = layers.map((layer) => `    ${JSON.stringify(toSpec(layer))}`);
  return `{\n  "input_shape": ${JSON.stringify(input)},\n  "layers": [\n${lines.join(",\n")}\n  ]\n}\n`;
}

/**
 * @param {string} text
 * @returns {{input: number[], layers: StackLayer[]} | {error: string}} an error as a sentence
 */
export function parseStackFile(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return { error: "The file is no JSON." };
  }
  return readStack(value, "The file");
}

/**
 * @param {any} value
 * @param {string} what  it is, to begin a sentence with
 * @returns {{input: number[], layers: StackLayer[]} | {error: string}}
 */
function readStack(value, what) {
  if (!value || typeof value !== "object" || !Array.isArray(value.layers)) return { error: `${what} has no list of layers.` };
  const { layers, input_shape: input } = value;
  if (layers.length > MOST_LAYERS) return { error: `${what} has ${count(layers.length)} layers; a stack has at most ${count(MOST_LAYERS)}.` };
  if (!Array.isArray(input) || input.length === 0 || input.length > MOST_AXES || !input.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    return { error: `${what} has no input_shape: a list of 1 to ${MOST_AXES} whole numbers, the batch first.` };
  }
  const wrong = layers.findIndex((/** @type {unknown} */ layer) => !isSpec(layer));
  if (wrong >= 0) return { error: `Layer ${wrong + 1} of ${what.toLowerCase()} is no object with a type and parameters that are numbers, texts or lists.` };
  return { input, layers: layers.map(fromSpec) };
}

/** @param {any} layer @returns {layer is LayerSpec} */
function isSpec(layer) {
  return layer !== null && typeof layer === "object" && typeof layer.type === "string" && layer.type.length <= 60 && Object.values(layer).every(isValue);
}

/** @param {unknown} value */
function isScalar(value) {
  return value === null || typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value)) || (typeof value === "string" && value.length <= 200);
}

/** @param {unknown} value */
const isValue = (value) => isScalar(value) || (Array.isArray(value) && value.length <= MOST_VALUES && value.every(isScalar));

/** All that the page shows, for the browser to remember. @param {Stacks} state */
export function formatState({ input, training, stacks }) {
  return JSON.stringify({ input_shape: input, training, stacks: stacks.map((layers) => layers.map(toSpec)) });
}

/**
 * @param {string | null} text  as formatState wrote it
 * @returns {Stacks | null}
 */
export function parseState(text) {
  try {
    const { input_shape: input, training, stacks } = JSON.parse(text ?? "null");
    if (!Array.isArray(stacks) || stacks.length < 1 || stacks.length > 2) return null;
    const read = stacks.map((layers) => readStack({ input_shape: input, layers }, "What was kept"));
    const layers = read.flatMap((each) => ("layers" in each ? [each.layers] : []));
    return layers.length === stacks.length ? { input, training: training === true, stacks: layers } : null;
  } catch {
    return null;
  }
}
