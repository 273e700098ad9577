"""Windows on an input, axis by axis: the cells under a kernel, and what padding is copied from."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Tap:
    """One place of a window along one axis."""

    tap: int
    """Place in the kernel."""
    position: int
    """Place on the input; below 0 or beyond its end lies padding."""
    source: int | None
    """The place whose value stands there: the same, or what the padding copies; None: a constant.
    """


@dataclass(frozen=True)
class Cell:
    """One place of a window, on all axes."""

    tap: list[int]
    position: list[int]
    source: list[int] | None
    padding: bool


def convolved(
    output: int, size: int, kernel: int, stride: int, padding: int, dilation: int, mode: str
) -> list[Tap]:
    """The taps under a kernel of which output ``output`` reads ``i * stride - padding + d * t``."""
    places = (output * stride - padding + dilation * tap for tap in range(kernel))
    return [Tap(tap, place, padded_from(place, size, mode)) for tap, place in enumerate(places)]


def padded_from(place: int, size: int, mode: str) -> int | None:
    """Which place's value stands at a place that may lie in padding; None for a constant."""
    if 0 <= place < size:
        return place
    if mode == "reflect":
        return -place if place < 0 else 2 * (size - 1) - place
    if mode == "replicate":
        return min(max(place, 0), size - 1)
    if mode == "circular":
        return place % size
    return None


def cells_of(axes: Sequence[Sequence[Tap]]) -> list[Cell]:
    """All combinations, the last axis fastest."""
    cells: list[Cell] = []
    for taps in itertools.product(*axes):
        position = [tap.position for tap in taps]
        copied = [tap.source for tap in taps if tap.source is not None]
        source = copied if len(copied) == len(taps) else None
        cells.append(Cell([tap.tap for tap in taps], position, source, source != position))
    return cells


def values_at(source: Tensor, axes: Sequence[Sequence[Tap]], fill: float) -> Tensor:
    """The values (..., taps) of a tensor (..., sizes) in a window; ``fill`` for a constant."""
    first = source.ndim - len(axes)
    for axis, taps in enumerate(axes, start=first):
        places = torch.tensor([tap.source or 0 for tap in taps], dtype=torch.long)
        source = source.index_select(axis, places)
    for axis, taps in enumerate(axes, start=first):
        constant = torch.tensor([tap.source is None for tap in taps], dtype=torch.bool)
        shape = [1] * source.ndim
        shape[axis] = len(taps)
        source = source.masked_fill(constant.reshape(shape), fill)
    return source
