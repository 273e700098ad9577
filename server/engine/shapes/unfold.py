"""Windows as columns and back: Unfold and Fold."""

from __future__ import annotations

import math
from dataclasses import replace

from server.engine.shapes.layer import (
    Call,
    Layer,
    check_not_negative,
    check_positive,
    check_size,
)
from server.engine.shapes.parameters import Kind, Parameter
from server.engine.shapes.refusal import INPUT, Refusal, shown
from server.engine.shapes.result import LayerShape, Saved, Step, Symbol, step
from server.engine.shapes.window import axes_of, axis_noun, windows

WINDOW = (
    Parameter("kernel_size", Kind.SIZES),
    Parameter("dilation", Kind.SIZES, 1),
    Parameter("padding", Kind.SIZES, 0),
    Parameter("stride", Kind.SIZES, 1),
)

AXES = 2


def unfold(call: Call) -> LayerShape:
    """(N, C, H, W) -> (N, C·kernel, windows), also without N.

    Raises:
        Refusal: as PyTorch refuses.
    """
    kernels = _window(call)
    call.check_image()
    call.check_not_empty(len(call.input_shape) - AXES - 1)
    channels = call.input_shape[-AXES - 1]
    counts, steps = _counts(call, call.input_shape)
    values = channels * math.prod(kernels)
    steps += _products(call.input_shape, kernels, counts)
    output = (*call.input_shape[: -AXES - 1], values, math.prod(counts))
    check_size("kernel_size", output, "The output")
    return LayerShape(call.input_shape, output, tuple(steps), saved=Saved(), moved=True)


def fold(call: Call) -> LayerShape:
    """(N, C·kernel, windows) -> (N, C, *output_size), also without N: adds what overlaps.

    Raises:
        Refusal: as PyTorch refuses.
    """
    sizes = call.each("output_size", single=False)
    kernels = _window(call)
    if len(call.input_shape) not in (2, 3):
        raise Refusal(
            INPUT,
            "Fold takes an input with 2 or 3 axes (channels times window, windows, and before "
            f"them perhaps the batch), not {len(call.input_shape)}.",
        )
    call.check_not_empty(len(call.input_shape) - 2)
    check_positive("output_size", sizes)
    values, columns = call.input_shape[-2:]
    if values % math.prod(kernels):
        raise Refusal(
            "kernel_size",
            f"A window has {math.prod(kernels)} positions, which do not divide the input's "
            f"{values} rows.",
            limit=values,
        )
    counts, steps = _counts(call, sizes, "output_size")
    if math.prod(counts) != columns:
        raise Refusal(
            "output_size",
            f"An output of {shown(sizes)} has {' × '.join(map(str, counts))} = "
            f"{math.prod(counts)} windows, but the input has {columns}.",
            limit=columns,
        )
    channels = values // math.prod(kernels)
    v = Symbol("v", "input rows", values, INPUT)
    k = Symbol("k", "positions of a window", math.prod(kernels), "kernel_size")
    output = (*call.input_shape[:-2], channels, *sizes)
    line = step("C", "channels", "{v} / {k}", (v, k), channels, axis=len(output) - AXES - 1)
    check_size("output_size", output, "The output")
    return LayerShape(call.input_shape, output, (*steps, line), saved=Saved(), moved=True)


def _window(call: Call) -> tuple[int, ...]:
    kernels = call.each("kernel_size", single=False)
    check_positive("kernel_size", kernels)
    check_positive("stride", call.each("stride", single=False))
    check_positive("dilation", call.each("dilation", single=False))
    check_not_negative("padding", call.each("padding", single=False))
    return kernels


def _counts(
    call: Call, shape: tuple[int, ...], parameter: str = INPUT
) -> tuple[list[int], list[Step]]:
    steps: list[Step] = []
    counts: list[int] = []
    names = ("kernel_size", "stride", "padding", "dilation")
    settings = zip(*(call.each(name) for name in names), strict=True)
    for axis, (k, s, p, d) in zip(axes_of(shape, AXES), settings, strict=True):
        count, lines = windows(axis, k, s, p, p, d)
        counts.append(count)
        along = f"windows along the {axis_noun(axis)}"
        steps += [replace(line, axis=None) for line in lines[:-1]]
        steps.append(replace(lines[-1], axis=None, meaning=along))
    return counts, steps


def _products(
    shape: tuple[int, ...], kernels: tuple[int, ...], counts: list[int]
) -> tuple[Step, ...]:
    channels, first = shape[-AXES - 1], len(shape) - AXES - 1
    c = Symbol("C", "channels", channels, INPUT)
    k = Symbol("k", "positions of a window", math.prod(kernels), "kernel_size")
    h = Symbol("h", "windows along the height", counts[0], None)
    w = Symbol("w", "windows along the width", counts[1], None)
    return (
        step(
            "v", "values of a window", "{C}·{k}", (c, k), channels * math.prod(kernels), axis=first
        ),
        step("L", "windows", "{h}·{w}", (h, w), math.prod(counts), axis=first + 1),
    )


LAYERS = (
    Layer("Unfold", WINDOW, unfold, AXES),
    Layer("Fold", (Parameter("output_size", Kind.SIZES), *WINDOW), fold, AXES),
)
