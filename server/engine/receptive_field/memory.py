"""Sets of positions in memory: which elements of which storages are wanted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from server.engine.record import Storage, View

Mask = NDArray[np.bool_]
"""A set of positions of a tensor, of its shape."""


def some(positions: Mask, axes: int | tuple[int, ...], keepdims: bool = False) -> Mask:
    """Whether any position along the axes is in the set."""
    found: Any = positions.any(axis=axes, keepdims=keepdims)
    # Over all axes it is a number; what stands for a set in a rule that is transposed stays so.
    mask: Mask = np.asarray(found) if isinstance(found, np.bool_) else found
    return mask


class Memory:
    """One boolean for each element of each storage that has been touched."""

    def __init__(self, storages: Mapping[int, Storage]) -> None:
        self._storages = storages
        self._masks: dict[int, Mask] = {}

    def get(self, view: View) -> Mask | None:
        """The positions of a view that are in the set; None when no element of its storage is."""
        mask = self._masks.get(view.storage)
        if mask is None or 0 in view.shape:
            return None
        seen = self._seen(mask, view)
        found = np.array(seen.any(axis=-1) if seen.ndim > len(view.shape) else seen)
        return found if found.any() else None

    def take(self, view: View) -> Mask | None:
        """The same, and take them out of the set."""
        found = self.get(view)
        if found is not None:
            self._seen(self._masks[view.storage], view)[...] = False
        return found

    def drop(self, view: View) -> None:
        """Forget the whole storage of a view."""
        self._masks.pop(view.storage, None)

    def add(self, view: View, positions: Mask) -> None:
        """Put positions of a view into the set."""
        if not positions.any():
            return
        if view.storage not in self._masks:
            storage = self._storages[view.storage]
            self._masks[view.storage] = np.zeros(-(-storage.size // storage.unit), bool)
        mask = self._masks[view.storage]
        seen = self._seen(mask, view)
        if seen.ndim > positions.ndim:
            positions = np.broadcast_to(positions[..., None], seen.shape)
        if _overlaps(view):
            # Several positions are one element: an in-place "or" could lose some of them.
            places = self._seen(np.arange(mask.size), view)
            mask[places[positions]] = True
        else:
            np.logical_or(seen, positions, out=seen)

    def _seen(self, values: NDArray[Any], view: View) -> NDArray[Any]:
        """An array over a storage, seen as by a view; wider elements have one axis more."""
        factor = view.itemsize // self._storages[view.storage].unit
        shape, stride = view.shape, tuple(step * factor for step in view.stride)
        if factor > 1:
            shape, stride = (*shape, factor), (*stride, 1)
        size = values.itemsize
        return as_strided(
            values[view.offset * factor :], shape, tuple(step * size for step in stride)
        )


def _overlaps(view: View) -> bool:
    """Whether two positions of a view may be the same element."""
    reach = 0
    for step, size in sorted(zip(view.stride, view.shape, strict=True)):
        if size > 1:
            if step <= reach:
                return True
            reach += step * (size - 1)
    return False
