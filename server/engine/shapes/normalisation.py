"""Normalisation, which keeps the shape: batch, instance, group, layer, RMS, local response."""

from __future__ import annotations

import math
from collections.abc import Mapping

from server.engine.shapes.layer import Call, Layer, check_not_negative, check_positive
from server.engine.shapes.parameters import Kind, Parameter
from server.engine.shapes.reading import Reading, Unknown, Whole
from server.engine.shapes.refusal import INPUT, Refusal, shown
from server.engine.shapes.result import ELEMENT_BYTES, LayerShape, Saved

EPS = Parameter("eps", Kind.NUMBER, 1e-5)
BIAS = Parameter("bias", Kind.FLAG, True)


def _running(affine: bool, track: bool, momentum: Kind) -> tuple[Parameter, ...]:
    return (
        Parameter("num_features", Kind.INTEGER),
        EPS,
        Parameter("momentum", momentum, 0.1),
        Parameter("affine", Kind.FLAG, affine),
        Parameter("track_running_stats", Kind.FLAG, track),
        BIAS,
    )


def batch_norm(call: Call) -> LayerShape:
    """(N, C, *space) -> the same; for 1-D also (N, C).

    Raises:
        Refusal: as PyTorch refuses.
    """
    features, shape = call["num_features"], call.input_shape
    if call["affine"] or call["track_running_stats"]:
        check_not_negative("num_features", (features,))
    call.check_axes(*((2, 3) if call.axes == 1 else (call.axes + 2,)))
    measures = call.training or not call["track_running_stats"]
    values = shape[0] * math.prod(shape[2:])
    if measures and values == 1:
        raise Refusal(
            INPUT,
            f"The input {shown(shape)} has one value for each channel, which has no variance: "
            "at least 2 are needed.",
            limit=2,
        )
    if not math.prod(shape):
        # PyTorch gives an empty input back, multiplied by the first weight.
        if call["affine"]:
            check_positive("num_features", (features,))
    elif call["affine"] or call["track_running_stats"]:
        _check_channels("num_features", features, shape, 1)
    if measures:
        _check_eps(call)
    reads: Mapping[int, Reading] = (
        {0: Whole(), **{axis: Whole() for axis in range(2, len(shape))}} if measures else {}
    )
    statistics = 2 * shape[1] * ELEMENT_BYTES if measures else 0
    return _kept(call, _affine(call, features), Saved(True, other_bytes=statistics), reads)


def instance_norm(call: Call) -> LayerShape:
    """(N, C, *space) -> the same, also without N.

    Raises:
        Refusal: as PyTorch refuses.
    """
    features, shape = call["num_features"], call.input_shape
    call.check_image()
    measures = call.training or not call["track_running_stats"]
    used = call["affine"] or call["track_running_stats"]
    if used:
        check_not_negative("num_features", (features,))
    # The mean over no items is broadcast to the running one where there is one channel.
    spread = call.batched and shape[0] == 0 and shape[1] == 1
    measured = call.training and call["track_running_stats"] and not spread
    if call["affine"] or measured or (used and math.prod(shape)):
        _check_channels("num_features", features, shape, len(shape) - call.axes - 1)
    if call["affine"] and not math.prod(shape[: len(shape) - call.axes]):
        raise Refusal(INPUT, f"The input {shown(shape)} has no channels to give weights to.")
    if measures and math.prod(call.spatial) == 1:
        raise Refusal(
            INPUT,
            f"The input {shown(shape)} has one position for each channel, which has no variance: "
            "at least 2 are needed.",
            limit=2,
        )
    first = len(shape) - call.axes
    reads: Mapping[int, Reading] = (
        {axis: Whole() for axis in range(first, len(shape))} if measures else {}
    )
    plain = not call["affine"] and not call["track_running_stats"]
    statistics = 2 * math.prod(shape[:first]) * ELEMENT_BYTES
    saved = Saved(True, other_bytes=statistics) if plain else None
    return _kept(call, _affine(call, features), saved, reads)


def group_norm(call: Call) -> LayerShape:
    """(N, C, *) -> the same.

    Raises:
        Refusal: as PyTorch refuses.
    """
    groups, channels, shape = call["num_groups"], call["num_channels"], call.input_shape
    check_positive("num_groups", (groups,))
    check_not_negative("num_channels", (channels,))
    if channels % groups:
        raise Refusal(
            "num_groups",
            f"num_groups divides num_channels, but {channels} channels do not go into {groups} "
            "groups.",
            value=groups,
        )
    if len(shape) < 2:
        raise Refusal(
            INPUT,
            f"GroupNorm takes an input with at least 2 axes (batch, channels), not {len(shape)}.",
        )
    if call["affine"]:
        _check_channels("num_channels", channels, shape, 1)
    if shape[1] % groups:
        raise Refusal(
            "num_groups",
            f"num_groups is {groups}, which does not divide the {shape[1]} channels of the input.",
            value=groups,
        )
    if shape[0] * shape[1] // groups * math.prod(shape[2:]) == 1:
        raise Refusal(
            INPUT,
            f"The input {shown(shape)} has one value for each group, which has no variance: at "
            "least 2 are needed.",
            limit=2,
        )
    statistics = 2 * shape[0] * groups * ELEMENT_BYTES
    reads = {axis: Whole() for axis in range(1, len(shape))}
    return _kept(call, _affine(call, channels), Saved(True, other_bytes=statistics), reads)


