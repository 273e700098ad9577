/**
 * What a new layer is given where it is put: what must equal its input does, the rest is usual.
 *
 * @import {LayerKind, Parameters} from "./stack.js"
 * @import {Value} from "./python_literal.js"
 */

const USUAL_CHANNELS = 16;

/**
 * @param {LayerKind} kind
 * @param {number[] | null} shape  that it is given, batch first; null: not known
 * @returns {Parameters}
 */
export function usualParameters(kind, shape) {
  const channels = shape?.[1] ?? 1;
  const last = shape?.at(-1) ?? 1;
  const pooling = /Pool/.test(kind.type);
  const transposed = kind.type.startsWith("ConvTranspose");
  /** @type {Record<string, Value>} */
  const usual = {
    in_channels: channels,
    out_channels: transposed ? Math.max(1, Math.floor(channels / 2)) : Math.max(USUAL_CHANNELS, channels),
    kernel_size: transposed ? 4 : pooling ? 2 : 3,
    in_features: last,
    out_features: 10,
    num_features: channels,
    num_channels: channels,
    num_groups: [32, 16, 8, 4, 2].find((groups) => channels % groups === 0) ?? 1,
    normalized_shape: last,
    output_size: kind.type === "Fold" ? [4, 4] : 1,
    norm_type: 2,
    upscale_factor: 2,
    downscale_factor: 2,
    groups: channels % 2 === 0 ? 2 : 1,
    size: 5,
    padding: 1,
    dim: 1,
    unflattened_size: [channels % 2 === 0 ? 2 : 1, -1],
    threshold: 0,
    value: 0,
  };
  /** @type {Parameters} */
  const parameters = {};
  for (const { name, required } of kind.parameters) if (required && name in usual) parameters[name] = usual[name];
  if (kind.type.startsWith("Conv") && !transposed) parameters.padding = 1;
  if (transposed) Object.assign(parameters, { stride: 2, padding: 1 });
  if (kind.type === "Upsample") parameters.scale_factor = 2;
  return parameters;
}
