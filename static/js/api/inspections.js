/**
 * Inspections: forward passes that the server keeps, and what their layers gave.
 *
 * @import {LayerDifference} from "../core/comparison.js"
 * @import {Arithmetic, Channel, Drawing, Histogram, Inspection, LayerContributions, LayerMaps, LayerStatistics, UnitAddress} from "../core/types.js"
 */
import { decodeAtlas } from "../core/atlas.js";
import { toLists } from "../core/geometry.js";
import { ROOT, Unreachable, request, requestJson } from "./request.js";

/** @param {string} id */
export const inspectionPath = (id) => `${ROOT}/inspections/${encodeURIComponent(id)}`;

/**
 * Run the model on a drawing and keep its activations on the server.
 *
 * @param {string} model
 * @param {Drawing} drawing
 * @param {number} topK
 * @returns {Promise<Inspection>}
 */
export function inspectDrawing(model, drawing, topK) {
  return inspect(JSON.stringify({ model, drawing: toLists(drawing), top_k: topK }));
}

/**
 * Run the model on one of its own examples.
 *
 * @param {string} model
 * @param {number} example  counted from 0
 * @param {number} topK
 * @returns {Promise<Inspection>}
 */
export function inspectExample(model, example, topK) {
  return inspect(JSON.stringify({ model, example, top_k: topK }));
}

/**
 * @param {string | FormData} body  JSON, or a form with an image
 * @returns {Promise<Inspection>}
 */
async function inspect(body) {
  const headers = typeof body === "string" ? { "Content-Type": "application/json" } : undefined;
  return completed(await requestJson(`${ROOT}/inspections`, { method: "POST", headers, body }));
}

/**
 * A manifest with the image that went in; of one in colour it only says where that is.
 *
 * @param {Inspection} inspection
 * @returns {Promise<Inspection>}
 */
export async function completed(inspection) {
  const { input } = inspection;
  if (input.image === null && input.picture) input.image = await getColours(input.picture);
  return inspection;
}

/**
 * @param {string} address  of a PNG
 * @returns {Promise<import("../core/types.js").ColourImage>}
 */
async function getColours(address) {
  const response = await request(address);
  try {
    const options = /** @type {const} */ ({ colorSpaceConversion: "none", premultiplyAlpha: "none" });
    const bitmap = await createImageBitmap(await response.blob(), options);
    const { width, height } = bitmap;
    const context = new OffscreenCanvas(width, height).getContext("2d");
    if (!context) throw new Error("This browser has no 2D canvas.");
    context.drawImage(bitmap, 0, 0);
    bitmap.close();
    return { width, height, colours: new Uint32Array(context.getImageData(0, 0, width, height).data.buffer) };
  } catch (error) {
    throw new Unreachable(error);
  }
}

/**
 * The exact values of a pixel of an inspection's input.
 *
 * @param {string} id
 * @param {import("../core/types.js").Cell} cell
 * @returns {Promise<import("../core/types.js").InputPixel>}
 */
export function getInputPixel(id, { row, column }) {
  return requestJson(`${inspectionPath(id)}/input/pixels/${row}/${column}`);
}

/**
 * @param {string} model
 * @param {Blob} image
 * @param {number} topK
 * @returns {Promise<Inspection>}
 */
export function inspectImage(model, image, topK) {
  const form = new FormData();
  form.append("image", image);
  form.append("model", model);
  form.append("top_k", String(topK));
  return inspect(form);
}

/**
 * Quantised feature maps of some layers.
 *
 * @param {string} id
 * @param {string[]} layers
 * @returns {Promise<Map<string, LayerMaps>>}
 */
export async function getMaps(id, layers) {
  const query = layers.map((layer) => `layer=${encodeURIComponent(layer)}`).join("&");
  const response = await request(`${inspectionPath(id)}/atlas?${query}`);
  let buffer;
  try {
    buffer = await response.arrayBuffer();
  } catch (error) {
    throw new Unreachable(error);
  }
  return decodeAtlas(buffer).layers;
}

/** Where the exact input of an inspection is, as .npz. @param {string} id */
export function inputAddress(id) {
  return `${inspectionPath(id)}/input.npz`;
}

