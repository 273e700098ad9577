/**
 * The REST API of our own server. Only this module calls fetch.
 *
 * @import {EffectiveField, FieldColumn, Over, ProjectiveField, SlidingWindow} from "./core/field_types.js"
 * @import {LayerDifference, LayerMatch} from "./core/comparison.js"
 * @import {Arithmetic, Channel, Drawing, Histogram, Inspection, LayerContributions, LayerMaps, LayerParameter, LayerStatistics, Model, ReceptiveField, UnitAddress} from "./core/types.js"
 */
import { decodeAtlas } from "./core/atlas.js";
import { toLists } from "./core/geometry.js";

const ROOT = "/api/v1";

/** An answer of the server that says what is wrong: RFC 9457 problem details. */
export class ApiProblem extends Error {
  /**
   * @param {number} status
   * @param {string} detail
   * @param {number | null} retryAfter  seconds
   * @param {string} [pointer]  to what is wrong in the request, such as /input_shape
   */
  constructor(status, detail, retryAfter, pointer = "") {
    super(detail);
    this.name = "ApiProblem";
    this.status = status;
    this.retryAfter = retryAfter;
    this.pointer = pointer;
  }

  /** Whether the same request may succeed later. */
  get passing() {
    // An inspection that takes more memory than there may be takes it the next time, too.
    return this.status === 429 || (this.status >= 500 && this.status !== 507);
  }
}

/** No answer at all: the server is down, or the network is. */
export class Unreachable extends Error {
  /** @param {unknown} cause */
  constructor(cause) {
    super("The server does not answer.", { cause });
    this.name = "Unreachable";
  }
}

/**
 * @param {string} path
 * @param {RequestInit} [options]
 * @returns {Promise<Response>}
 */
async function request(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    throw new Unreachable(error);
  }
  if (response.ok) return response;
  const retryAfter = Number.parseFloat(response.headers.get("Retry-After") ?? "");
  let detail = `The server answered ${response.status}.`;
  let pointer = "";
  try {
    const problem = await response.json();
    detail = problem.detail ?? problem.title ?? detail;
    pointer = problem.pointer ?? "";
  } catch {
    // A proxy in between may answer without problem details; the status says enough.
  }
  throw new ApiProblem(response.status, detail, Number.isFinite(retryAfter) ? retryAfter : null, pointer);
}

/**
 * @param {string} path
 * @param {RequestInit} [options]
 */
async function requestJson(path, options) {
  const response = await request(path, options);
  try {
    return await response.json();
  } catch (error) {
    throw new Unreachable(error);
  }
}

/**
 * @param {string} name
 * @returns {Promise<Model>}
 */
export function getModel(name) {
  return requestJson(`${ROOT}/models/${encodeURIComponent(name)}`);
}

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
  const inspection = await requestJson(`${ROOT}/inspections`, { method: "POST", headers, body });
  const { input } = inspection;
  // Of an image in colour the manifest only says where it is.
  if (input.image === null && input.picture) input.image = await getColours(input.picture);
  return inspection;
}

/**
 * @param {string} address  of a PNG
 * @returns {Promise<import("./core/types.js").ColourImage>}
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
 * @param {import("./core/types.js").Cell} cell
 * @returns {Promise<import("./core/types.js").InputPixel>}
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

/** @param {string} id */
const inspectionPath = (id) => `${ROOT}/inspections/${encodeURIComponent(id)}`;

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

/**
 * A file of the server, to be saved.
 *
 * @param {string} address
 * @returns {Promise<Blob>}
 */
export async function getFile(address) {
  const response = await request(address);
  try {
    return await response.blob();
  } catch (error) {
    throw new Unreachable(error);
  }
}

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

/**
 * Which pixels of the image can change a value. It depends on the model's operations alone.
 *
 * @param {string} model
 * @param {string} version  of the model
 * @param {UnitAddress} unit
 * @returns {Promise<ReceptiveField>}
 */
export function getReceptiveField(model, version, { layer, channel, y, x, shape }) {
  const query = new URLSearchParams({ layer, channel: String(channel), version });
  // A unit has a place on the axes that its layer has.
  if (shape.length > 3) query.set("y", String(y));
  if (shape.length > 2) query.set("x", String(x));
  return requestJson(`${ROOT}/models/${encodeURIComponent(model)}/receptive-field?${query}`);
}

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
 * Which layer of another model stands at the place of each layer of this one.
 *
 * @param {string} model
 * @param {string} other
 * @returns {Promise<LayerMatch[]>}
 */
