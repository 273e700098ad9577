"""Max, average and Lp pooling: MaxPool1d to LPPool3d."""

from __future__ import annotations

import math

from server.engine.shapes.layer import (
    Call,
    Layer,
    check_not_negative,
    check_positive,
    check_size,
)
from server.engine.shapes.parameters import LARGEST, Kind, Parameter
from server.engine.shapes.reading import Reading, Window
from server.engine.shapes.refusal import Refusal, counted
from server.engine.shapes.result import ELEMENT_BYTES, LayerShape, Saved, Step
from server.engine.shapes.window import axes_of, windows

LARGEST_SETTING = 2**31 - 1
"""PyTorch's pooling counts with 32 bits."""

INDEX_BYTES = 8
"""Of one index that max pooling keeps, int64."""

KERNEL = Parameter("kernel_size", Kind.SIZES)
STRIDE = Parameter("stride", Kind.OPTIONAL_SIZES, None)
PADDING = Parameter("padding", Kind.SIZES, 0)
CEIL_MODE = Parameter("ceil_mode", Kind.FLAG, False)

MAXIMUM = (
    KERNEL,
    STRIDE,
    PADDING,
    Parameter("dilation", Kind.SIZES, 1),
    Parameter("return_indices", Kind.FLAG, False),
    CEIL_MODE,
)
AVERAGE = (KERNEL, STRIDE, PADDING, CEIL_MODE, Parameter("count_include_pad", Kind.FLAG, True))
DIVISOR = Parameter("divisor_override", Kind.OPTIONAL_INTEGER, None)
LP = (Parameter("norm_type", Kind.NUMBER), KERNEL, STRIDE, CEIL_MODE)


def max_pooling(call: Call) -> LayerShape:
    """(N, C, *space) -> (N, C, *space'), also without N; see ``windows`` for the formula.

    Raises:
        Refusal: as PyTorch refuses.
    """
    dilations = call.each("dilation")
    check_positive("dilation", dilations)
    return _pooling(call, call.each("padding"), dilations)


def average_pooling(call: Call) -> LayerShape:
    """(N, C, *space) -> (N, C, *space'), also without N.

    Raises:
        Refusal: as PyTorch refuses.
    """
    if call.values.get("divisor_override") == 0:
        raise Refusal("divisor_override", "divisor_override is not 0: the sum is divided by it.")
    return _pooling(call, call.each("padding", single=call.axes > 1), None)


def lp_pooling(call: Call) -> LayerShape:
    """(N, C, *space) -> (N, C, *space'), also without N: average pooling of powers.

    Raises:
        Refusal: as PyTorch refuses.
    """
    if call["norm_type"] == 0:
        raise Refusal("norm_type", "norm_type is not 0: the root of that order is taken.")
    found = _pooling(call, None, None)
    if math.prod(call.each("kernel_size")) > LARGEST:
        raise Refusal("kernel_size", f"kernel_size has at most {LARGEST} positions.")
    return found


def _pooling(
    call: Call, paddings: tuple[int, ...] | None, dilations: tuple[int, ...] | None
) -> LayerShape:
    kernels = call.each("kernel_size", single=not call.type.startswith("LP"))
    if call.type == "LPPool1d" and not isinstance(call["kernel_size"], int):
        raise Refusal("kernel_size", "kernel_size of LPPool1d is a number, not a list.")
    check_positive("kernel_size", kernels)
    strides = kernels if call["stride"] in (None, ()) else call.each("stride")
    check_positive("stride", strides)
    for padding, kernel in zip(paddings or (), kernels, strict=False):
        check_not_negative("padding", (padding,))
        if padding > kernel // 2:
            raise Refusal(
                "padding",
                f"padding is at most half of kernel_size: {kernel // 2}, not {padding}.",
                value=padding,
                limit=kernel // 2,
            )
    for name in ("kernel_size", "stride", "padding", "dilation"):
        _check_width(call, name)
    call.check_image()
    call.check_not_empty(len(call.input_shape) - call.axes - 1)
    if call.axes == 3 and dilations is None:
        _check_covered(call, kernels)
    steps: list[Step] = []
    sizes: list[int] = []
    reads: dict[int, Reading] = {}
    for place, axis in enumerate(axes_of(call.input_shape, call.axes)):
        padding = paddings[place] if paddings else 0
        dilation = dilations[place] if dilations else None
        size, lines = windows(
            axis,
            kernels[place],
            strides[place],
            padding,
            padding,
            dilation,
            call["ceil_mode"],
            padding_parameter="padding" if paddings else None,
        )
        sizes.append(size)
        steps += lines
        reads[axis.index] = Window(kernels[place], strides[place], padding, dilation or 1, padding)
    output = (*call.input_shape[: -call.axes], *sizes)
    check_size("kernel_size", output, "The output")
    return LayerShape(
        call.input_shape, output, tuple(steps), saved=_saved(call, output), reads=reads
    )


def _check_width(call: Call, name: str) -> None:
    """Refuse numbers over 32 bits, which only PyTorch's MaxPool1d takes."""
    value = call.values.get(name)
    numbers = value if isinstance(value, tuple) else (value or 0,)
    if max(numbers, default=0) > LARGEST_SETTING and call.type != "MaxPool1d":
        raise Refusal(name, f"{name} is at most {LARGEST_SETTING}.", limit=LARGEST_SETTING)


def _check_covered(call: Call, kernels: tuple[int, ...]) -> None:
    """Refuse kernels larger than the unpadded input, which only averages over space and time do."""
    for axis, kernel in zip(axes_of(call.input_shape, call.axes), kernels, strict=True):
        if kernel > axis.size:
            raise Refusal(
                "kernel_size",
                f"{call.type} takes a kernel of at most the input without its padding: "
                f"{counted(axis.size, axis.noun)}, not {kernel}.",
                value=kernel,
                limit=axis.size,
            )


def _saved(call: Call, output: tuple[int, ...]) -> Saved:
    if call.type.startswith("Max"):
        return Saved(input=True, other_bytes=INDEX_BYTES * math.prod(output))
    if call.type.startswith("Avg"):
        return Saved(input=True)
    # Powers of the input; the average, its sign, its rectified size, and what the root is taken of.
    values = math.prod(call.input_shape) + 4 * math.prod(output)
    return Saved(input=True, other_bytes=ELEMENT_BYTES * values)


LAYERS = (
    *(Layer(f"MaxPool{axes}d", MAXIMUM, max_pooling, axes) for axes in (1, 2, 3)),
    Layer("AvgPool1d", AVERAGE, average_pooling, 1),
    *(Layer(f"AvgPool{axes}d", (*AVERAGE, DIVISOR), average_pooling, axes) for axes in (2, 3)),
    *(Layer(f"LPPool{axes}d", LP, lp_pooling, axes) for axes in (1, 2, 3)),
)
