"""Adaptive pooling: AdaptiveAvgPool1d to AdaptiveMaxPool3d."""

from __future__ import annotations

import math

from server.engine.shapes.layer import Call, Layer, check_not_negative, check_size
from server.engine.shapes.parameters import Kind, Parameter
from server.engine.shapes.pooling import INDEX_BYTES
from server.engine.shapes.reading import Adaptive, Reading
from server.engine.shapes.refusal import INPUT, Refusal
from server.engine.shapes.result import LayerShape, Saved, Step, Symbol, step
from server.engine.shapes.window import Axis, axes_of, axis_noun

OUTPUT = Parameter("output_size", Kind.SIZES_OR_NULLS)
INDICES = Parameter("return_indices", Kind.FLAG, False)


def adaptive_pooling(call: Call) -> LayerShape:
    """(N, C, *space) -> (N, C, *output_size), also without N; null keeps an axis as it is.

    Window j reads from ``floor(j·i / o)`` until ``ceil((j + 1)·i / o)``, o the output's size.

    Raises:
        Refusal: as PyTorch refuses.
    """
    given = call["output_size"]
    sizes = (given,) * call.axes if isinstance(given, int) else tuple(given)
    if len(sizes) != call.axes:
        raise Refusal(
            "output_size",
            f"output_size is one number or a list of {call.axes}, one for each axis; this list "
            f"has {len(sizes)}.",
            limit=call.axes,
        )
    if call.axes == 1 and None in sizes:
        raise Refusal("output_size", f"output_size of {call.type} is a number, not null.")
    whole = _whole(call, sizes)
    check_not_negative("output_size", whole)
    maximum = "Max" in call.type
    if maximum or call.axes == 1 or set(whole) != {1}:
        call.check_image()
        if maximum or (call.axes == 3 and set(whole) != {1}):
            call.check_not_empty(1)
        elif set(whole) != {1}:
            call.check_not_empty(len(call.input_shape) - call.axes)
    steps: list[Step] = []
    reads: dict[int, Reading] = {}
    for axis, size, asked in zip(axes_of(call.input_shape, call.axes), whole, sizes, strict=True):
        steps += _steps(axis, size, asked)
        if size:
            reads[axis.index] = Adaptive(size, axis.size)
    output = (*call.input_shape[: -call.axes], *whole)
    # Indices have twice the bytes of values.
    check_size("output_size", (2, *output) if maximum else output, "The output")
    indices = INDEX_BYTES * math.prod(output) if maximum else 0
    return LayerShape(
        call.input_shape,
        output,
        tuple(steps),
        # An average of everything is a mean, for whose gradient the size is enough.
        saved=Saved(input=maximum or set(whole) != {1}, other_bytes=indices),
        reads=reads,
    )


def _whole(call: Call, sizes: tuple[int | None, ...]) -> tuple[int, ...]:
    """The sizes asked for, those of the input where there is a null.

    An average of everything is a mean in PyTorch, which takes an input of any more axes.
    """
    count = len(call.input_shape)
    if count < call.axes + int(not isinstance(call["output_size"], int)):
        call.check_image()
    return tuple(
        size if size is not None else own for size, own in zip(sizes, call.spatial, strict=True)
    )


def _steps(axis: Axis, size: int, asked: int | None) -> list[Step]:
    i = Symbol("i", f"input {axis_noun(axis)}", axis.size, INPUT)
    o = Symbol("o", "output size", size, "output_size")
    source = i if asked is None else Symbol("m", "size asked for", size, "output_size")
    steps = [step("o", "output size", f"{{{source.name}}}", (source,), size, axis=axis.index)]
    if not size:
        return steps
    shortest, longest = window_lengths(axis.size, size)
    note = (
        f"Every window reads {longest} {axis.noun if longest == 1 else axis.noun + 's'}."
        if shortest == longest
        else f"Windows read {shortest} to {longest} {axis.noun}s, and some overlap."
    )
    g = Symbol("g", "greatest common divisor of both sizes", math.gcd(axis.size, size), None)
    text = "⌈({i} + {o} − {g}) / {o}⌉"
    line = step("k", "longest window", text, (i, o, g), longest, axis=axis.index, note=note)
    return [*steps, line]


def window_lengths(inputs: int, outputs: int) -> tuple[int, int]:
    """The shortest and longest of the windows of adaptive pooling.

    Window j starts ``r = (j·inputs) mod outputs`` parts after a whole position, where r takes
    every multiple of the common divisor: its length is ``ceil((r + inputs) / outputs)``.
    """
    common = math.gcd(inputs, outputs)
    return -(-inputs // outputs), -(-(inputs + outputs - common) // outputs)


LAYERS = (
    *(Layer(f"AdaptiveAvgPool{axes}d", (OUTPUT,), adaptive_pooling, axes) for axes in (1, 2, 3)),
    *(
        Layer(f"AdaptiveMaxPool{axes}d", (OUTPUT, INDICES), adaptive_pooling, axes)
        for axes in (1, 2, 3)
    ),
)
