"""Convolution, pooling and interpolation: each axis has a relation of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from server.engine.receptive_field.axis import (
    Relation,
    adaptive_window,
    read_through,
    transposed_window,
    window,
)
from server.engine.receptive_field.memory import Mask, some
from server.engine.receptive_field.reads import Reads, everything, first
from server.engine.record import Operation, View

NEGLIGIBLE = 1e-12
"""Weights of interpolation below this are zero but for rounding."""


def convolution(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """All input channels of a group, in a window; the weights of the output channels."""
    given = operation.arguments
    positions = first(wanted)
    source: View = given["input"]
    weight: View = given["weight"]
    axes = positions.ndim - 2
    relation = transposed_window if given["transposed"] else window
    relations = [
        relation(outputs, inputs, kernel, stride, padding, dilation)
        for outputs, inputs, kernel, stride, padding, dilation in zip(
            positions.shape[2:],
            source.shape[2:],
            weight.shape[2:],
            each(given["stride"], axes),
            each(given["padding"], axes),
            each(given["dilation"], axes),
            strict=True,
        )
    ]
    batch, channels, *spatial = positions.shape
    groups: int = given["groups"]
    grouped = some(positions.reshape(batch, groups, channels // groups, *spatial), 2)
    read = read_through(grouped, relations)
    yield source, np.repeat(read, source.shape[1] // groups, axis=1)
    yield weight, everything(weight)
    if given["bias"] is not None:
        yield given["bias"], some(positions, (0, *range(2, positions.ndim)))


def convolution_of_sequences(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """``conv_tbc``, (T, N, C): all channels, in a window of steps."""
    given = operation.arguments
    source: View = given["self"]
    steps = some(first(wanted), 2)
    relation = window(steps.shape[0], source.shape[0], given["weight"].shape[0], 1, given["pad"], 1)
    read = read_through(steps.T, [relation]).T
    yield source, np.broadcast_to(read[..., None], source.shape)
    for name in ("weight", "bias"):
        yield given[name], everything(given[name])


def pooling(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """A window of each channel for itself."""
    given = operation.arguments
    positions = first(wanted)
    source: View = given["self"]
    axes = axes_named(operation)
    kernels = each(given["kernel_size"], axes)
    relations = [
        window(outputs, inputs, kernel, stride, padding, dilation)
        for outputs, inputs, kernel, stride, padding, dilation in zip(
            positions.shape[-axes:],
            source.shape[-axes:],
            kernels,
            each(given["stride"] or kernels, axes),
            each(given["padding"], axes),
            each(given.get("dilation", 1), axes),
            strict=True,
        )
    ]
    yield source, read_through(positions, relations)


def adaptive_pooling(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """The windows that the sizes give."""
    positions = first(wanted)
    source: View = operation.arguments["self"]
    axes = axes_named(operation)
    sizes = zip(positions.shape[-axes:], source.shape[-axes:], strict=True)
    yield source, read_through(positions, [adaptive_window(*pair) for pair in sizes])


def interpolation(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """The taps whose weight is not zero, found by interpolating the unit vectors of each axis."""
    positions = first(wanted)
    source: View = operation.arguments["self"]
    axes = positions.ndim - 2
    relations = [
        _interpolated(operation, axis, axes, positions.shape[2 + axis], source.shape[2 + axis])
        for axis in range(axes)
    ]
    yield source, read_through(positions, relations)


def _interpolated(
    operation: Operation, axis: int, axes: int, outputs: int, inputs: int
) -> Relation:
    # One channel a unit vector, with two equal values on the other axes: for sizes of one, layouts
    # are ambiguous, and PyTorch 2.13 interpolates some of those wrongly when antialiasing.
    shape, size, unit = [1, inputs, *[2] * axes], [2] * axes, [1, inputs, *[1] * axes]
    shape[2 + axis], size[axis], unit[2 + axis] = inputs, outputs, inputs
    probe = torch.eye(inputs, dtype=torch.float64).reshape(unit).expand(shape).contiguous()
    given: dict[str, Any] = dict(operation.arguments) | {"self": probe, "output_size": size}
    scales = [name for name in given if name.startswith("scales")]
    for index, name in enumerate(scales):
        if index != axis:
            given[name] = None
    assert operation.function is not None
    weights: Tensor = operation.function(**given)[0].movedim(1 + axis, 1)
    relation: Relation = (weights.reshape(inputs, outputs, -1)[..., 0].abs() > NEGLIGIBLE).numpy().T
    return relation


def axes_named(operation: Operation) -> int:
    """How many axes an operator works on, as its name says: max_pool2d has 2."""
    found = re.search(r"(\d)d", operation.name)
    assert found is not None
    return int(found.group(1))


def each(value: int | Sequence[int], axes: int) -> Sequence[int]:
    """One value for each axis."""
    values = [value] if isinstance(value, int) else list(value)
    return values * axes if len(values) == 1 else values
