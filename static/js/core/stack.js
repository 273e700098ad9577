/**
 * A stack of layers as immutable data, and the changes of it.
 *
 * @import {Value} from "./python_literal.js"
 */

/**
 * @typedef {Record<string, Value>} Parameters
 * @typedef {{id: number, type: string, parameters: Parameters}} StackLayer  `id` tells layers apart while they move
 * @typedef {{type: string} & Record<string, Value>} LayerSpec  as the API has it
 * @typedef {object} Stacks  What the page shows.
 * @property {number[]} input  shape of the input, batch first
 * @property {boolean} training
 * @property {StackLayer[][]} stacks  one, or two to compare
 *
 * @typedef {{name: string, kind: string, required: boolean, default: Value, choices: string[]}} ParameterKind
 * @typedef {{type: string, axes: number, parameters: ParameterKind[]}} LayerKind
 * @typedef {Map<string, LayerKind>} LayerKinds
 *
 * @typedef {{size: number[], stride: number[], start: number[]}} Field
 * @typedef {object} AnsweredLayer
 * @property {string} type
 * @property {number[] | null} input_shape
 * @property {number[] | null} output_shape
 * @property {Field | null} receptive_field
 * @property {number | null} parameters
 * @property {number | null} multiply_accumulates
 * @property {number | null} activation_bytes
 * @property {number | null} saved_for_backward_bytes
 * @typedef {{layer: number, changes: Record<string, Value>, insert: LayerSpec | null, detail: string, output_shape: number[]}} Repair
 * @typedef {{layer: number, parameter: string, detail: string, repairs: Repair[]}} StackProblem
 * @typedef {object} StackAnswer  Of POST /shapes.
 * @property {number[] | null} output_shape
 * @property {AnsweredLayer[]} layers
 * @property {StackProblem[]} problems
 * @property {number} parameters
 * @property {number} multiply_accumulates
 * @property {number} activation_bytes
 * @property {number | null} saved_for_backward_bytes
 */

/** Layers of a stack that the server takes. */
export const MOST_LAYERS = 1000;

let lastId = 0;

/**
 * @param {string} type
 * @param {Parameters} [parameters]
 * @returns {StackLayer} with an id of its own
 */
export function newLayer(type, parameters = {}) {
  lastId += 1;
  return { id: lastId, type, parameters };
}

/**
 * @param {LayerSpec} spec
 * @returns {StackLayer}
 */
export function fromSpec({ type, ...parameters }) {
  return newLayer(type, parameters);
}

/**
 * @param {StackLayer} layer
 * @returns {LayerSpec}
 */
export function toSpec({ type, parameters }) {
  return { type, ...parameters };
}

/**
 * @param {StackLayer[]} layers
 * @param {number} index  before which they are put
 * @param {...StackLayer} added
 */
export function inserted(layers, index, ...added) {
  return [...layers.slice(0, index), ...added, ...layers.slice(index)];
}

/**
 * @param {StackLayer[]} layers
 * @param {number} index
 */
export function removed(layers, index) {
  return layers.filter((_, place) => place !== index);
}

/**
 * @param {StackLayer[]} layers
 * @param {number} from
 * @param {number} to  where it is afterwards
 */
export function moved(layers, from, to) {
  const rest = removed(layers, from);
  return inserted(rest, Math.min(Math.max(to, 0), rest.length), layers[from]);
}

/**
 * @param {StackLayer[]} layers
 * @param {number} index
 */
export function duplicated(layers, index) {
  const { type, parameters } = layers[index];
  return inserted(layers, index + 1, newLayer(type, parameters));
}

/**
 * Some parameters with other values.
 *
 * @param {StackLayer[]} layers
 * @param {number} index
 * @param {Record<string, Value | undefined>} changes  undefined leaves a parameter out; `type` changes the class
 */
export function changed(layers, index, changes) {
  return layers.map((layer, place) => {
    if (place !== index) return layer;
    const { type = layer.type, ...values } = changes;
    /** @type {Parameters} */
    const parameters = {};
    for (const [name, value] of Object.entries({ ...layer.parameters, ...values })) if (value !== undefined) parameters[name] = value;
    return { id: layer.id, type: String(type), parameters };
  });
}

/**
 * What a repair of the server makes of the stack.
 *
 * @param {StackLayer[]} layers
 * @param {Repair} repair
 * @returns {{layers: StackLayer[], index: number}} and where the layer is that was changed, or was put in
 */
export function repaired(layers, { layer, changes, insert }) {
  // Null stands for leaving a parameter out.
  const values = Object.fromEntries(Object.entries(changes).map(([name, value]) => [name, value ?? undefined]));
  const result = changed(layers, layer, values);
  return { layers: insert ? inserted(result, layer, fromSpec(insert)) : result, index: layer };
}

/**
 * @param {StackLayer[]} layers
 * @param {number[]} shape  of the input
 * @param {boolean} training
 */
export function asRequest(layers, shape, training) {
  return { input_shape: shape, layers: layers.map(toSpec), training };
}

/**
 * The shape that a layer is given, as far as it is known.
 *
 * @param {StackAnswer | null} answer
 * @param {number[]} input
 * @param {number} index  of the layer; the number of layers for one that comes behind all
 * @returns {number[] | null}
 */
export function shapeBefore(answer, input, index) {
  if (index === 0) return input;
  return answer?.layers[index - 1]?.output_shape ?? null;
}

/**
 * An answer for layers that have changed since: what was said of those that are still there.
 *
 * @param {StackAnswer} answer
 * @param {StackLayer[]} before  whose answer it is
 * @param {StackLayer[]} layers
 * @returns {StackAnswer}
 */
export function realigned(answer, before, layers) {
  const places = new Map(before.map(({ id }, index) => [id, index]));
  const now = new Map(layers.map(({ id }, index) => [id, index]));
  /** @type {AnsweredLayer} */
  const unknown = { type: "", input_shape: null, output_shape: null, receptive_field: null, parameters: null, multiply_accumulates: null, activation_bytes: null, saved_for_backward_bytes: null };
  return {
    ...answer,
    layers: layers.map(({ id }) => answer.layers[places.get(id) ?? -1] ?? unknown),
    problems: answer.problems
      .map((problem) => ({ ...problem, layer: now.get(before[problem.layer]?.id) ?? -1 }))
      .filter(({ layer }) => layer >= 0),
  };
}
