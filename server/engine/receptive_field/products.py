"""Products of matrices and vectors, distances between rows, attention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from server.engine.receptive_field.memory import Mask, some
from server.engine.receptive_field.reads import Reads, along, everything, first, unbroadcast
from server.engine.record import Operation, View


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
    if operation.name.startswith("addbmm"):  # summed over the batch
        positions = np.broadcast_to(positions, (left.shape[0], *positions.shape))
    if len(right.shape) == 1:  # a vector
        yield left, np.broadcast_to(positions[..., None], left.shape)
        yield right, everything(right)
    else:
        yield left, along(positions, (-1,), left.shape)
        yield right, along(positions, (-2,), right.shape)


def outer(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """``addr``: the matrix at the position, one value of each vector."""
    positions = first(wanted)
    given = operation.arguments
    yield given["self"], unbroadcast(positions, given["self"].shape)
    yield given["vec1"], some(positions, 1)
    yield given["vec2"], some(positions, 0)


def bilinear(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """A product of three tensors after adding axes to each, summed over some of the axes."""
    given = operation.arguments
    summed = tuple(sorted(given["sumdim"]))
    positions = np.expand_dims(first(wanted), summed)
    for name, axes in (("i1", "expand1"), ("i2", "expand2"), ("i3", "expand3")):
        added = tuple(given[axes])
        view: View = given[name]
        rest = tuple(axis for axis in range(positions.ndim) if axis not in added)
        mask = some(positions, added, keepdims=True)
        shape = [1] * positions.ndim
        for axis, size in zip(rest, view.shape, strict=True):
            shape[axis] = size
        single = tuple(axis for axis in rest if shape[axis] == 1)
        mask = np.broadcast_to(some(mask, single, keepdims=True), shape)
        yield view, mask.reshape(view.shape)


def distances(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """Between rows of two matrices: the two rows."""
    positions = first(wanted)
    for name, axis in (("x1", -1), ("x2", -2)):
        view: View = operation.arguments[name]
        rows = some(positions, axis)
        rows = unbroadcast(rows, view.shape[:-1])
        yield view, np.broadcast_to(rows[..., None], view.shape)


def distances_within(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """Between the rows of one matrix, pair by pair: the two rows."""
    source: View = operation.arguments["self"]
    rows = np.zeros(source.shape[0], bool)
    for pair in np.triu_indices(source.shape[0], 1):
        rows[pair[first(wanted)]] = True
    yield source, np.broadcast_to(rows[:, None], source.shape)


def attention(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """Scaled dot products: a row of queries, and the keys and values that the mask leaves."""
    given = operation.arguments
    query, key, value = (given[name] for name in ("query", "key", "value"))
    sizes = (query.shape[-2], key.shape[-2])
    seen = _visible(given, (*query.shape[:-2], *sizes))
    output, *weights = wanted
    # (..., queries): those of which a value, a weight or a statistic is wanted.
    rows = first(
        [
            some(mask, -1) if mask.ndim == len(query.shape) else mask
            for mask in (output, *weights)
            if mask is not None
        ]
    )
    yield query, np.broadcast_to(rows[..., None], query.shape)
    reached = some(rows[..., None] & seen, -2)
    yield key, np.broadcast_to(_of_heads(reached, key)[..., None], key.shape)
    if output is not None:
        # Each column of the values for itself: it is summed over the keys that the query sees.
        counts = seen.swapaxes(-1, -2).astype(np.float32) @ output.astype(np.float32)
        yield value, _of_heads(counts > 0, value)
    for name in ("attn_mask", "attn_bias"):
        if isinstance(mask := given.get(name), View):
            at = np.broadcast_to(rows[..., None], (*rows.shape, sizes[1]))
            yield mask, unbroadcast(at, mask.shape)


def _of_heads(reached: Mask, view: View) -> Mask:
    """Positions for each head of the queries, for those of keys or values.

    Where there are fewer of these, each is shared by as many that follow each other.
    """
    axis = len(view.shape) - 3
    if axis < 0 or view.shape[axis] == reached.shape[axis]:
        return reached
    before, after = reached.shape[:axis], reached.shape[axis + 1 :]
    return some(reached.reshape(*before, view.shape[axis], -1, *after), axis + 1)


def _visible(given: Any, shape: tuple[int, ...]) -> Mask:
    """Which keys each query sees: those before it if causal, and none that the mask hides."""
    seen = np.ones(shape, bool)
    if given.get("is_causal"):
        seen &= np.tri(*shape[-2:], dtype=np.bool_)
    mask = given.get("attn_mask", given.get("attn_bias"))
    if isinstance(mask, View) and mask.values is not None:
        values = mask.values.cpu()
        hidden = values == -np.inf if values.is_floating_point() else ~values
        seen &= ~hidden.numpy()
    return seen


def heads(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """Attention with its projections in one, (N, L, E): the position's query, the item's keys."""
    given = operation.arguments
    query, key, value = (given[name] for name in ("query", "key", "value"))
    rows = np.zeros(query.shape[:2], bool)
    for mask in wanted:
        if mask is not None:  # (N, L, E), or weights (N, L, S) or (N, heads, L, S)
            rows |= some(mask, (1, 3)) if mask.ndim == 4 else some(mask, -1)
    yield query, np.broadcast_to(rows[..., None], query.shape)
    items = some(rows, 1)
    for view in (key, value):
        yield view, np.broadcast_to(items[:, None, None], view.shape)


def items(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """All of the same item of the batch, such as a whole layer of a Transformer."""
    source: View = operation.arguments["src"]
    yield source, along(first(wanted), tuple(range(1, len(source.shape))), source.shape)


def matrices(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """Inverses, decompositions, determinants: all of the same matrix of the batch."""
    views = [value for value in operation.arguments.values() if isinstance(value, View)]
    batch = views[0].shape[:-2]
    wanted_items = np.zeros(batch, bool)
    for mask in wanted:
        if mask is not None:
            wanted_items |= some(mask, tuple(range(len(batch), mask.ndim)))
    for view in views:
        ends = (1,) * (len(view.shape) - len(batch))
        yield view, np.broadcast_to(wanted_items.reshape(*batch, *ends), view.shape)
