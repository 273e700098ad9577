"""What every arithmetic is made of: the cells that it reads, terms in a chosen order, a result."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

Index = tuple[int, ...]
"""The place of one value in a tensor."""

Sort = Literal["contribution", "order"]
"""The greatest absolute contribution first, or in the order of the tensor."""


class NotBrokenDown(Exception):
    """There is no arithmetic for this case; the message says why, for people."""


@dataclass(frozen=True)
class Read:
    """The cells of one input that a value was computed from."""

    input: str
    """The node, or the model's input, that made the tensor."""
    argument: int
    """Which of the node's inputs it is."""
    cells: tuple[tuple[int, ...], ...]
    """For each axis of the tensor the indices; the cells are all combinations of these."""
    exact: bool = True
    """Whether no other cell is read, and each of these; if not, there may be too many here."""

    @property
    def count(self) -> int:
        """The number of cells."""
        return math.prod(map(len, self.cells))


@dataclass(frozen=True)
class Rest:
    """The terms that are not listed."""

    count: int
    value: float
    """What they come to together: their sum, or where a maximum is taken the greatest."""


@dataclass(frozen=True)
class Broken:
    """One value broken down: what a function of this package gives for its kind of operation."""

    kind: str
    terms: Any
    """A dataclass, of the kind."""
    value: float | None
    """The same value, recomputed in float64."""
    formula: str
    reads: tuple[Read, ...]
    snippet: str | None


def chosen(contributions: Tensor, limit: int, sort: Sort) -> tuple[list[int], Rest | None]:
    """The numbers of the terms to list, and the sum of the others.

    Args:
        contributions: float64 (n,), the term that each adds to the sum.
        limit: how many to list.
        sort: the order in which they are listed, and which are dropped.
    """
    order = torch.arange(len(contributions))
    if sort == "contribution":
        order = torch.argsort(contributions.abs(), descending=True, stable=True)
    dropped = order[limit:]
    rest = Rest(len(dropped), float(contributions[dropped].sum())) if len(dropped) else None
    return order[:limit].tolist(), rest


def gathered(tensor: Tensor, cells: Sequence[Sequence[int]]) -> Tensor:
    """The values at all combinations of the indices on each axis."""
    for axis, indices in enumerate(cells):
        tensor = tensor.index_select(axis, torch.tensor(list(indices), dtype=torch.long))
    return tensor


def combined(axes: Iterable[Sequence[int]]) -> list[Index]:
    """All combinations of indices, the last axis fastest."""
    return list(itertools.product(*axes))


def single(index: Index) -> tuple[tuple[int, ...], ...]:
    """The cells of a read of one value."""
    return tuple((place,) for place in index)


def whole(shape: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """The cells of a read of everything."""
    return tuple(tuple(range(size)) for size in shape)


def each(value: Any, axes: int) -> list[Any]:
    """One setting for each axis: PyTorch takes one number for all."""
    values = list(value) if isinstance(value, list | tuple) else [value]
    return values * axes if len(values) == 1 else values


def unbroadcast(index: Index, shape: Sequence[int]) -> Index:
    """The place in a tensor of ``shape`` that stands at ``index`` after broadcasting."""
    last = index[len(index) - len(shape) :]
    return tuple(0 if size == 1 else place for place, size in zip(last, shape, strict=True))
