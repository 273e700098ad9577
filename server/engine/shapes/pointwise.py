"""Layers that keep the shape: activations, dropout, identity; and GLU, which halves an axis."""

from __future__ import annotations

import math
from collections.abc import Callable

from server.engine.shapes.flatten import axis_index
from server.engine.shapes.layer import Call, Layer, check_not_negative
from server.engine.shapes.parameters import Kind, Parameter
from server.engine.shapes.reading import Unknown, Whole
from server.engine.shapes.refusal import INPUT, Refusal
from server.engine.shapes.result import ELEMENT_BYTES, LayerShape, Saved, Symbol, step

INPLACE = Parameter("inplace", Kind.FLAG, False)
DIM = Parameter("dim", Kind.OPTIONAL_INTEGER, None)

KEEPS_INPUT = Saved(input=True)
KEEPS_OUTPUT = Saved(output=True)


def _number(name: str, default: float) -> Parameter:
    return Parameter(name, Kind.NUMBER, default)


def _keeping(saved: Saved | None) -> Callable[[Call], LayerShape]:
    return lambda call: LayerShape(call.input_shape, call.input_shape, saved=saved)


def identity(call: Call) -> LayerShape:
    """Any shape, unchanged."""
    return LayerShape(call.input_shape, call.input_shape, saved=Saved(view=True))


def dropout(call: Call) -> LayerShape:
    """Any shape, unchanged; the axes of Dropout1d to Dropout3d are checked as PyTorch does.

    Raises:
        Refusal: as PyTorch refuses.
    """
    if not 0 <= call["p"] <= 1:
        raise Refusal("p", f"p is a probability, 0 to 1, not {call['p']}.", value=call["p"])
    if call.type == "Dropout1d":
        call.check_axes(2, 3)
    drops = call.training and 0 < call["p"] < 1 and math.prod(call.input_shape)
    if drops:
        _check_features(call)
    saved = _saved_by_dropout(call) if call.training else Saved(view=True)
    return LayerShape(call.input_shape, call.input_shape, saved=saved)


def _saved_by_dropout(call: Call) -> Saved | None:
    """In training: the factors that the input is multiplied by, in float32 as on the CPU."""
    shape = call.input_shape
    if "Alpha" in call.type:
        return None
    if call["p"] == 0 or not math.prod(shape):
        return Saved(view=True)
    if call["p"] == 1:
        return Saved(other_bytes=ELEMENT_BYTES)  # a single 0
    if call.type == "Dropout":
        return Saved(other_bytes=ELEMENT_BYTES * math.prod(shape))
    # Whole channels, without a batch those of one item.
    batched = len(shape) > {"Dropout1d": 2, "Dropout3d": 4}.get(call.type, 0)
    return Saved(other_bytes=ELEMENT_BYTES * math.prod(shape[: 2 if batched else 1]))


def _check_features(call: Call) -> None:
    least = {"Dropout2d": 2, "Dropout3d": 1, "FeatureAlphaDropout": 2}.get(call.type, 0)
    if len(call.input_shape) < least:
        raise Refusal(
            INPUT,
            f"{call.type} takes an input with at least {'1 axis' if least == 1 else '2 axes'}, not "
            f"{len(call.input_shape)}.",
        )


def softmax(call: Call) -> LayerShape:
    """Any shape, unchanged; every position reads all of axis ``dim``.

    Raises:
        Refusal: as PyTorch refuses.
    """
    count = len(call.input_shape)
    given = call["dim"]
    # Without dim PyTorch takes the first axis of none, one or three, else the second.
    axis = axis_index(call, "dim", given if given is not None else 0 if count in (0, 1, 3) else 1)
    return LayerShape(call.input_shape, call.input_shape, saved=KEEPS_OUTPUT, reads={axis: Whole()})


def softmax_of_channels(call: Call) -> LayerShape:
    """(N, C, H, W) -> the same, also without N.

    Raises:
        Refusal: as PyTorch refuses.
    """
    call.check_axes(3, 4)
    reads = {len(call.input_shape) - 3: Whole()}
    return LayerShape(call.input_shape, call.input_shape, saved=KEEPS_OUTPUT, reads=reads)


