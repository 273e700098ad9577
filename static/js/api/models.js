/**
 * The networks, and their weights.
 *
 * @import {LayerMatch} from "../core/comparison.js"
 * @import {Histogram, LayerMaps, LayerParameter, Model} from "../core/types.js"
 */
import { decodeAtlas } from "../core/atlas.js";
import { ROOT, Unreachable, request, requestJson } from "./request.js";

/**
 * @param {string} name
 * @returns {Promise<Model>}
 */
export function getModel(name) {
  return requestJson(`${ROOT}/models/${encodeURIComponent(name)}`);
}

/** @returns {Promise<{name: string, title: string}[]>} the models that can answer, the default one first */
export async function listModels() {
  return (await requestJson(`${ROOT}/models`)).models;
}

/**
 * Which layer of another model stands at the place of each layer of this one.
 *
 * @param {string} model
 * @param {string} other
 * @returns {Promise<LayerMatch[]>}
 */
export async function getMatches(model, other) {
  return (await requestJson(`${ROOT}/models/${encodeURIComponent(model)}/matches/${encodeURIComponent(other)}`)).matches;
}

/** @param {string} model @param {string} layer */
const weightsPath = (model, layer) => `${ROOT}/models/${encodeURIComponent(model)}/layers/${encodeURIComponent(layer)}`;

/**
 * The parameters that a layer reads.
 *
 * @param {string} model
 * @param {string} version
 * @param {string} layer
 * @returns {Promise<LayerParameter[]>}
 */
export async function getParameters(model, version, layer) {
  return (await requestJson(`${weightsPath(model, layer)}/parameters?${new URLSearchParams({ version })}`)).parameters;
}

/**
 * Pictures of a parameter, quantised as feature maps are.
 *
 * @param {string} model
 * @param {string} version
 * @param {string} layer
 * @param {string} parameter
 * @param {string} inputs  an input channel, "norm", "mean" or "rgb"
 * @param {number[]} outputs  of which outputs, in that order
 * @returns {Promise<LayerMaps>}
 */
export async function getWeights(model, version, layer, parameter, inputs, outputs) {
  const query = new URLSearchParams({ parameter, inputs, outputs: outputs.join(","), version });
  const response = await request(`${weightsPath(model, layer)}/weights?${query}`);
  let buffer;
  try {
    buffer = await response.arrayBuffer();
  } catch (error) {
    throw new Unreachable(error);
  }
  return [...decodeAtlas(buffer).layers.values()][0];
}

/** Where the exact parameters of a layer are. @param {string} model @param {string} layer */
export function weightsAddress(model, layer) {
  return `${weightsPath(model, layer)}/weights.npz`;
}

/**
 * @param {string} model
 * @param {string} version
 * @param {string} layer
 * @param {string} parameter
 * @returns {Promise<Histogram>}
 */
export function getWeightHistogram(model, version, layer, parameter) {
  return requestJson(`${weightsPath(model, layer)}/histogram?${new URLSearchParams({ parameter, version })}`);
}
