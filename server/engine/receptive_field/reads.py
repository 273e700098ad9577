"""What a rule gives: the tensors that an operation read, and which positions of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from server.engine.receptive_field.memory import Mask, some
from server.engine.record import Operation, View

Reads = Iterator[tuple[View, Mask]]

Rule = Callable[[Operation, Sequence[Mask | None]], Reads]
"""From an operation and the wanted positions of its results, then of what it wrote to, to those
that it reads for them. At least one of these is not None."""


def views_in(value: Any) -> Iterator[View]:
    """Every view in nested arguments, in order."""
    if isinstance(value, View):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from views_in(item)


def arguments_read(operation: Operation) -> Iterator[View]:
    """The tensors given to an operation, without those given to be written to only."""
    for name, value in operation.arguments.items():
        if not name.startswith("out") or name == "outer":
            yield from views_in(value)


def first(wanted: Sequence[Mask | None]) -> Mask:
    """The union of the wanted positions over results that are all of one shape.

    Raises:
        ValueError: the wanted results differ in shape.
    """
    masks = [mask for mask in wanted if mask is not None]
    if len(masks) == 1:
        return masks[0]
    if any(mask.shape != masks[0].shape for mask in masks):
        raise ValueError("results of different shapes are wanted")
    union: Mask = np.logical_or.reduce(masks)
    return union


def everything(view: View) -> Mask:
    """All positions of a tensor."""
    return np.ones(view.shape, bool)


def unbroadcast(positions: Mask, shape: tuple[int, ...]) -> Mask:
    """The positions of a tensor of ``shape`` that stand for these after broadcasting."""
    positions = some(positions, tuple(range(positions.ndim - len(shape))))
    single = tuple(axis for axis, size in enumerate(shape) if size == 1)
    return some(positions, single, keepdims=True)


def is_empty(positions: Any) -> bool:
    """Whether a set is known to have no position; of a recorded one that is not known."""
    return isinstance(positions, np.ndarray) and not positions.any()


def arriving(positions: Any, places: NDArray[np.integer[Any]], size: int) -> Mask:
    """The union of the slices along the first axis that have the same place, of ``size`` places."""
    found: Mask
    if not isinstance(positions, np.ndarray):  # a recorded set: see ``transposed``
        found = positions.arriving(places, size)
        return found
    found = np.zeros((size, *positions.shape[1:]), np.bool_)
    np.logical_or.at(found, places, positions)
    return found


def along(positions: Mask, axes: tuple[int, ...], shape: tuple[int, ...]) -> Mask:
    """All positions of a tensor of ``shape`` that agree with these beside the axes given."""
    return np.broadcast_to(some(positions, axes, keepdims=True), shape)
