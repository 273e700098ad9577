/**
 * Layers as Python source that PyTorch runs.
 *
 * @import {LayerKinds, StackLayer} from "./stack.js"
 * @import {Value} from "./python_literal.js"
 */
import { formatLiteral } from "./python_literal.js";

/** Parameters that PyTorch itself prints by position, where they come first. */
const POSITIONAL = new Set(["in_channels", "out_channels", "in_features", "out_features", "num_features", "num_groups", "num_channels", "normalized_shape", "output_size"]);

/** The first parameter alone is as clear without its name. */
const POSITIONAL_FIRST = new Set(["kernel_size", "padding", "upscale_factor", "downscale_factor", "p", "negative_slope"]);

/**
 * Whether a value is the default: also a list of nothing but it.
 *
 * @param {Value} value
 * @param {Value} normal
 */
function isDefault(value, normal) {
  if (Array.isArray(value)) return !Array.isArray(normal) && normal !== null && value.length > 0 && value.every((item) => item === normal);
  return value === normal;
}

/**
 * @param {Pick<StackLayer, "type" | "parameters">} layer
 * @param {LayerKinds} kinds
 * @returns {string} such as nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3)
 */
export function layerSource({ type, parameters }, kinds) {
  const known = kinds.get(type)?.parameters ?? [];
  const order = new Map(known.map(({ name }, index) => [name, index]));
  const given = Object.keys(parameters)
    .filter((name) => {
      const kind = known[order.get(name) ?? -1];
      return !kind || kind.required || !isDefault(parameters[name], kind.default);
    })
    .sort((one, other) => (order.get(one) ?? known.length) - (order.get(other) ?? known.length));
  const written = given.map((name, index) => {
    const inPlace = order.get(name) === index && (POSITIONAL.has(name) || (index === 0 && POSITIONAL_FIRST.has(name)));
    const before = given.slice(0, index).every((other) => POSITIONAL.has(other));
    return `${inPlace && before ? "" : `${name}=`}${formatLiteral(parameters[name])}`;
  });
  return `nn.${type}(${written.join(", ")})`;
}

/**
 * @param {StackLayer[]} layers
 * @param {LayerKinds} kinds
 * @param {string} [indent]  of all lines but the first
 */
export function sequentialSource(layers, kinds, indent = "") {
  if (layers.length === 0) return "nn.Sequential()";
  return ["nn.Sequential(", ...layers.map((layer) => `${indent}    ${layerSource(layer, kinds)},`), `${indent})`].join("\n");
}

/**
 * A file with a module, which says its output's shape and its parameters when it is run.
 *
 * @param {StackLayer[]} layers
 * @param {LayerKinds} kinds
 * @param {number[]} input
 * @param {number[] | null} output
 */
export function moduleSource(layers, kinds, input, output) {
  const shape = formatLiteral(input);
  return `"""A stack of ${layers.length === 1 ? "1 layer" : `${layers.length} layers`}."""

import torch
from torch import Tensor, nn


class Stack(nn.Module):
    """${output ? `Maps ${shape} to ${formatLiteral(output)}.` : `For an input ${shape}, which it does not take yet.`}"""

    def __init__(self) -> None:
        super().__init__()
        self.layers = ${sequentialSource(layers, kinds, "        ")}

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


if __name__ == "__main__":
    model = Stack().train(False)
    output = model(torch.zeros${input.length === 1 ? `(${input[0]})` : shape})
    parameters = sum(parameter.numel() for parameter in model.parameters())
    print(f"output {tuple(output.shape)}, {parameters} parameters")
`;
}
