"""A transposed convolution: which input cells reach a value, each through a cell of the kernel."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from server.engine.arithmetic.call import Call
from server.engine.arithmetic.convolution import (
    Channel,
    item_of,
    listed_channels,
    place_of,
    sizes_of,
)
from server.engine.arithmetic.parts import Broken, Rest, each, gathered
from server.engine.arithmetic.snippet import Snippet
from server.engine.arithmetic.taps import Cell, Tap, cells_of

FORMULA = (
    "out(N_i, C_out_j, o) = bias(C_out_j) + Σ_k Σ_{i, t: i · stride − padding + t · dilation = o} "
    "input(N_i, k, i) · weight(k, C_out_j, t)"
)


@dataclass(frozen=True)
class TransposedConvolutionTerms:
    """A value of a transposed convolution: what reaches it of each input channel."""

    kernel_size: list[int]
    stride: list[int]
    padding: list[int]
    dilation: list[int]
    groups: int
    group: int
    input_channels: list[int]
    cells: list[Cell]
    """The input cells that reach it, each through one cell of the kernel."""
    channels: list[Channel]
    rest: Rest | None
    sum: float
    bias: float | None


def transposed_convolution(call: Call) -> Broken:
    """A value of a transposed convolution over one, two or three axes."""
    axes, place = place_of(call)
    weight = call.operand("weight")
    inputs, per_group, *kernel_size = weight.tensor.shape
    groups = int(call["groups"])
    group, within = divmod(place.channel, per_group)
    low, high = group * inputs // groups, (group + 1) * inputs // groups
    stride, dilation = each(call["stride"], axes), each(call["dilation"], axes)
    padding = each(call["padding"], axes)
    sizes = sizes_of(call, axes)
    taps: list[list[Tap]] = []
    for axis in range(axes):
        reached: list[Tap] = []
        for tap in range(kernel_size[axis]):
            ahead = place.position[axis] + padding[axis] - dilation[axis] * tap
            source, apart = divmod(ahead, stride[axis])
            if apart == 0 and 0 <= source < sizes[axis]:
                reached.append(Tap(tap, source, source))
        taps.append(reached)
    sources = [[tap.position for tap in axis] for axis in taps]
    kernel_places = [[tap.tap for tap in axis] for axis in taps]
    channels_read = list(range(low, high))
    patch = gathered(item_of(call, place), [channels_read, *sources])
    whole_kernel = weight.tensor.detach().to("cpu", torch.float64)[low:high, within]
    kernel = gathered(whole_kernel, [range(high - low), *kernel_places])
    bias = call.optional("bias")
    channels, rest, total = listed_channels(call, patch, kernel, low)
    terms = TransposedConvolutionTerms(
        kernel_size=list(kernel_size),
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        group=group,
        input_channels=[low, high],
        cells=cells_of(taps),
        channels=channels,
        rest=rest,
        sum=total,
        bias=None if bias is None else float(bias[place.channel]),
    )
    lead = [[place.item]] if place.batched else []
    first = [place.item] if place.batched else []
    snippet = (
        Snippet(call)
        .line("# The input cells that reach the unit, and the cells of the kernel between them.")
        .tensor("patch", call.operand("input"), (*first, slice(low, high), *sources))
        .tensor("kernel", weight, (slice(low, high), within, *kernel_places))
        .optional("bias", call.arguments.get("bias"), (place.channel,))
        .ending("(patch * kernel).sum()" + ("" if bias is None else " + bias"))
    )
    return Broken(
        kind="transposed_convolution",
        terms=terms,
        value=total + (terms.bias or 0.0),
        formula=FORMULA,
        reads=(
            *call.read("input", [*lead, channels_read, *sources]),
            *call.read("weight", [channels_read, [within], *map(sorted, kernel_places)]),
            *call.read("bias", [[place.channel]]),
        ),
        snippet=snippet,
    )
