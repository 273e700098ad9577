/** Weights as pictures. @import {LayerMaps, LayerParameter, Theme} from "./types.js" */
import { lookupTable, scalePosition } from "./colour.js";

/** @typedef {import("./colour.js").ColourRange} ColourRange */

/**
 * The range of weights: centred at zero, over the whole parameter.
 *
 * @param {number} minimum
 * @param {number} maximum
 * @returns {ColourRange}
 */
export function weightRange(minimum, maximum) {
  const bound = Math.max(Math.abs(minimum), Math.abs(maximum));
  return { kind: "weights", low: -bound, high: bound };
}

/**
 * The range of a parameter's colours: over all its values; but where a few are far larger than the
 * others, up to what 98 % of them do not exceed.
 *
 * @param {LayerParameter} parameter
 * @returns {{range: ColourRange, beyond: number}} beyond: how many values are beyond it
 */
export function parameterRange({ minimum, maximum, bound, beyond }) {
  const whole = weightRange(minimum, maximum);
  if (bound === 0 || whole.high < 2 * bound) return { range: whole, beyond: 0 };
  return { range: weightRange(-bound, bound), beyond };
}

/**
 * Paint one picture of an atlas of weights.
 *
 * @param {Uint32Array} pixels  height * width, written to
 * @param {LayerMaps} maps
 * @param {number} picture
 * @param {ColourRange} range
 * @param {Theme} theme
 */
export function paintWeights(pixels, maps, picture, range, theme) {
  const table = lookupTable(range.kind, theme);
  const size = maps.height * maps.width;
  const low = maps.channelMinimum[picture];
  const step = (maps.channelMaximum[picture] - low) / 255;
  for (let index = 0; index < size; index += 1) {
    pixels[index] = table[Math.round(scalePosition(range, low + step * maps.data[picture * size + index]) * 255)];
  }
}

/**
 * Paint three pictures as the red, green and blue of one: mid grey is zero.
 *
 * @param {Uint32Array} pixels  height * width, written to
 * @param {LayerMaps} maps  three pictures for each
 * @param {number} output
 * @param {ColourRange} range
 */
export function paintColours(pixels, maps, output, range) {
  const size = maps.height * maps.width;
  const bytes = new Uint8ClampedArray(pixels.buffer, pixels.byteOffset, size * 4);
  for (let part = 0; part < 3; part += 1) {
    const picture = output * 3 + part;
    const low = maps.channelMinimum[picture];
    const step = (maps.channelMaximum[picture] - low) / 255;
    for (let index = 0; index < size; index += 1) {
      bytes[index * 4 + part] = scalePosition(range, low + step * maps.data[picture * size + index]) * 255;
      bytes[index * 4 + 3] = 255;
    }
  }
}

/**
 * What can be chosen to see of a parameter with pictures.
 *
 * @param {NonNullable<LayerParameter["picture"]>} picture
 * @param {string | null} wanted  as in the address
 * @returns {string} an input channel's number, "norm", "mean" or "rgb"
 */
export function chosenInputs({ inputs, form }, wanted) {
  if (inputs === 1) return "0";
  if (wanted === "rgb" ? inputs === 3 : wanted === "mean" || wanted === "norm") return /** @type {string} */ (wanted);
  if (wanted !== null && /^\d+$/.test(wanted) && Number(wanted) < inputs) return wanted;
  return inputs === 3 && form === "kernels" ? "rgb" : "0";
}

/**
 * What the pictures are, in words.
 *
 * @param {NonNullable<LayerParameter["picture"]>} picture
 * @param {string} inputs  as chosen
 */
export function picturesInWords({ form, inputs: count, height, width, groups, by_channel: byChannel }, inputs) {
  const each = byChannel ? "channel" : "output";
  const size = `${height} × ${width}`;
  if (form === "matrix") return `One row of ${width} weights for each ${each}: one for each input.`;
  const subject = form === "templates" ? `The weights of each ${each}, laid out as the ${size} map that it reads` : `The ${size} kernel of each ${each}`;
  const group = groups > 1 ? (count === 1 ? "; each channel reads one input channel" : ` of its group (${groups} groups)`) : "";
  if (count === 1) return `${subject}${group}.`;
  if (inputs === "norm") return `${subject}: the root of the sum of squares over ${count} input channels${group}.`;
  if (inputs === "mean") return `${subject}: the mean over ${count} input channels${group}.`;
  if (inputs === "rgb") return `${subject}: its three input channels as red, green and blue; grey is zero.`;
  return `${subject}, for input channel ${inputs} of ${count}${group}.`;
}