def layer_norm(call: Call) -> LayerShape:
    """(*, *normalized_shape) -> the same; also RMSNorm.

    Raises:
        Refusal: as PyTorch refuses.
    """
    given, shape = call["normalized_shape"], call.input_shape
    sizes = (given,) if isinstance(given, int) else tuple(given)
    if not sizes:
        raise Refusal("normalized_shape", "normalized_shape has at least one size.")
    check_not_negative("normalized_shape", sizes)
    own = shape[len(shape) - len(sizes) :] if len(sizes) <= len(shape) else ()
    if own != sizes:
        raise Refusal(
            "normalized_shape",
            f"normalized_shape is {shown(sizes)}, but the input {shown(shape)} does not end so.",
            value=list(sizes),
        )
    count = math.prod(sizes) if call["elementwise_affine"] else 0
    both = call.type == "LayerNorm" and call["bias"]
    rows = math.prod(shape[: len(shape) - len(sizes)])
    saved = Saved(True, other_bytes=2 * rows * ELEMENT_BYTES) if call.type == "LayerNorm" else None
    reads = {axis: Whole() for axis in range(len(shape) - len(sizes), len(shape))}
    return _kept(call, count * (2 if both else 1), saved, reads)


def local_response_norm(call: Call) -> LayerShape:
    """(N, C, *) -> the same, at least one axis after the channels.

    Raises:
        Refusal: as PyTorch refuses.
    """
    shape = call.input_shape
    if len(shape) < 3:
        raise Refusal(
            INPUT,
            f"LocalResponseNorm takes an input with at least 3 axes (batch, channels, space), "
            f"not {len(shape)}.",
        )
    if math.prod(shape):
        check_positive("size", (call["size"],))
    return _kept(call, 0, None, {1: Unknown()})


def _affine(call: Call, channels: int) -> int:
    return channels * (2 if call["bias"] else 1) if call["affine"] else 0


def _check_eps(call: Call) -> None:
    if call["eps"] <= 0:
        raise Refusal("eps", f"eps is above 0 where the variance is measured, not {call['eps']}.")


def _check_channels(name: str, channels: int, shape: tuple[int, ...], axis: int) -> None:
    if shape[axis] != channels:
        raise Refusal(
            name,
            f"{name} is {channels}, but the input {shown(shape)} has {shape[axis]} channels.",
            value=channels,
            limit=shape[axis],
        )


def _kept(
    call: Call, parameters: int, saved: Saved | None, reads: Mapping[int, Reading]
) -> LayerShape:
    return LayerShape(
        call.input_shape, call.input_shape, parameters=parameters, saved=saved, reads=reads
    )


LAYERS = (
    *(
        Layer(
            f"BatchNorm{axes}d",
            _running(True, True, Kind.OPTIONAL_NUMBER),
            batch_norm,
            axes,
        )
        for axes in (1, 2, 3)
    ),
    *(
        Layer(f"InstanceNorm{axes}d", _running(False, False, Kind.NUMBER), instance_norm, axes)
        for axes in (1, 2, 3)
    ),
    Layer(
        "GroupNorm",
        (
            Parameter("num_groups", Kind.INTEGER),
            Parameter("num_channels", Kind.INTEGER),
            EPS,
            Parameter("affine", Kind.FLAG, True),
            BIAS,
        ),
        group_norm,
    ),
    Layer(
        "LayerNorm",
        (
            Parameter("normalized_shape", Kind.SHAPE),
            EPS,
            Parameter("elementwise_affine", Kind.FLAG, True),
            BIAS,
        ),
        layer_norm,
    ),
    Layer(
        "RMSNorm",
        (
            Parameter("normalized_shape", Kind.SHAPE),
            Parameter("eps", Kind.OPTIONAL_NUMBER, None),
            Parameter("elementwise_affine", Kind.FLAG, True),
        ),
        layer_norm,
    ),
    Layer(
        "LocalResponseNorm",
        (
            Parameter("size", Kind.INTEGER),
            Parameter("alpha", Kind.NUMBER, 1e-4),
            Parameter("beta", Kind.NUMBER, 0.75),
            Parameter("k", Kind.NUMBER, 1.0),
        ),
        local_response_norm,
    ),
)