def gated(call: Call) -> LayerShape:
    """(..., 2m on axis dim, ...) -> m there.

    Raises:
        Refusal: as PyTorch refuses.
    """
    shape = call.input_shape
    if not shape:
        raise Refusal(INPUT, "GLU takes an input with at least 1 axis, not a single number.")
    axis = axis_index(call, "dim", call["dim"])
    if shape[axis] % 2:
        raise Refusal(
            "dim", f"GLU halves axis {axis}, but its size {shape[axis]} is odd.", value=call["dim"]
        )
    i = Symbol("i", f"size of axis {axis}", shape[axis], INPUT)
    line = step("o", "half", "{i} / 2", (i,), shape[axis] // 2, axis=axis)
    output = (*shape[:axis], shape[axis] // 2, *shape[axis + 1 :])
    return LayerShape(shape, output, (line,), saved=KEEPS_INPUT, reads={axis: Unknown()})


def prelu(call: Call) -> LayerShape:
    """Any shape, unchanged; one slope, or one for each channel.

    Raises:
        Refusal: as PyTorch refuses.
    """
    count, shape = call["num_parameters"], call.input_shape
    check_not_negative("num_parameters", (count,))
    channels = shape[1] if len(shape) > 1 else 1
    if count != 1 and (count != channels or not shape):
        raise Refusal(
            "num_parameters",
            f"num_parameters is 1 or the number of channels, {channels}, not {count}.",
            value=count,
            limit=channels,
        )
    return LayerShape(shape, shape, parameters=count, saved=KEEPS_INPUT)


def hardtanh(call: Call) -> LayerShape:
    """Any shape, unchanged.

    Raises:
        Refusal: as PyTorch refuses.
    """
    low = call["min_value"] if call["min_value"] is not None else call["min_val"]
    high = call["max_value"] if call["max_value"] is not None else call["max_val"]
    if high <= low:
        raise Refusal("max_val", f"max_val is larger than min_val {low}, not {high}.", value=high)
    return LayerShape(call.input_shape, call.input_shape, saved=KEEPS_INPUT)


def celu(call: Call) -> LayerShape:
    """Any shape, unchanged.

    Raises:
        Refusal: as PyTorch refuses.
    """
    if call["alpha"] == 0:
        raise Refusal("alpha", "alpha is not 0: CELU divides by it.", value=0)
    return LayerShape(call.input_shape, call.input_shape, saved=KEEPS_INPUT)


def softshrink(call: Call) -> LayerShape:
    """Any shape, unchanged.

    Raises:
        Refusal: as PyTorch refuses.
    """
    if call["lambd"] < 0:
        raise Refusal("lambd", f"lambd is at least 0, not {call['lambd']}.", value=call["lambd"])
    return LayerShape(call.input_shape, call.input_shape, saved=KEEPS_INPUT)


def rrelu(call: Call) -> LayerShape:
    """Any shape, unchanged.

    Raises:
        Refusal: as PyTorch refuses.
    """
    low, high = call["lower"], call["upper"]
    if low > high:
        raise Refusal("lower", f"lower is at most upper, {high}, not {low}.", value=low)
    # The slopes are kept as well, of every value.
    saved = Saved(input=True, other_bytes=ELEMENT_BYTES * math.prod(call.input_shape))
    return LayerShape(call.input_shape, call.input_shape, saved=saved)


P = _number("p", 0.5)

LAYERS = (
    Layer("Identity", (), identity),
    *(
        Layer(name, (P, INPLACE), dropout)
        for name in ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d")
    ),
    *(Layer(name, (P, INPLACE), dropout) for name in ("AlphaDropout", "FeatureAlphaDropout")),
    Layer("ReLU", (INPLACE,), _keeping(KEEPS_OUTPUT)),
    Layer("ReLU6", (INPLACE,), _keeping(KEEPS_INPUT)),
    Layer("ELU", (_number("alpha", 1.0), INPLACE), _keeping(KEEPS_INPUT)),
    Layer("SELU", (INPLACE,), _keeping(KEEPS_INPUT)),
    Layer("CELU", (_number("alpha", 1.0), INPLACE), celu),
    Layer(
        "GELU",
        (Parameter("approximate", Kind.TEXT, "none", ("none", "tanh")),),
        _keeping(KEEPS_INPUT),
    ),
    Layer("GLU", (Parameter("dim", Kind.INTEGER, -1),), gated),
    Layer("Hardshrink", (_number("lambd", 0.5),), _keeping(KEEPS_INPUT)),
    Layer("Hardsigmoid", (INPLACE,), _keeping(KEEPS_INPUT)),
    Layer("Hardswish", (INPLACE,), _keeping(KEEPS_INPUT)),
    Layer(
        "Hardtanh",
        (
            _number("min_val", -1.0),
            _number("max_val", 1.0),
            INPLACE,
            Parameter("min_value", Kind.OPTIONAL_NUMBER, None),
            Parameter("max_value", Kind.OPTIONAL_NUMBER, None),
        ),
        hardtanh,
    ),
    Layer("LeakyReLU", (_number("negative_slope", 0.01), INPLACE), _keeping(KEEPS_INPUT)),
    Layer("LogSigmoid", (), _keeping(None)),
    Layer("LogSoftmax", (DIM,), softmax),
    Layer("Mish", (INPLACE,), _keeping(KEEPS_INPUT)),
    Layer("PReLU", (Parameter("num_parameters", Kind.INTEGER, 1), _number("init", 0.25)), prelu),
    Layer("RReLU", (_number("lower", 1 / 8), _number("upper", 1 / 3), INPLACE), rrelu),
    Layer("SiLU", (INPLACE,), _keeping(KEEPS_INPUT)),
    Layer("Sigmoid", (), _keeping(KEEPS_OUTPUT)),
    Layer("Softmax", (DIM,), softmax),
    Layer("Softmax2d", (), softmax_of_channels),
    Layer("Softmin", (DIM,), softmax),
    Layer("Softplus", (_number("beta", 1.0), _number("threshold", 20.0)), _keeping(KEEPS_INPUT)),
    Layer("Softshrink", (_number("lambd", 0.5),), softshrink),
    Layer("Softsign", (), _keeping(None)),
    Layer("Tanh", (), _keeping(KEEPS_OUTPUT)),
    Layer("Tanhshrink", (), _keeping(None)),
    Layer(
        "Threshold",
        (Parameter("threshold", Kind.NUMBER), Parameter("value", Kind.NUMBER), INPLACE),
        _keeping(KEEPS_INPUT),
    ),
)
