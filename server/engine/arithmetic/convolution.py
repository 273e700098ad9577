"""A convolution: for each input channel of the group a patch times a kernel, then their sum."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from server.engine.arithmetic.call import Call
from server.engine.arithmetic.parts import (
    Broken,
    Index,
    NotBrokenDown,
    Rest,
    chosen,
    each,
)
from server.engine.arithmetic.snippet import LITERAL, Snippet
from server.engine.arithmetic.taps import Cell, Tap, cells_of, convolved, values_at

CHANNELS = 32
"""How many input channels are listed, unless asked otherwise."""

FORMULA = (
    "out(N_i, C_out_j) = bias(C_out_j) + Σ_{k=0}^{C_in/groups − 1} "
    "weight(C_out_j, k) ⋆ input(N_i, group · C_in/groups + k)"
)


@dataclass(frozen=True)
class Channel:
    """What one input channel adds."""

    channel: int
    """Its number in the input."""
    patch: list[float]
    """Its values in the cells, padding too."""
    kernel: list[float]
    products: list[float]
    sum: float


@dataclass(frozen=True)
class ConvolutionTerms:
    """A value of a convolution; patches, kernels and products go with ``cells``."""

    kernel_size: list[int]
    stride: list[int]
    padding: list[list[int]]
    """For each axis how many cells before and after the input."""
    padding_mode: str
    dilation: list[int]
    groups: int
    group: int
    """The one that the output channel is in."""
    input_channels: list[int]
    """The first channel of the group, and the one after its last."""
    cells: list[Cell]
    """Where the kernel lies on the input, row by row."""
    channels: list[Channel]
    rest: Rest | None
    sum: float
    """Of all products, before the bias."""
    bias: float | None
    as_linear: bool
    """Whether the kernel is 1x1: then this is a fully connected layer for each pixel."""


@dataclass(frozen=True)
class Place:
    """A unit, with the axis of the batch that some calls leave out."""

    batched: bool
    item: int
    channel: int
    position: Index


def convolution(call: Call) -> Broken:
    """A value of a convolution over one, two or three axes."""
    axes, place = place_of(call)
    weight = call.operand("weight")
    outputs, per_group, *kernel_size = weight.tensor.shape
    groups = int(call["groups"])
    group = place.channel // (outputs // groups)
    low, high = group * per_group, (group + 1) * per_group
    stride, dilation = each(call["stride"], axes), each(call["dilation"], axes)
    padding = padding_of(call["padding"], kernel_size, dilation)
    mode = str(call["padding_mode"])
    sizes = sizes_of(call, axes)
    taps = [
        convolved(
            place.position[axis],
            sizes[axis],
            kernel_size[axis],
            stride[axis],
            padding[axis][0],
            dilation[axis],
            mode,
        )
        for axis in range(axes)
    ]
    source = item_of(call, place)[low:high]
    patch = values_at(source, taps, 0.0)
    kernel = weight.tensor[place.channel].detach().to("cpu", torch.float64)
    bias = call.optional("bias")
    channels, rest, total = listed_channels(call, patch, kernel, low)
    sources = [sorted({tap.source for tap in axis if tap.source is not None}) for axis in taps]
    terms = ConvolutionTerms(
        kernel_size=list(kernel_size),
        stride=stride,
        padding=[list(pair) for pair in padding],
        padding_mode=mode,
        dilation=dilation,
        groups=groups,
        group=group,
        input_channels=[low, high],
        cells=cells_of(taps),
        channels=channels,
        rest=rest,
        sum=total,
        bias=None if bias is None else float(bias[place.channel]),
        as_linear=all(size == 1 for size in kernel_size),
    )
    lead = [[place.item]] if place.batched else []
    return Broken(
        kind="convolution",
        terms=terms,
        value=total + (terms.bias or 0.0),
        formula=FORMULA,
        reads=(
            *call.read("input", [*lead, list(range(low, high)), *sources]),
            *call.read("weight", [[place.channel], range(per_group), *_used(taps)]),
            *call.read("bias", [[place.channel]]),
        ),
        snippet=_snippet(call, place, (low, high), patch, padding, stride, dilation, mode),
    )


def place_of(call: Call) -> tuple[int, Place]:
    """The number of spatial axes, and where the unit is; raises NotBrokenDown."""
    axes = call.operand("weight").tensor.ndim - 2
    if not 1 <= axes <= 3 or len(call.index) not in (axes + 1, axes + 2):
        raise NotBrokenDown("it has an unusual number of axes")
    batched = len(call.index) == axes + 2
    item, channel, *position = call.index if batched else (0, *call.index)
    return axes, Place(batched, item, channel, tuple(position))


def item_of(call: Call, place: Place) -> Tensor:
    """The input (C, ...) of the unit's item, float64."""
    source = call.tensor("input")
    return source[place.item] if place.batched else source