export async function getMatches(model, other) {
  return (await requestJson(`${ROOT}/models/${encodeURIComponent(model)}/matches/${encodeURIComponent(other)}`)).matches;
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

/** @returns {Promise<import("./core/shapes/types.js").LayerKind[]>} every kind of layer whose shapes can be computed */
export async function getLayerKinds() {
  return (await requestJson(`${ROOT}/shapes/layers`)).layers;
}

/**
 * What layers in a row make of an input's shape.
 *
 * @param {unknown[]} shape
 * @param {Record<string, unknown>[]} layers  each with its type and parameters
 * @param {boolean} [training]  whether the layers are in training mode
 * @returns {Promise<import("./core/shapes/types.js").ShapesAnswer>}
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

/** @returns {Promise<{name: string, title: string}[]>} the models that can answer, the default one first */
export async function listModels() {
  return (await requestJson(`${ROOT}/models`)).models;
}

/**
 * The stack in a loaded network.
 *
 * @param {string} model
 * @returns {Promise<{input_shape: number[], layers: import("./core/stack.js").LayerSpec[], nodes: string[], left_out: string[]}>}
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

/** @returns {Promise<import("./core/shapes/types.js").KernelSource[]>} networks whose first kernels can be had */
export async function getKernelSources() {
  return (await requestJson(`${ROOT}/shapes/kernels`)).sources;
}

/**
 * The trained kernels of a network's first convolution.
 *
 * @param {string} model
 * @returns {Promise<import("./core/shapes/types.js").TrainedKernels>}
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

/**
 * @param {string} path
 * @param {unknown} body
 */
function postJson(path, body) {
  return requestJson(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}

/** @param {string} id @param {string} layer */
const layerPath = (id, layer) => `${inspectionPath(id)}/layers/${encodeURIComponent(layer)}`;

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

/** @param {string} id @param {UnitAddress} unit */
const unitPath = (id, { layer, channel, y, x }) => `${inspectionPath(id)}/layers/${encodeURIComponent(layer)}/units/${channel}/${y}/${x}`;

/**
 * What one value reads of every layer on the way to it.
 *
 * @param {string} id
 * @param {UnitAddress} unit
 * @returns {Promise<FieldColumn>}
 */
export function getFieldColumn(id, unit) {
  return requestJson(`${unitPath(id, unit)}/column`);
}

/**
 * What a pixel of the image, or a cell of a layer, can change in every layer after it.
 *
 * @param {string} model
 * @param {string} version  of the model
 * @param {{source: string | null, channel: number | null, y: number | null, x: number | null}} place
 * @returns {Promise<ProjectiveField>}
 */
export function getProjectiveField(model, version, place) {
  const query = new URLSearchParams({ version });
  for (const [name, value] of Object.entries(place)) if (value !== null) query.set(name, String(value));
  return requestJson(`${ROOT}/models/${encodeURIComponent(model)}/projective-field?${query}`);
}

/**
 * How one output channel of a layer comes about from one input channel.
 *
 * @param {string} id
 * @param {string} layer
 * @param {number} channel
 * @param {number | null} inputChannel  null: the first one
 * @returns {Promise<SlidingWindow>}
 */
export function getSlidingWindow(id, layer, channel, inputChannel) {
  const query = inputChannel === null ? "" : `?input_channel=${inputChannel}`;
  return requestJson(`${inspectionPath(id)}/layers/${encodeURIComponent(layer)}/channels/${channel}/window${query}`);
}

/**
 * Measure how much each pixel counts for a value, told line by line while it is computed.
 *
 * @param {string} id
 * @param {UnitAddress} unit
 * @param {Over} over
 * @param {number} inputs  how many random images
 * @param {(line: EffectiveField) => void} onLine
 * @param {AbortSignal} signal  which ends it, on the server too
 */
export async function measureEffectiveField(id, unit, over, inputs, onLine, signal) {
  const query = new URLSearchParams({ over, ...(over === "noise" ? { inputs: String(inputs) } : {}) });
  const response = await request(`${unitPath(id, unit)}/effective-field?${query}`, { signal });
  if (!response.body) throw new Unreachable(null);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
      const lines = (text + value).split("\n");
      text = lines.pop() ?? "";
      for (const line of lines.filter(Boolean)) {
        const found = JSON.parse(line);
        if (found.status) throw new ApiProblem(found.status, found.detail, null);
        onLine(found);
      }
    }
  } catch (error) {
    throw error instanceof ApiProblem || signal.aborted ? error : new Unreachable(error);
  }
}
