/** The network's operations as blocks to lay out. @import {LayerNode} from "./types.js" */

/** Most operations of one block. */
const MOST_IN_BLOCK = 14;

/**
 * @template {LayerNode} Node
 * @typedef {{path: string, layers: Node[]}} Block  consecutive operations within one module
 */

/**
 * The module that encloses a layer: its name without the last part.
 *
 * @param {string} name
 */
function enclosing(name) {
  return name.includes(".") ? name.slice(0, name.lastIndexOf(".")) : "";
}

/**
 * Group consecutive operations by the outermost enclosing module that has no more than
 * MOST_IN_BLOCK of them; operations directly in the network form a block with their neighbours.
 *
 * @template {LayerNode} Node
 * @param {Node[]} layers  in order of execution
 * @returns {Block<Node>[]}
 */
export function blocks(layers) {
  /** @type {Map<string, number>} */
  const sizes = new Map();
  for (const { name } of layers) {
    for (let path = enclosing(name); path; path = enclosing(path)) sizes.set(path, (sizes.get(path) ?? 0) + 1);
  }
  /** @param {string} name */
  const blockPath = (name) => {
    let chosen = enclosing(name);
    for (let path = chosen; path; path = enclosing(path)) {
      if ((sizes.get(path) ?? 0) <= MOST_IN_BLOCK) chosen = path;
    }
    return chosen;
  };
  /** @type {Block<Node>[]} */
  const result = [];
  for (const layer of layers) {
    const path = blockPath(layer.name);
    const last = result[result.length - 1];
    if (last && last.path === path) last.layers.push(layer);
    else result.push({ path, layers: [layer] });
  }
  return result;
}

/**
 * A title for a block: its module, or what its operations' names begin with, or where it is.
 *
 * @param {Block<LayerNode>} block
 * @param {boolean} last  of the network
 */
export function blockTitle({ path, layers }, last) {
  if (path) return path;
  const prefix = /^[^_.]+(?=_)/.exec(layers[0]?.name ?? "")?.[0];
  if (prefix && layers.every(({ name }) => name.startsWith(`${prefix}_`))) return prefix;
  return last ? "head" : (layers[0]?.name ?? "");
}

/**
 * The name of a layer within its block.
 *
 * @param {string} name
 * @param {string} path  of the block
 */
export function nameWithin(name, path) {
  return path && name.startsWith(`${path}.`) ? name.slice(path.length + 1) : name;
}

/**
 * A connection that does not simply run from one operation to the next: `from` is the index of the
 * source within the block, or -1 for an input from before the block.
 *
 * @typedef {{from: number, to: number, lane: number}} Detour
 */

/**
 * Connections within a block other than from each operation to the next one, each with a lane
 * such that no two in the same lane overlap.
 *
 * @param {LayerNode[]} layers  of one block, in order
 * @returns {{straight: boolean[], detours: Detour[], lanes: number}} straight[i]: operation i reads
 *   operation i - 1 (for 0: it reads what came before the block)
 */
export function connections(layers) {
  const index = new Map(layers.map(({ name }, place) => [name, place]));
  const straight = layers.map(({ inputs }, place) => inputs.some((input) => (index.get(input) ?? -1) === place - 1));
  /** @type {Detour[]} */
  const detours = [];
  layers.forEach(({ inputs }, to) => {
    for (const from of new Set(inputs.map((input) => index.get(input) ?? -1))) {
      if (from !== to - 1) detours.push({ from, to, lane: 0 });
    }
  });
  /** @type {number[]} */
  const busyUntil = [];
  for (const detour of [...detours].sort((one, other) => one.from - other.from || other.to - one.to)) {
    let lane = 0;
    while (lane < busyUntil.length && busyUntil[lane] > detour.from) lane += 1;
    busyUntil[lane] = detour.to;
    detour.lane = lane;
  }
  return { straight, detours, lanes: busyUntil.length };
}

/** What operations are called for people, where PyTorch's name is not a word. */
const KINDS = new Map([
  ["Conv2d", "convolution"],
  ["BatchNorm2d", "batch norm"],
  ["ReLU", "ReLU"],
  ["relu", "ReLU"],
  ["MaxPool2d", "max pool"],
  ["AvgPool2d", "average pool"],
  ["AdaptiveAvgPool2d", "global average pool"],
  ["Linear", "linear"],
  ["Dropout", "dropout"],
  ["Flatten", "flatten"],
  ["add", "add"],
  ["mean", "mean"],
  ["cat", "concatenation"],
]);

/** @param {string} kind */
export function kindInWords(kind) {
  return KINDS.get(kind) ?? kind;
}

/** Operations at which branches meet: the sign on the map, and what it says. */
const JOINS = new Map([
  ["add", { sign: "+", words: "adds its inputs" }],
  ["sub", { sign: "−", words: "subtracts one input from the other" }],
  ["mul", { sign: "×", words: "multiplies its inputs" }],
  ["cat", { sign: "concat", words: "puts its inputs one behind the other" }],
  ["concat", { sign: "concat", words: "puts its inputs one behind the other" }],
  ["concatenate", { sign: "concat", words: "puts its inputs one behind the other" }],
  ["stack", { sign: "stack", words: "stacks its inputs" }],
]);

/**
 * How a join of branches is shown; null: the operation is none.
 *
 * @param {string} kind
 */
export function joinOf(kind) {
  return JOINS.get(kind.toLowerCase().replace(/^_+|_+$/g, "").replace(/^i(?=add|mul|sub)/, "")) ?? null;
}

/**
 * Whether a layer gives one value a channel rather than maps.
 *
 * @param {number[]} shape  with its batch axis
 */
export function isVector(shape) {
  return shape.slice(2).every((size) => size === 1);
}

/**
 * An output shape without its batch axis: "64 x 14 x 14".
 *
 * @param {number[]} shape
 */
export function shapeInWords(shape) {
  return shape.slice(1).join(" × ");
}
