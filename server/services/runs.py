"""Sets of cells as ranges, for the API."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from server.engine.receptive_field.field import Box, box_around
from server.schemas.receptive_fields import Range
from server.services.receptive_fields import rows

MAP_AXES = 2


def as_map(cells: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """Cells (height, width) of cells on at most two axes; None for more."""
    if cells.ndim > MAP_AXES:
        return None
    return cells.reshape((1,) * (MAP_AXES - cells.ndim) + cells.shape)


def box_and_mask(cells: NDArray[np.bool_]) -> tuple[Box, list[list[Range]] | None]:
    """The box around cells (height, width), some of them set; the mask is None if it is full."""
    box = box_around(cells)
    inside = cells[tuple(slice(*ends) for ends in box)]
    if inside.all():
        return box, None
    return box, rows(torch.from_numpy(np.ascontiguousarray(cells)), box)


def ranges(numbers: NDArray[np.bool_]) -> list[Range]:
    """The ranges of True along one axis."""
    edges = np.flatnonzero(np.diff(np.pad(numbers.astype(np.int8), 1)))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]
