/**
 * The arithmetic of shapes.
 *
 * @import {Drawing} from "../core/types.js"
 */
import { toLists } from "../core/geometry.js";
import { ROOT, postJson, requestJson } from "./request.js";

/** @returns {Promise<import("../core/shapes/types.js").LayerKind[]>} every kind of layer whose shapes can be computed */
export async function getLayerKinds() {
  return (await requestJson(`${ROOT}/shapes/layers`)).layers;
}

/**
 * What layers in a row make of an input's shape.
 *
 * @param {unknown[]} shape
 * @param {Record<string, unknown>[]} layers  each with its type and parameters
 * @param {boolean} [training]  whether the layers are in training mode
 * @returns {Promise<import("../core/shapes/types.js").ShapesAnswer>}
 */
export function computeShapes(shape, layers, training = false) {
  return postJson(`${ROOT}/shapes`, { input_shape: shape, layers, training });
}

/**
 * All small settings of a layer that make one size of an axis of another.
 *
 * @param {string} type
 * @param {number} inputSize
 * @param {number} outputSize
 * @returns {Promise<Record<string, number | boolean>[]>} the usual ones first
 */
export async function findSettings(type, inputSize, outputSize) {
  return (await postJson(`${ROOT}/shapes/settings`, { type, input_size: inputSize, output_size: outputSize })).settings;
}

/**
 * The stack in a loaded network.
 *
 * @param {string} model
 * @returns {Promise<{input_shape: number[], layers: import("../core/stack.js").LayerSpec[], nodes: string[], left_out: string[]}>}
 */
export function getModelStack(model) {
  return requestJson(`${ROOT}/shapes/models/${encodeURIComponent(model)}`);
}

/**
 * The layers that a text of Python makes; it is parsed, never run.
 *
 * @param {string} source
 * @returns {Promise<{layers: (Record<string, any> & {type: string})[], left_out: string[]}>}
 */
export function readSource(source) {
  return postJson(`${ROOT}/shapes/source`, { source });
}

/** @returns {Promise<import("../core/shapes/types.js").KernelSource[]>} networks whose first kernels can be had */
export async function getKernelSources() {
  return (await requestJson(`${ROOT}/shapes/kernels`)).sources;
}

/**
 * The trained kernels of a network's first convolution.
 *
 * @param {string} model
 * @returns {Promise<import("../core/shapes/types.js").TrainedKernels>}
 */
export function getTrainedKernels(model) {
  return requestJson(`${ROOT}/shapes/kernels/${encodeURIComponent(model)}`);
}

/**
 * A drawing as the networks see it: 28 rows of 28 values of ink, 0 to 255.
 *
 * @param {Drawing} drawing
 * @returns {Promise<number[][]>}
 */
export async function renderDrawing(drawing) {
  return (await postJson(`${ROOT}/shapes/image`, { drawing: toLists(drawing) })).image;
}
