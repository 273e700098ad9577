/**
 * What a value sees, and what a pixel can change.
 *
 * @import {EffectiveField, FieldColumn, Over, ProjectiveField, SlidingWindow} from "../core/field_types.js"
 * @import {ReceptiveField, UnitAddress} from "../core/types.js"
 */
import { inspectionPath, unitPath } from "./inspections.js";
import { ApiProblem, ROOT, Unreachable, request, requestJson } from "./request.js";

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
