"""Convolution: Conv1d, Conv2d, Conv3d."""

from __future__ import annotations

import math

from server.engine.shapes.layer import (
    Call,
    Layer,
    check_not_negative,
    check_positive,
    check_size,
)
from server.engine.shapes.padding import check_padding
from server.engine.shapes.parameters import Kind, Parameter
from server.engine.shapes.reading import Reading, Whole, Window
from server.engine.shapes.refusal import INPUT, Refusal, shown
from server.engine.shapes.result import ELEMENT_BYTES, LayerShape, Saved, Step
from server.engine.shapes.window import axes_of, windows

MODES = ("zeros", "reflect", "replicate", "circular")

CHANNELS = (Parameter("in_channels", Kind.INTEGER), Parameter("out_channels", Kind.INTEGER))

PARAMETERS = (
    *CHANNELS,
    Parameter("kernel_size", Kind.SIZES),
    Parameter("stride", Kind.SIZES, 1),
    Parameter("padding", Kind.PADDING, 0),
    Parameter("dilation", Kind.SIZES, 1),
    Parameter("groups", Kind.INTEGER, 1),
    Parameter("bias", Kind.FLAG, True),
    Parameter("padding_mode", Kind.TEXT, "zeros", MODES),
)


def convolution(call: Call) -> LayerShape:
    """(N, C_in, *space) -> (N, C_out, *space'), also without N.

    Along each axis ``floor((i + 2p - d(k - 1) - 1) / s) + 1``; Dumoulin and Visin,
    arXiv 1603.07285, relationship 15.

    Raises:
        Refusal: as PyTorch refuses.
    """
    kernels = call.each("kernel_size", single=False)
    weights, parameters = check_channels(call, kernels, transposed=False)
    strides, dilations = call.each("stride"), call.each("dilation")
    pads = _pads(call, kernels, strides, dilations)
    check_positive("stride", strides)
    check_input_channels(call)
    check_dilations(call, dilations)
    mode = call["padding_mode"]
    if mode == "zeros" and isinstance(call["padding"], str | int | tuple):
        # With "same" only what both ends have alike is padding; the rest may cut off, too.
        same = call["padding"] == "same"
        check_not_negative("padding", tuple(pair[0] if same else min(pair) for pair in pads))
    else:
        check_padding(call, pads[-_padded_axes(call) :], mode)
    channel = len(call.input_shape) - call.axes - 1
    padded = [size + sum(pair) for size, pair in zip(call.spatial, pads, strict=True)]
    filled = padded if mode != "zeros" else call.spatial
    if 0 in filled and 0 not in call.input_shape[: channel + 1]:
        raise Refusal(
            INPUT,
            f"The input {shown(call.input_shape)} is empty: only batch or channels may be of "
            "size 0.",
        )
    steps: list[Step] = []
    sizes: list[int] = []
    reads: dict[int, Reading] = {channel: Whole()}
    for axis, k, s, d, (before, after) in zip(
        axes_of(call.input_shape, call.axes), kernels, strides, dilations, pads, strict=True
    ):
        size, lines = windows(axis, k, s, before, after, d)
        sizes.append(size)
        steps += lines
        reads[axis.index] = Window(k, s, before, d, after)
    # PyTorch gives no output channels where there are no input channels.
    made = call["out_channels"] if call["in_channels"] else 0
    output = (*call.input_shape[:channel], made, *sizes)
    check_size("padding", output, "The output")
    return LayerShape(
        input_shape=call.input_shape,
        output_shape=output,
        steps=tuple(steps),
        parameters=parameters,
        multiply_accumulates=math.prod(output) * weights // call["out_channels"],
        saved=_saved(call, pads, (*call.input_shape[: channel + 1], *padded)),
        reads=reads,
    )