/** Where the exact output of a layer is, as .npz. @param {string} id @param {string} layer */
export function outputAddress(id, layer) {
  return `${inspectionPath(id)}/layers/${encodeURIComponent(layer)}.npz`;
}

/** @param {string} id @param {string} layer */
const layerPath = (id, layer) => `${inspectionPath(id)}/layers/${encodeURIComponent(layer)}`;

/**
 * Exact values of one channel.
 *
 * @param {string} id
 * @param {string} layer
 * @param {number} channel
 * @returns {Promise<Channel>}
 */
export function getChannel(id, layer, channel) {
  return requestJson(`${inspectionPath(id)}/layers/${encodeURIComponent(layer)}/channels/${channel}`);
}

/** @param {string} id @param {UnitAddress} unit */
export const unitPath = (id, { layer, channel, y, x }) => `${inspectionPath(id)}/layers/${encodeURIComponent(layer)}/units/${channel}/${y}/${x}`;

/**
 * The arithmetic that made one value, recomputed by the server.
 *
 * @param {string} id
 * @param {UnitAddress} unit
 * @param {number | null} limit  of terms to list; null: as usual for the kind
 * @returns {Promise<Arithmetic>}
 */
export function getArithmetic(id, { layer, channel, y, x }, limit) {
  const query = limit === null ? "" : `?limit=${limit}`;
  return requestJson(`${inspectionPath(id)}/layers/${encodeURIComponent(layer)}/units/${channel}/${y}/${x}/arithmetic${query}`);
}

/**
 * What the channels of a layer are like; values beyond a range are counted.
 *
 * @param {string} id
 * @param {string} layer
 * @param {{minimum: number, maximum: number} | null} range
 * @returns {Promise<LayerStatistics>}
 */
export function getStatistics(id, layer, range) {
  const query = range ? `?${new URLSearchParams({ low: String(range.minimum), high: String(range.maximum) })}` : "";
  return requestJson(`${layerPath(id, layer)}/statistics${query}`);
}

/**
 * What the channels of a layer contribute to the logit of a category. The model runs once more.
 *
 * @param {string} id
 * @param {string} layer
 * @param {string | null} label  null: of the best guess
 * @returns {Promise<LayerContributions>}
 */
export function getContributions(id, layer, label) {
  const query = label === null ? "" : `?${new URLSearchParams({ label })}`;
  return requestJson(`${layerPath(id, layer)}/contributions${query}`);
}

/**
 * @param {string} id
 * @param {string} layer
 * @returns {Promise<Histogram>}
 */
export function getHistogram(id, layer) {
  return requestJson(`${layerPath(id, layer)}/histogram`);
}

/**
 * How far another inspection is from one, at each layer of that one, or for one pair of layers.
 *
 * @param {string} id
 * @param {string} other
 * @param {{layer: string, other_layer: string}} [pair]
 * @returns {Promise<LayerDifference[]>}
 */
export async function getDifference(id, other, pair) {
  return (await requestJson(`${inspectionPath(id)}/difference?${new URLSearchParams({ other, ...pair })}`)).layers;
}

/**
 * Quantised maps of the difference of two layers of one shape: the other minus the one.
 *
 * @param {{id: string, layer: string}} one
 * @param {{id: string, layer: string}} other
 * @returns {Promise<LayerMaps>}
 */
export async function getDifferenceMaps(one, other) {
  const query = new URLSearchParams({ other: other.id, other_layer: other.layer });
  const response = await request(`${inspectionPath(one.id)}/layers/${encodeURIComponent(one.layer)}/difference?${query}`);
  let buffer;
  try {
    buffer = await response.arrayBuffer();
  } catch (error) {
    throw new Unreachable(error);
  }
  const maps = decodeAtlas(buffer).layers.get(one.layer);
  if (!maps) throw new RangeError(`The atlas has no layer ${one.layer}.`);
  return maps;
}

/** @returns {Promise<{label: string, drawing: number[][][]}[]>} */
export async function getExamples() {
  return (await requestJson("/static/examples.json")).examples;
}
