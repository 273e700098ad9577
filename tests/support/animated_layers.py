"""What PyTorch makes of the numbers that the animation of a layer computes with."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from tests.support.torch_layers import as_tuples

Parameters = dict[str, Any]


def module(kind: str, parameters: Parameters) -> nn.Module:
    made: nn.Module = getattr(nn, kind)(
        **{name: as_tuples(value) for name, value in parameters.items()}
    )
    return made


def counted(shape: Sequence[int]) -> Tensor:
    """The pattern "count": every item of the batch has 0, 1, 2, ... in order."""
    one = torch.arange(math.prod(shape[1:]), dtype=torch.float64).reshape(1, *shape[1:])
    return one.expand(*shape)


def small_weights(weight: Tensor, *, transposed: bool, groups: int) -> Tensor:
    """The kernel "digits": ((d + 2 row + 3 column + output + 2 input) % 4) - 1."""
    made = torch.empty_like(weight)
    space = weight.shape[2:]
    for first, second, *place in itertools.product(*map(range, weight.shape)):
        depth, row, column = (0,) * (3 - len(space)) + tuple(place)
        each = weight.shape[0] // groups
        output = first if not transposed else (first // each) * weight.shape[1] + second
        read = second if not transposed else first % each
        value = (depth + 2 * row + 3 * column + output + 2 * read) % 4 - 1
        made[(first, second, *place)] = value
    return made


def truth(kind: str, shape: Sequence[int], parameters: Parameters) -> Tensor:
    """What PyTorch makes of counted numbers with the small whole kernel."""
    layer = module(kind, parameters).double()
    if isinstance(layer, nn.modules.conv._ConvNd):
        with torch.no_grad():
            layer.weight.copy_(
                small_weights(layer.weight, transposed=layer.transposed, groups=layer.groups)
            )
            if layer.bias is not None:
                layer.bias.zero_()
    with torch.no_grad():
        found: Tensor = layer(counted(shape))
    return found


def random_settings(count: int) -> list[tuple[str, tuple[int, ...], Parameters]]:
    """Legal settings of every kind that is animated with windows."""
    lots = random.Random(60)
    found: list[tuple[str, tuple[int, ...], Parameters]] = []
    kinds = ["Conv", "ConvTranspose", "MaxPool", "AvgPool", "LPPool", "Adaptive", "Pad", "Upsample"]
    while len(found) < count:
        kind, axes = kinds[len(found) % len(kinds)], lots.choice([1, 2, 2, 3])

        def each(low: int, high: int, axes: int = axes) -> Any:
            if lots.random() < 0.4:
                return lots.randint(low, high)
            return [lots.randint(low, high) for _ in range(axes)]

        groups = lots.choice([1, 1, 2])
        channels = groups * lots.randint(1, 2)
        shape = (lots.randint(1, 2), channels, *(lots.randint(4, 8) for _ in range(axes)))
        parameters: Parameters
        if kind == "Conv":
            name = f"Conv{axes}d"
            mode = lots.choice(["zeros", "reflect", "replicate", "circular"])
            parameters = {
                "in_channels": channels,
                "out_channels": groups * lots.randint(1, 2),
                "kernel_size": each(1, 3),
                "stride": each(1, 3),
                "padding": each(0, 2),
                "dilation": each(1, 2),
                "groups": groups,
                "padding_mode": mode,
            }
            if lots.random() < 0.2:
                parameters |= {"stride": 1, "padding": "same"}
        elif kind == "ConvTranspose":
            name = f"ConvTranspose{axes}d"
            stride = lots.randint(1, 3)
            parameters = {
                "in_channels": channels,
                "out_channels": groups * lots.randint(1, 2),
                "kernel_size": each(2, 3),
                "stride": stride,
                "padding": each(0, 1),
                "output_padding": lots.randint(0, stride - 1),
                "dilation": each(1, 2),
                "groups": groups,
            }
        elif kind == "MaxPool":
            name = f"MaxPool{axes}d"
            parameters = {
                "kernel_size": each(2, 3),
                "stride": each(1, 3),
                "padding": each(0, 1),
                "dilation": lots.randint(1, 2),
                "ceil_mode": lots.random() < 0.5,
            }
        elif kind == "AvgPool":
            name = f"AvgPool{axes}d"
            parameters = {
                "kernel_size": each(2, 3),
                "stride": each(1, 3),
                "padding": each(0, 1),
                "ceil_mode": lots.random() < 0.5,
                "count_include_pad": lots.random() < 0.5,
            }
            if axes > 1 and lots.random() < 0.3:
                parameters["divisor_override"] = lots.randint(1, 5)
        elif kind == "LPPool":
            name = f"LPPool{axes}d"
            parameters = {
                "norm_type": lots.choice([1, 2, 3]),
                "kernel_size": lots.randint(2, 3),
                "stride": lots.randint(1, 3),
                "ceil_mode": lots.random() < 0.5,
            }
        elif kind == "Adaptive":
            name = f"Adaptive{lots.choice(['Avg', 'Max'])}Pool{axes}d"
            parameters = {"output_size": each(1, 9)}
        elif kind == "Pad":
            stem = lots.choice(["Zero", "Constant", "Reflection", "Replication", "Circular"])
            name = f"{stem}Pad{axes}d"
            parameters = {"padding": [lots.randint(0, 3) for _ in range(2 * axes)]}
            if stem == "Constant":
                parameters["value"] = 7
        else:
            name = "Upsample"
            modes = [
                ["nearest", "nearest-exact", "linear", "area"],
                ["nearest", "nearest-exact", "bilinear", "bicubic", "area"],
                ["nearest", "nearest-exact", "trilinear", "area"],
            ]
            mode = lots.choice(modes[axes - 1])
            parameters = {"mode": mode}
            if lots.random() < 0.5:
                parameters["scale_factor"] = lots.choice([2, 0.5, 1.5, 1.3, 3])
            else:
                parameters["size"] = each(1, 12)
            if mode.endswith(("linear", "cubic")):
                parameters["align_corners"] = lots.random() < 0.4
        try:
            truth(name, shape, parameters)
        except (RuntimeError, ValueError):
            continue
        found.append((name, shape, parameters))
    return found