def check_channels(call: Call, kernels: tuple[int, ...], *, transposed: bool) -> tuple[int, int]:
    """The number of weights, and of parameters with the bias.

    Raises:
        Refusal: channels, groups and kernel give no weights.
    """
    groups, given, made = call["groups"], call["in_channels"], call["out_channels"]
    check_positive("groups", (groups,))
    check_not_negative("in_channels", (given,))
    for name, channels in (("in_channels", given), ("out_channels", made)):
        if channels % groups:
            raise Refusal(
                "groups",
                f"groups divides {name}, but {channels} channels do not go into {groups} groups.",
                value=groups,
            )
    check_positive("out_channels", (made,))
    (check_positive if given else check_not_negative)("kernel_size", kernels)
    first, second = (given, made // groups) if transposed else (made, given // groups)
    check_size("kernel_size", (first, second, *kernels), "The weights")
    weights = given * made // groups * math.prod(kernels)
    return weights, weights + (made if call["bias"] else 0)


def check_input_channels(call: Call) -> None:
    """Refuse an input of another number of axes or channels than the layer takes."""
    call.check_image()
    channels = call.input_shape[-call.axes - 1]
    if channels != call["in_channels"]:
        raise Refusal(
            "in_channels",
            f"in_channels is {call['in_channels']}, but the input {shown(call.input_shape)} has "
            f"{channels} channels.",
            value=call["in_channels"],
            limit=channels,
        )


def check_dilations(call: Call, dilations: tuple[int, ...]) -> None:
    """Refuse dilations below 1; below 0 when the input is empty, as then nothing runs."""
    (check_not_negative if 0 in call.input_shape else check_positive)("dilation", dilations)


def same_padding(kernel: int, dilation: int) -> tuple[int, int]:
    """Before and after, so that stride 1 keeps the size; the odd one comes after."""
    total = dilation * (kernel - 1)
    return total // 2, total - total // 2


def _pads(
    call: Call, kernels: tuple[int, ...], strides: tuple[int, ...], dilations: tuple[int, ...]
) -> list[tuple[int, int]]:
    padding, mode = call["padding"], call["padding_mode"]
    if padding == "valid":
        return [(0, 0)] * call.axes
    if padding == "same":
        if any(stride != 1 for stride in strides):
            raise Refusal(
                "stride", 'padding "same" needs a stride of 1.', value=max(strides), limit=1
            )
        pads = [same_padding(k, d) for k, d in zip(kernels, dilations, strict=True)]
        if mode == "zeros":
            # Of an empty kernel -1; PyTorch's C++ rounds half of it towards zero, Python does not.
            pads = [(0, -1) if sum(pair) == -1 else pair for pair in pads]
        given = call["dilation"]
        if mode != "zeros" and isinstance(given, tuple) and len(given) == 1:
            # PyTorch pairs a list of one with the first axis only.
            pads[1:] = [(0, 0)] * (call.axes - 1)
        return pads
    if _padded_axes(call) < call.axes:
        return [(0, 0), *((value, value) for value in padding)]
    # In other modes the list goes to F.pad as it is, which does not repeat a single number.
    return [(value, value) for value in call.each("padding", single=mode == "zeros")]


def _padded_axes(call: Call) -> int:
    """How many of the last axes are padded.

    PyTorch's padding of other modes takes a list that is short by one, for an input without a
    batch: it takes the channels for the batch, and the first axis of space for the channels.
    """
    padding = call["padding"]
    short = isinstance(padding, tuple) and len(padding) == call.axes - 1 > 0
    return call.axes - int(short and not call.batched and call["padding_mode"] != "zeros")


def _saved(call: Call, pads: list[tuple[int, int]], padded: tuple[int, ...]) -> Saved:
    """The input, or the padded copy where padding is a step of its own."""
    mode = call["padding_mode"]
    copied = mode != "zeros" or any(before != after for before, after in pads)
    if not copied:
        return Saved(input=True)
    if mode == "zeros":
        # Only what one end has more than the other is padded in a step of its own.
        space = call.spatial
        extra = [size + after - before for size, (before, after) in zip(space, pads, strict=True)]
        padded = (*padded[: -call.axes], *extra)
    keeps = mode in ("reflect", "replicate")
    return Saved(input=keeps, other_bytes=ELEMENT_BYTES * math.prod(padded))


LAYERS = tuple(Layer(f"Conv{axes}d", PARAMETERS, convolution, axes) for axes in (1, 2, 3))
