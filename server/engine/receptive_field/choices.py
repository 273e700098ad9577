"""Operators whose indices the input decides, or chance: which positions may be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from server.engine.receptive_field.memory import Mask, some
from server.engine.receptive_field.reads import (
    Reads,
    along,
    arriving,
    everything,
    first,
    unbroadcast,
)
from server.engine.record import Operation, View


def along_axis(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """``gather``: any along the axis, and the index at the position."""
    positions = first(wanted)
    given = operation.arguments
    source: View = given["self"]
    yield given["index"], positions
    if positions.ndim:
        reached = some(positions, given["dim"], keepdims=True)
        grown = _resized(reached, source.shape, given["dim"] % positions.ndim)
        yield source, np.broadcast_to(grown, source.shape)
    else:
        yield source, everything(source)


def slices_along_axis(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """``index_select``: any slice along the axis, and the indices of the slices wanted."""
    positions = first(wanted)
    given = operation.arguments
    source: View = given["self"]
    axis = given["dim"] % positions.ndim
    others = tuple(other for other in range(positions.ndim) if other != axis)
    yield given["index"], some(positions, others).reshape(given["index"].shape)
    yield source, along(positions, (axis,), source.shape)


def indexed(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """``x[i, j]``: any along the indexed axes, and the indices at the position."""
    positions = first(wanted)
    source: View = operation.arguments["self"]
    indices: Sequence[View | None] = operation.arguments["indices"]
    named = [axis for axis, index in enumerate(indices) if index is not None]
    given = [index for index in indices if index is not None]
    shape = np.broadcast_shapes(*(index.shape for index in given))
    # The axes of the indices stand where those were that they index; in front if apart.
    begin = named[0] if named == list(range(named[0], named[-1] + 1)) else 0
    axes = tuple(range(begin, begin + len(shape)))
    if positions.ndim != len(source.shape) - len(named) + len(shape):
        raise ValueError("masks as indices")
    others = tuple(axis for axis in range(positions.ndim) if axis not in axes)
    for index in given:
        yield index, unbroadcast(some(positions, others), index.shape)
    rest = np.expand_dims(some(positions, axes), tuple(named))
    yield source, np.broadcast_to(rest, source.shape)


def written_along_axis(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """``scatter``: what was there, and any index and value along the axis."""
    positions = first(wanted)
    given = operation.arguments
    yield given["self"], positions
    axis = given["dim"] % positions.ndim
    reached = some(positions, axis, keepdims=True)
    for name in ("index", "src"):
        if isinstance(view := given.get(name), View):
            grown = _resized(reached, view.shape, axis)
            yield view, np.broadcast_to(grown, view.shape)


def embedding(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """The index at the position; of the table, the row of a known index, or any."""
    positions = first(wanted)
    weight, indices = (operation.arguments[name] for name in ("weight", "indices"))
    yield indices, some(positions, -1)
    if indices.values is None:
        rows = some(positions, tuple(range(positions.ndim - 1)), keepdims=True)
        yield weight, np.broadcast_to(rows.reshape(1, -1), weight.shape)
        return
    yield (
        weight,
        arriving(_rows(positions), indices.values.cpu().numpy().reshape(-1), weight.shape[0]),
    )


def embedding_bag(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """The indices between a bag's offset and the next; any row of the table."""
    given = operation.arguments
    indices: View = given["indices"]
    if wanted[0] is None or given["offsets"].values is None:
        bags = np.ones(given["offsets"].shape, bool)
    else:
        bags = some(wanted[0], -1)
    read = everything(indices)
    if given["offsets"].values is not None:
        offsets = given["offsets"].values.cpu().numpy()
        bag = np.searchsorted(offsets, np.arange(indices.shape[0]), side="right") - 1
        read = bags[np.clip(bag, 0, len(bags) - 1)]
    for name in ("indices", "per_sample_weights"):
        if isinstance(view := given.get(name), View):
            yield view, read
    yield given["weight"], everything(given["weight"])


def _rows(positions: Mask) -> Mask:
    return positions.reshape(-1, positions.shape[-1])


def _resized(positions: Mask, shape: Sequence[int], axis: int) -> Mask:
    """Cut, or padded with nothing, to a shape on the axes other than one."""
    fitted: Any = np.zeros([1 if other == axis else size for other, size in enumerate(shape)], bool)
    common = tuple(slice(0, min(pair)) for pair in zip(positions.shape, fitted.shape, strict=True))
    fitted[common] = positions[common]
    result: Mask = fitted
    return result
