"""Operations that read whole axes: sums, softmax, normalisation, products of matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from server.engine.receptive_field.memory import Mask
from server.engine.receptive_field.reads import (
    Reads,
    along,
    arguments_read,
    everything,
    first,
    unbroadcast,
)
from server.engine.record import Operation, View


def reduction(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """All along the axes ``dim``, or of the tensor: sum, softmax, sort, Fourier transform."""
    positions = first(wanted)
    source: View = operation.arguments["self"]
    axes = axes_of(operation.arguments.get("dim"), len(source.shape))
    if positions.ndim != len(source.shape):
        positions = np.expand_dims(positions, axes)
    yield source, along(positions, axes, source.shape)


def cumulation(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """All until the position along one axis: cumsum and the like."""
    positions = first(wanted)
    if positions.ndim == 0:
        yield operation.arguments["self"], positions
        return
    axis = operation.arguments["dim"]
    later = np.flip(np.logical_or.accumulate(np.flip(positions, axis), axis=axis), axis)
    yield operation.arguments["self"], later


def layer_normalisation(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """All of the last axes, as many as ``normalized_shape`` has."""
    source: View = operation.arguments["input"]
    axes = tuple(range(-len(operation.arguments["normalized_shape"]), 0))
    yield source, along(_main(source, wanted), axes, source.shape)
    yield from _weights(operation, source)


def group_normalisation(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """All positions of the channels of a group."""
    source: View = operation.arguments["input"]
    batch = source.shape[0]
    grouped = _main(source, wanted).reshape(batch, operation.arguments["group"], -1)
    yield source, along(grouped, (2,), grouped.shape).reshape(source.shape)
    yield from _weights(operation, source)


def batch_normalisation(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """With running statistics the position itself; else all of the channel, over the batch."""
    given = operation.arguments
    source: View = given["input"]
    positions = _main(source, wanted)
    if given.get("training", False) or given.get("running_mean") is None:
        axes = (0, *range(2, len(source.shape)))
        positions = along(positions, axes, source.shape)
    yield source, positions
    yield from _weights(operation, source)


def slices(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """``renorm``: all of the same slice along the axis."""
    positions = first(wanted)
    axis = operation.arguments["dim"] % positions.ndim
    others = tuple(other for other in range(positions.ndim) if other != axis)
    yield operation.arguments["self"], along(positions, others, positions.shape)


def last_axis(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """Draws from probabilities along the last axis."""
    source: View = operation.arguments["self"]
    yield source, along(first(wanted), (-1,), source.shape)


def cross(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """A product of vectors along the axis: the other two components of each."""
    positions = first(wanted)
    axis = operation.arguments["dim"] % positions.ndim
    others = np.roll(positions, 1, axis) | np.roll(positions, 2, axis)
    for name in ("self", "other"):
        view: View = operation.arguments[name]
        yield view, unbroadcast(others, view.shape)


def trace(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """The diagonal."""
    source: View = operation.arguments["self"]
    yield source, np.eye(*source.shape, dtype=np.bool_) & first(wanted)


def ranks(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """Where values stand among sorted ones: the value at the position, and all of the others."""
    positions = first(wanted)
    given = operation.arguments
    if isinstance(value := given.get("self"), View):
        yield value, unbroadcast(positions, value.shape)
    table: View = given.get("boundaries", given.get("sorted_sequence"))
    if len(table.shape) == 1:
        yield table, everything(table)
    else:
        yield table, along(positions, (-1,), table.shape)


def all_of(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """Everything that it was given."""
    for view in arguments_read(operation):
        yield view, everything(view)


def _main(source: View, wanted: Sequence[Mask | None]) -> Mask:
    """The wanted positions of a result like the source; all, if a statistic is wanted."""
    main, *statistics = wanted
    if main is None or any(mask is not None for mask in statistics):
        return everything(source)
    return main


def _weights(operation: Operation, source: View) -> Reads:
    for view in arguments_read(operation):
        if view is not source:
            yield view, everything(view)


def axes_of(dim: Any, ndim: int) -> tuple[int, ...]:
    """The axes named, counted from the front; all where none is."""
    if dim is None or dim == () or dim == []:
        return tuple(range(ndim))
    axes = (dim,) if isinstance(dim, int) else dim
    return tuple(axis % ndim for axis in axes) if ndim else ()
