"""Operators that add to where an index says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from server.engine.receptive_field.memory import Mask
from server.engine.receptive_field.reads import Reads, first, unbroadcast
from server.engine.record import Operation, View


def along_axis(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """``scatter_add``: what was there, and the values whose index is the position's."""
    positions = first(wanted)
    given = operation.arguments
    yield given["self"], _kept(operation, positions)
    index = given["index"].values.cpu()
    if isinstance(source := given.get("src"), View):
        within = tuple(map(slice, index.shape))
        cut = tuple(
            slice(None) if axis == given["dim"] % positions.ndim else slice(0, size)
            for axis, size in enumerate(index.shape)
        )
        read = np.zeros(source.shape, bool)
        mask = torch.from_numpy(np.ascontiguousarray(positions[cut]))
        read[within] = mask.gather(given["dim"], index).numpy()
        yield source, read


def slices(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """``index_add``: what was there, and the slices whose index is the position's."""
    positions = first(wanted)
    given = operation.arguments
    yield given["self"], _kept(operation, positions)
    index = given["index"].values.cpu().numpy().reshape(-1)
    yield given["source"], np.take(positions, index, given["dim"]).reshape(given["source"].shape)


def indexed(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """``x[i, j] += y``: what was there, and the values of the indices there."""
    positions = first(wanted)
    given = operation.arguments
    yield given["self"], positions
    indices = [slice(None) if i is None else i.values.cpu().numpy() for i in given["indices"]]
    yield given["values"], unbroadcast(positions[tuple(indices)], given["values"].shape)


def flat(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """``put``: the same in a tensor seen as one row."""
    positions = first(wanted)
    given = operation.arguments
    yield given["self"], positions
    yield given["source"], positions.reshape(-1)[given["index"].values.cpu().numpy()]


def unfolding(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """The gradient of ``unfold`` sums windows: the entries that the position was put in."""
    given = operation.arguments
    mask = torch.from_numpy(np.ascontiguousarray(first(wanted)))
    yield given["grad_in"], mask.unfold(given["dim"], given["size"], given["step"]).numpy()


def _kept(operation: Operation, positions: Mask) -> Mask:
    """The positions whose old value counts, too."""
    given = operation.arguments
    if given.get("include_self", True):
        return positions
    hit = torch.zeros(positions.shape, dtype=torch.bool)
    index = given["index"].values.cpu()
    if "src" in given:
        hit.scatter_(given["dim"], index, True)
    else:
        hit.index_fill_(given["dim"], index.reshape(-1), True)
    return np.asarray(positions & ~hit.numpy(), dtype=bool)
