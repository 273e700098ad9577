"""Operations that read whole axes: sums, softmax, normalisation, products of matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from server.engine.receptive_field.memory import Mask, some
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


def product(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """Of matrices: a row of the left, a column of the right; for batches, of the same item."""
    positions = first(wanted)
    given = operation.arguments
    left, right = (
        next(given[name] for name in names if name in given)
        for names in (("mat1", "batch1", "mat", "self"), ("mat2", "batch2", "vec"))
    )
    if operation.name.startswith("add") or operation.name.startswith("badd"):
        yield given["self"], unbroadcast(positions, given["self"].shape)
    if len(right.shape) == 1:  # a vector
        yield left, np.broadcast_to(positions[..., None], left.shape)
        yield right, everything(right)
    else:
        yield left, along(positions, (-1,), left.shape)
        yield right, along(positions, (-2,), right.shape)


def attention(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """Scaled dot products: a row of queries, all keys and values (until the row, if causal)."""
    positions = first(wanted)
    given = operation.arguments
    query, key, value = (given[name] for name in ("query", "key", "value"))
    rows = some(positions, -1, keepdims=True)
    yield query, np.broadcast_to(rows, query.shape)
    reached = some(rows, -2, keepdims=True)
    if given.get("is_causal"):
        later = np.flip(np.logical_or.accumulate(np.flip(rows, -2), axis=-2), -2)
        reached = np.zeros((*rows.shape[:-2], key.shape[-2], 1), bool)
        length = min(key.shape[-2], rows.shape[-2])
        reached[..., :length, :] = later[..., :length, :]
    yield key, np.broadcast_to(reached, key.shape)
    yield value, np.broadcast_to(reached, value.shape)
    for name in ("attn_mask", "attn_bias"):
        if isinstance(mask := given.get(name), View):
            yield mask, everything(mask)


def embedding(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """The index at the position; any row of the table."""
    yield operation.arguments["indices"], some(first(wanted), -1)
    yield operation.arguments["weight"], everything(operation.arguments["weight"])


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
