"""A window that slides over a map: what a layer reads and makes, cell by cell of one channel.

For convolutions, their transposes, and pooling over one or two axes. Everything that a player
needs to go through the cells one by one: the map that is read, the kernel, where the window lies
for each row and column of the output, and what the other input channels add.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from server.engine.arithmetic.call import Call, Files, as_double, call_of
from server.engine.arithmetic.convolution import padding_of
from server.engine.arithmetic.parts import NotBrokenDown, each
from server.engine.arithmetic.taps import Tap, convolved
from server.engine.node import Node

Kind = Literal["convolution", "transposed_convolution", "max_pooling", "average_pooling"]

AXES = 2
"""Maps have rows and columns; of one axis there is one row."""

ROW = [[Tap(0, 0, 0)]]
"""The rows of a map that has none: its only one."""


@dataclass(frozen=True)
class SlidingWindow:
    """How one output channel comes about from one input channel, cell by cell."""

    kind: Kind
    source: str | None
    """Name of the node or input that made what is read; None: a constant."""
    input_channel: int
    input_channels: tuple[int, int]
    """Those that the output channel reads: the first, and the one after the last."""
    values: Tensor = field(repr=False)
    """(H, W), of the input channel, as the network read it."""
    output: Tensor = field(repr=False)
    """(H_out, W_out), of the output channel, as the network gave it."""
    rows: list[list[Tap]] = field(repr=False)
    """For each row of the output the rows of the window. Of a transposed convolution, those of the
    input that reach it."""
    columns: list[list[Tap]] = field(repr=False)
    """The same for columns."""
    kernel: Tensor | None = field(repr=False, default=None)
    """(K_h, K_w), between the two channels; None for pooling."""
    bias: float | None = None
    others: Tensor | None = field(repr=False, default=None)
    """(H_out, W_out), float64: what the other input channels add, without the bias; None where
    there are none."""
    count_padding: bool = False
    """Of average pooling: whether padding counts in the divisor."""
    divisor: float | None = None
    """Of average pooling, where it is given."""


def sliding_window(
    node: Node, channel: int, input_channel: int | None = None, *, module: nn.Module | None = None
) -> SlidingWindow:
    """The window of one channel of a node, for the first item of the batch.

    Args:
        node: of a trace made with ``keep=True``.
        channel: of the output.
        input_channel: the one to look at; without it the first that the output channel reads, of
            pooling the channel itself.
        module: the layer at ``node.module_path``, when the node is one.

    Raises:
        NotBrokenDown: the node has no window, or none over rows and columns.
        IndexError: no such channel, or an input channel that the output channel does not read.
    """
    output = node.outputs[0]
    if output.ndim < 3 or 0 in output.shape:
        raise NotBrokenDown("its output has no rows and columns")
    if not 0 <= channel < output.shape[1]:
        raise IndexError(f"{node.name} has channel 0 to {output.shape[1] - 1}, not {channel}.")
    first = (0, channel, *(0,) * (output.ndim - 2))
    call = call_of(node, module, 0, first, None, "order", Files())
    for family, build in _FAMILIES.items():
        if call.function in {f"{family}{axes}d" for axes in range(1, AXES + 1)}:
            return build(call, channel, input_channel)
    raise NotBrokenDown("no window slides over what it reads")


def _convolution(call: Call, channel: int, input_channel: int | None) -> SlidingWindow:
    axes, source, weight = _of_kernel(call)
    sizes, kernel_size = source.shape[1:], list(weight.shape[2:])
    outputs, per_group = weight.shape[:2]
    low = channel // (outputs // int(call["groups"])) * per_group
    chosen = _within(call, input_channel, low, low + per_group)
    stride, dilation = each(call["stride"], axes), each(call["dilation"], axes)
    padding = padding_of(call["padding"], kernel_size, dilation)
    mode = str(call["padding_mode"])
    taps = [
        [
            convolved(place, size, kernel, step, before, hole, mode)
            for place in range(out)
        ]
        for out, size, kernel, step, (before, _), hole in zip(
            call.shape[2:], sizes, kernel_size, stride, padding, dilation, strict=True
        )
    ]  # fmt: skip
    others = None
    if per_group > 1:
        kernels = weight[channel].clone()
        kernels[chosen - low] = 0
        pads = [number for pair in reversed(padding) for number in pair]
        padded = F.pad(
            source[None, low : low + per_group], pads, "constant" if mode == "zeros" else mode
        )
        function: Callable[..., Tensor] = F.conv1d if axes == 1 else F.conv2d
        others = function(padded, kernels[None], None, stride, 0, dilation)[0, 0]
    bias = call.optional("bias")
    return _window(
        call,
        "convolution",
        channel,
        chosen,
        (low, low + per_group),
        taps,
        kernel=call.operand("weight").tensor[channel, chosen - low],
        bias=None if bias is None else float(bias[channel]),
        others=others,
    )


def _transposed(call: Call, channel: int, input_channel: int | None) -> SlidingWindow:
    axes, source, weight = _of_kernel(call)
    inputs, per_group, *kernel_size = weight.shape
    group, within = divmod(channel, per_group)
    groups = int(call["groups"])
    low, high = group * inputs // groups, (group + 1) * inputs // groups
    chosen = _within(call, input_channel, low, high)
    stride, dilation = each(call["stride"], axes), each(call["dilation"], axes)
    padding = each(call["padding"], axes)
    taps = [
        [
            [
                Tap(tap, place, place)
                for tap in range(kernel)
                for place, apart in [divmod(out + pad - hole * tap, step)]
                if apart == 0 and 0 <= place < size
            ]
            for out in range(outs)
        ]
        for outs, size, kernel, step, pad, hole in zip(
            call.shape[2:], source.shape[1:], kernel_size, stride, padding, dilation, strict=True
        )
    ]
    others = None
    if high - low > 1:
        kernels = weight[low:high, within : within + 1].clone()
        kernels[chosen - low] = 0
        function: Callable[..., Tensor] = F.conv_transpose1d if axes == 1 else F.conv_transpose2d
        extra = each(call["output_padding"], axes)
        others = function(
            source[None, low:high], kernels, None, stride, padding, extra, 1, dilation
        )[0, 0]
    bias = call.optional("bias")
    return _window(
        call,
        "transposed_convolution",
        channel,
        chosen,
        (low, high),
        taps,
        kernel=call.operand("weight").tensor[chosen, within],
        bias=None if bias is None else float(bias[channel]),
        others=others,
    )


def _pooling(call: Call, channel: int, input_channel: int | None) -> SlidingWindow:
    kind: Kind = "max_pooling" if "max" in call.function else "average_pooling"
    _within(call, input_channel, channel, channel + 1)
    sizes = call.operand("input").tensor.shape[2:]
    axes, outs = len(sizes), call.shape[2:]
    if len(outs) != axes or not 1 <= axes <= AXES:
        raise NotBrokenDown("it has an unusual number of axes")
    if call.function.startswith("adaptive"):
        taps = [
            [
                [
                    Tap(place - out * size // count, place, place)
                    for place in range(out * size // count, -(-(out + 1) * size // count))
                ]
                for out in range(count)
            ]
            for count, size in zip(outs, sizes, strict=True)
        ]
        return _window(call, kind, channel, channel, (channel, channel + 1), taps)
    kernel_size = each(call["kernel_size"], axes)
    stride = each(call["stride"] or kernel_size, axes)
    padding = each(call["padding"], axes)
    dilation = each(call.arguments.get("dilation", 1), axes)
    taps = [
        [
            [
                tap
                for tap in convolved(out, size, kernel, step, pad, hole, "zeros")
                # What ceil_mode lets hang over beyond the padding is not there at all.
                if tap.position < size + pad
            ]
            for out in range(count)
        ]
        for count, size, kernel, step, pad, hole in zip(
            outs, sizes, kernel_size, stride, padding, dilation, strict=True
        )
    ]
    override = call.arguments.get("divisor_override")
    return _window(
        call,
        kind,
        channel,
        channel,
        (channel, channel + 1),
        taps,
        count_padding=bool(call.arguments.get("count_include_pad", False)),
        divisor=None if override is None else float(override),
    )


_FAMILIES: dict[str, Callable[[Call, int, int | None], SlidingWindow]] = {
    "conv": _convolution,
    "conv_transpose": _transposed,
    "max_pool": _pooling,
    "avg_pool": _pooling,
    "adaptive_max_pool": _pooling,
    "adaptive_avg_pool": _pooling,
}


def _of_kernel(call: Call) -> tuple[int, Tensor, Tensor]:
    """The spatial axes, the input (C, ...) of the first item, and the weight, both float64."""
    weight = as_double(call.operand("weight"))
    axes = weight.ndim - 2
    if len(call.shape) != axes + 2 or call.operand("input").tensor.ndim != axes + 2:
        raise NotBrokenDown("it has an unusual number of axes")
    return axes, call.tensor("input")[0], weight


def _within(call: Call, input_channel: int | None, low: int, high: int) -> int:
    if input_channel is None:
        return low
    if not low <= input_channel < high:
        raise IndexError(
            f"The channel of {call.node.name} reads input channel {low} to {high - 1}, "
            f"not {input_channel}."
        )
    return input_channel


def _window(
    call: Call,
    kind: Kind,
    channel: int,
    input_channel: int,
    input_channels: tuple[int, int],
    taps: list[list[list[Tap]]],
    *,
    kernel: Tensor | None = None,
    bias: float | None = None,
    others: Tensor | None = None,
    count_padding: bool = False,
    divisor: float | None = None,
) -> SlidingWindow:
    operand = call.operand("input")
    rows, columns = (ROW, *taps) if len(taps) == 1 else taps
    return SlidingWindow(
        kind=kind,
        source=None if operand.input is None else call.node.inputs[operand.input],
        input_channel=input_channel,
        input_channels=input_channels,
        values=_as_map(operand.tensor[0, input_channel]),
        output=_as_map(call.node.outputs[0][0, channel]),
        rows=rows,
        columns=columns,
        kernel=None if kernel is None else _as_map(kernel),
        bias=bias,
        others=None if others is None else _as_map(others),
        count_padding=count_padding,
        divisor=divisor,
    )


def _as_map(values: Tensor) -> Tensor:
    """(H, W) on the CPU; of one axis a row."""
    return values.detach().cpu().reshape(-1, values.shape[-1])
