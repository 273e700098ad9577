"""Transposed convolution: ConvTranspose1d, ConvTranspose2d, ConvTranspose3d."""

from __future__ import annotations

import math

from server.engine.shapes.convolution import (
    CHANNELS,
    check_channels,
    check_dilations,
    check_input_channels,
)
from server.engine.shapes.layer import (
    Call,
    Layer,
    check_not_negative,
    check_positive,
    check_size,
)
from server.engine.shapes.parameters import LARGEST, Kind, Parameter
from server.engine.shapes.reading import Reading, Spread, Whole
from server.engine.shapes.refusal import INPUT, Refusal, counted, shown
from server.engine.shapes.result import LayerShape, Saved, Step, Symbol, step
from server.engine.shapes.window import Axis, axes_of, axis_noun

PARAMETERS = (
    *CHANNELS,
    Parameter("kernel_size", Kind.SIZES),
    Parameter("stride", Kind.SIZES, 1),
    Parameter("padding", Kind.SIZES, 0),
    Parameter("output_padding", Kind.SIZES, 0),
    Parameter("groups", Kind.INTEGER, 1),
    Parameter("bias", Kind.FLAG, True),
    Parameter("dilation", Kind.SIZES, 1),
    Parameter("padding_mode", Kind.TEXT, "zeros", ("zeros",)),
)


def transposed_convolution(call: Call) -> LayerShape:
    """(N, C_in, *space) -> (N, C_out, *space'), also without N.

    Along each axis ``(i - 1)s - 2p + d(k - 1) + a + 1``, a the output padding; Dumoulin and Visin,
    relationship 14, with dilation as in PyTorch's documentation of ConvTranspose2d.

    Raises:
        Refusal: as PyTorch refuses.
    """
    kernels = call.each("kernel_size", single=False)
    check_positive("in_channels", (call["in_channels"],))
    weights, parameters = check_channels(call, kernels, transposed=True)
    check_input_channels(call)
    strides, dilations = call.each("stride"), call.each("dilation")
    paddings, extras = call.each("padding"), call.each("output_padding")
    check_positive("stride", strides)
    check_dilations(call, dilations)
    check_not_negative("padding", paddings)
    check_not_negative("output_padding", extras)
    for extra, stride, dilation in zip(extras, strides, dilations, strict=True):
        if extra >= max(stride, dilation) and 0 not in call.input_shape:
            raise Refusal(
                "output_padding",
                f"output_padding is smaller than stride or dilation: at most "
                f"{max(stride, dilation) - 1}, not {extra}.",
                value=extra,
                limit=max(stride, dilation) - 1,
            )
    channel = len(call.input_shape) - call.axes - 1
    if 0 in call.spatial and 0 not in call.input_shape[: channel + 1]:
        raise Refusal(
            INPUT,
            f"The input {shown(call.input_shape)} is empty: only batch or channels may be of "
            "size 0.",
        )
    steps: list[Step] = []
    sizes: list[int] = []
    reads: dict[int, Reading] = {channel: Whole()}
    settings = zip(kernels, strides, paddings, dilations, extras, strict=True)
    for axis, (k, s, p, d, a) in zip(axes_of(call.input_shape, call.axes), settings, strict=True):
        size, lines = spread(axis, k, s, p, d, a, least=0 if 0 in call.input_shape else 1)
        sizes.append(size)
        steps += lines
        reads[axis.index] = Spread(k, s, p, d)
    output = (*call.input_shape[:channel], call["out_channels"], *sizes)
    check_size("stride", output, "The output")
    given = call["in_channels"]
    return LayerShape(
        input_shape=call.input_shape,
        output_shape=output,
        steps=tuple(steps),
        parameters=parameters,
        multiply_accumulates=math.prod(call.input_shape) * weights // given,
        saved=Saved(input=True),
        reads=reads,
    )


def spread(
    axis: Axis, kernel: int, stride: int, padding: int, dilation: int, extra: int, *, least: int = 1
) -> tuple[int, tuple[Step, ...]]:
    """The size of the output along an axis, and the steps to it.

    Raises:
        Refusal: the padding leaves nothing.
    """
    k = Symbol("k", "kernel size", kernel, "kernel_size")
    s = Symbol("s", "stride", stride, "stride")
    p = Symbol("p", "padding", padding, "padding")
    d = Symbol("d", "dilation", dilation, "dilation")
    a = Symbol("a", "output padding", extra, "output_padding")
    i = Symbol("i", f"input {axis_noun(axis)}", axis.size, INPUT)
    reach = dilation * (kernel - 1) + 1
    full = (axis.size - 1) * stride + reach
    size = full - 2 * padding + extra
    w = Symbol("w", "reach of the window", reach, None)
    n = Symbol("n", "size before cropping", full, None)
    steps = (
        step("w", w.meaning, "{d}·({k} − 1) + 1", (d, k), reach, axis=axis.index),
        step("n", n.meaning, "({i} − 1)·{s} + {w}", (i, s, w), full, axis=axis.index),
        step(
            "o",
            "output size",
            "{n} − 2·{p} + {a}",
            (n, p, a),
            size,
            axis=axis.index,
            note=_untouched(axis, reach, stride, extra, padding),
        ),
    )
    if max(full, 2 * padding) > LARGEST:
        raise Refusal("stride", "The output would have more positions than 64 bits can count.")
    if size < least:
        limit = (full + extra - 1) // 2
        raise Refusal(
            "padding",
            f"padding takes 2 × {padding} of the {full + extra} {axis.noun}s, which leaves "
            f"{size}: at most {limit} leaves something."
            if limit >= 0
            else f"The input has no {axis.noun}s, so nothing is left.",
            value=padding,
            limit=limit,
        )
    return size, steps


def _untouched(axis: Axis, reach: int, stride: int, extra: int, padding: int) -> str:
    """A sentence on output positions that only the bias reaches."""
    notes = []
    if stride > reach and axis.size > 1:
        notes.append(
            f"Between the copies of the kernel, {counted(stride - reach, axis.noun)} "
            f"{'gets' if stride - reach == 1 else 'get'} only the bias."
        )
    if extra > padding:
        count = extra - padding
        word = axis.noun if count == 1 else f"{axis.noun}s"
        notes.append(f"The last {count} {word} get{'s' if count == 1 else ''} only the bias.")
    return " ".join(notes)


LAYERS = tuple(
    Layer(f"ConvTranspose{axes}d", PARAMETERS, transposed_convolution, axes) for axes in (1, 2, 3)
)
