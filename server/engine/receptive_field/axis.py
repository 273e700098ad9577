"""Along one axis: which input positions each output position reads, as a boolean matrix.

A relation has the shape (outputs, inputs). Padding is no position, so it does not appear.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from server.engine.receptive_field.memory import Mask

Relation = NDArray[np.bool_]


def window(
    outputs: int, inputs: int, kernel: int, stride: int, padding: int, dilation: int
) -> Relation:
    """Of a convolution or pooling: output i reads ``i * stride - padding + dilation * k``."""
    relation = np.zeros((outputs, inputs), bool)
    starts = np.arange(outputs) * stride - padding
    for tap in range(kernel):
        places = starts + tap * dilation
        inside = (places >= 0) & (places < inputs)
        relation[np.flatnonzero(inside), places[inside]] = True
    return relation


def transposed_window(
    outputs: int, inputs: int, kernel: int, stride: int, padding: int, dilation: int
) -> Relation:
    """Of a transposed convolution: input j is read by ``j * stride - padding + dilation * k``."""
    return window(inputs, outputs, kernel, stride, padding, dilation).T


def adaptive_window(outputs: int, inputs: int) -> Relation:
    """Of adaptive pooling: from ``floor(i * in / out)`` until ``ceil((i + 1) * in / out)``."""
    index, place = np.arange(outputs)[:, None], np.arange(inputs)
    relation: Relation = (place >= index * inputs // outputs) & (
        place < -(-(index + 1) * inputs // outputs)
    )
    return relation


def read_through(positions: Mask, relations: Sequence[Relation]) -> Mask:
    """The input positions that some output position reads; relations are of the last axes."""
    for axis, relation in enumerate(relations, start=positions.ndim - len(relations)):
        moved = np.moveaxis(positions, axis, -1)
        # Counts are at most the number of outputs, which float32 holds exactly.
        counts = moved.astype(np.float32) @ relation.astype(np.float32)
        positions = np.moveaxis(counts > 0, -1, axis)
    return positions