def sizes_of(call: Call, axes: int) -> list[int]:
    """The input's size on each spatial axis."""
    return list(call.operand("input").tensor.shape[-axes:])


def padding_of(given: object, kernel_size: list[int], dilation: list[int]) -> list[tuple[int, int]]:
    """Cells before and after, for each axis."""
    if given == "valid":
        return [(0, 0)] * len(kernel_size)
    if given == "same":
        totals = [step * (size - 1) for step, size in zip(dilation, kernel_size, strict=True)]
        return [(total // 2, total - total // 2) for total in totals]
    return [(pad, pad) for pad in each(given, len(kernel_size))]


def listed_channels(
    call: Call, patch: Tensor, kernel: Tensor, first: int
) -> tuple[list[Channel], Rest | None, float]:
    """The channels to list, the others, and the sum of all; the first has the number ``first``."""
    products = (patch * kernel).flatten(1)
    sums = products.sum(1)
    listed, rest = chosen(sums, call.listed(CHANNELS), call.sort)
    channels = [
        Channel(
            channel=first + number,
            patch=patch[number].flatten().tolist(),
            kernel=kernel[number].flatten().tolist(),
            products=products[number].tolist(),
            sum=float(sums[number]),
        )
        for number in listed
    ]
    return channels, rest, float(sums.sum())


def _used(taps: list[list[Tap]]) -> list[list[int]]:
    """For each axis the places of the kernel that do not meet zeros of the padding."""
    return [[tap.tap for tap in axis if tap.source is not None] for axis in taps]


def _snippet(
    call: Call,
    place: Place,
    channels: tuple[int, int],
    patch: Tensor,
    padding: list[tuple[int, int]],
    stride: list[int],
    dilation: list[int],
    mode: str,
) -> str | None:
    """The patch times the kernel by ``conv2d``; a large patch is cut out of the whole input."""
    operand = call.operand("input")
    function = f"F.conv{len(stride)}d"
    snippet = Snippet(call)
    lead: tuple[object, ...] = (slice(place.item, place.item + 1),) if place.batched else ()
    low, high = channels
    if patch.numel() > LITERAL and snippet.has_file(operand):
        snippet.tensor("input", operand, (*lead, slice(low, high)))
        if not place.batched:
            snippet.line("input = input[None]")
        pads = [number for pair in reversed(padding) for number in pair]
        how = "constant" if mode == "zeros" else mode
        snippet.line(f"padded = F.pad(input, {pads}, mode={how!r})")
        kernel_size = call.operand("weight").tensor.shape[2:]
        window = [
            f"{o * step}:{o * step + hole * (size - 1) + 1}:{hole}"
            for o, step, hole, size in zip(
                place.position, stride, dilation, kernel_size, strict=True
            )
        ]
        snippet.line(f"patch = padded[:, :, {', '.join(window)}]")
    else:
        values = patch[None].to(
            operand.tensor.dtype if operand.tensor.is_floating_point() else torch.float64
        )
        snippet.line("# What lies under the kernel, padding included.").values("patch", values)
    here = slice(place.channel, place.channel + 1)
    snippet.tensor("weight", call.operand("weight"), (here,))
    snippet.optional("bias", call.arguments.get("bias"), (here,))
    return snippet.ending(f"{function}(patch, weight, bias)")
