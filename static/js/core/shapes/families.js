/**
 * Kinds of layers as people look for them, and what a layer starts with when it is chosen.
 *
 * @import {Configuration, LayerKind, Scalar, Value, Values} from "./types.js"
 */

/** @typedef {{name: string, types: string[]}} Family  types: one for each number of axes, or a single one */

/** @param {string} stem */
const each = (stem) => [`${stem}1d`, `${stem}2d`, `${stem}3d`];

/** @type {{name: string, families: Family[]}[]} */
export const GROUPS = [
  {
    name: "Convolution",
    families: [
      { name: "Convolution", types: each("Conv") },
      { name: "Transposed convolution", types: each("ConvTranspose") },
      { name: "Unfold", types: ["Unfold"] },
      { name: "Fold", types: ["Fold"] },
    ],
  },
  {
    name: "Pooling",
    families: [
      { name: "Max pooling", types: each("MaxPool") },
      { name: "Average pooling", types: each("AvgPool") },
      { name: "Adaptive average", types: each("AdaptiveAvgPool") },
      { name: "Adaptive max", types: each("AdaptiveMaxPool") },
      { name: "Lp pooling", types: each("LPPool") },
    ],
  },
  {
    name: "Padding",
    families: [
      { name: "Zeros", types: each("ZeroPad") },
      { name: "Constant", types: each("ConstantPad") },
      { name: "Reflection", types: each("ReflectionPad") },
      { name: "Replication", types: each("ReplicationPad") },
      { name: "Circular", types: each("CircularPad") },
    ],
  },
  {
    name: "Resizing",
    families: [
      { name: "Upsample", types: ["Upsample"] },
      { name: "Pixel shuffle", types: ["PixelShuffle"] },
      { name: "Pixel unshuffle", types: ["PixelUnshuffle"] },
    ],
  },
  {
    name: "Vectors",
    families: [
      { name: "Flatten", types: ["Flatten"] },
      { name: "Linear", types: ["Linear"] },
    ],
  },
];

/** @param {string} type */
export const familyOf = (type) => GROUPS.flatMap(({ families }) => families).find(({ types }) => types.includes(type)) ?? null;

/** Parameters that windows have in common, which stay when another such layer is chosen. */
const KEPT = ["kernel_size", "stride", "padding", "dilation", "ceil_mode"];

/** Values for required parameters, and for others without which a layer does nothing. @type {Record<string, Value>} */
const FIRST = {
  out_channels: 8,
  kernel_size: 3,
  padding: 1,
  output_size: 3,
  norm_type: 2,
  value: 1,
  upscale_factor: 2,
  downscale_factor: 2,
  out_features: 10,
  scale_factor: 2,
  normalized_shape: 8,
  num_groups: 1,
  groups: 1,
  size: 5,
  dim: 1,
  threshold: 0,
};

/** @type {Record<string, {input: number[], values: Values}>} */
const SPECIAL = {
  PixelShuffle: { input: [1, 8, 4, 4], values: { upscale_factor: 2 } },
  PixelUnshuffle: { input: [1, 2, 8, 8], values: { downscale_factor: 2 } },
  Fold: { input: [1, 9, 16], values: { output_size: [6, 6], kernel_size: 3 } },
  Unfold: { input: [1, 2, 6, 6], values: { kernel_size: 3 } },
  Flatten: { input: [1, 4, 3, 3], values: {} },
  Unflatten: { input: [1, 36], values: { dim: 1, unflattened_size: [4, 3, 3] } },
  Linear: { input: [1, 12], values: { in_features: 12, out_features: 5 } },
  Upsample: { input: [1, 1, 4, 4], values: { scale_factor: 2 } },
};

/**
 * The configuration after another kind of layer is chosen: what fits stays.
 *
 * @param {Configuration} before
 * @param {LayerKind} kind
 * @returns {Configuration}
 */
export function switchTo(before, kind) {
  /** @type {Record<string, string>} */
  const view = before.view.drawing ? { drawing: before.view.drawing } : {};
  const special = SPECIAL[kind.type];
  if (special) return { type: kind.type, input: special.input, values: special.values, view };
  const input = fitted(before.input, kind.axes);
  const channels = input[input.length - kind.axes - 1];
  const windowed = "kernel_size" in before.values;
  /** @type {Values} */
  const values = {};
  for (const { name, required, choices } of kind.parameters) {
    const own = before.values[name];
    if (name === "in_channels" || name === "num_features" || name === "num_channels") values[name] = channels ?? 1;
    else if (name === "out_channels" && own !== undefined) values[name] = own;
    else if (windowed && KEPT.includes(name) && own !== undefined && !(typeof own === "string") && fits(own, kind)) values[name] = own;
    else if (required) values[name] = choices[0] ?? FIRST[name] ?? 1;
  }
  // A pool's padding is at most half of its kernel.
  if (kind.type.includes("Pool") && !fitsPool(values)) delete values.padding;
  return { type: kind.type, input, values, view };
}

/** @param {Value} value @param {LayerKind} kind */
const fits = (value, kind) => !Array.isArray(value) || value.length === kind.axes;

/** @param {Values} values */
function fitsPool({ padding, kernel_size: kernel }) {
  const pads = Array.isArray(padding) ? padding : [padding ?? 0];
  const kernels = Array.isArray(kernel) ? kernel : [kernel ?? 1];
  return pads.every((pad, axis) => Number(pad) * 2 <= Number(kernels[axis] ?? kernels[0]));
}

/**
 * The input with as many axes of space as a layer works on; the last ones stay.
 *
 * @param {Scalar[]} input
 * @param {number} axes  0: any
 */
function fitted(input, axes) {
  if (axes === 0) return input;
  const first = input.length > 3 || input.length === 3 ? input.slice(0, 2) : [1, 1];
  const space = input.slice(2);
  while (space.length < axes) space.unshift(space[0] ?? 8);
  return [...first, ...space.slice(space.length - axes)];
}
