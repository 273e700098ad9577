"""A drawing as the pen made it: strokes of points, in the Quick, Draw! data set's own form."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Stroke = NDArray[np.float64]
"""One pen movement, (points, 2): x to the right, y downwards, any unit."""


COORDINATE_LIMIT = 1e9
"""Largest magnitude of a coordinate; beyond it differences of single units would be lost."""


class InvalidDrawing(ValueError):
    """A drawing that cannot be read; ``pointer`` is the JSON pointer of the value at fault."""

    def __init__(self, detail: str, pointer: str = "", value: object = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.pointer = pointer
        self.value = value


@dataclass(frozen=True)
class Box:
    """An axis-aligned bounding box in the drawing's own unit."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Extent along x, at least 0."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Extent along y, at least 0."""
        return self.bottom - self.top

    @property
    def longer_side(self) -> float:
        """The larger of width and height; 0 for a single dot."""
        return max(self.width, self.height)


@dataclass(frozen=True)
class Drawing:
    """An ordered, non-empty tuple of strokes, every coordinate finite."""

    strokes: tuple[Stroke, ...]

    @classmethod
    def from_lists(cls, drawing: Any, pointer: str = "/drawing") -> Drawing:
        """Read ``[[[x...], [y...]], ...]``; a third list (times) per stroke is accepted and unused.

        Strokes without points are dropped. ``pointer`` prefixes the pointers in errors.

        Raises:
            InvalidDrawing: not lists of that form, lengths that differ, a coordinate that is not
                a finite number of at most ``COORDINATE_LIMIT``, or no point at all.
        """
        if not isinstance(drawing, Sequence) or isinstance(drawing, str | bytes):
            raise InvalidDrawing("A drawing is a list of strokes.", pointer, drawing)
        strokes = tuple(
            stroke
            for index, lists in enumerate(drawing)
            if len(stroke := _read_stroke(lists, f"{pointer}/{index}"))
        )
        if not strokes:
            raise InvalidDrawing("The drawing is empty: it has no points.", pointer, drawing)
        return cls(strokes)

    def to_lists(self) -> list[list[list[float]]]:
        """The drawing in the Quick, Draw! form, ``[[[x...], [y...]], ...]``."""
        return [[stroke[:, 0].tolist(), stroke[:, 1].tolist()] for stroke in self.strokes]

    @property
    def points(self) -> int:
        """Number of points over all strokes."""
        return sum(len(stroke) for stroke in self.strokes)

    @property
    def box(self) -> Box:
        """The bounding box of all points."""
        left, top = np.min([stroke.min(axis=0) for stroke in self.strokes], axis=0)
        right, bottom = np.max([stroke.max(axis=0) for stroke in self.strokes], axis=0)
        return Box(float(left), float(top), float(right), float(bottom))


def _read_stroke(lists: Any, pointer: str) -> Stroke:
    if not isinstance(lists, Sequence) or isinstance(lists, str | bytes):
        raise InvalidDrawing("A stroke is a list [[x...], [y...]].", pointer, lists)
    if len(lists) not in (2, 3):
        raise InvalidDrawing(
            f"A stroke has two lists, x and y (a third of times is accepted), not {len(lists)}.",
            pointer,
            lists,
        )
    for axis, numbers in enumerate(lists):
        if not isinstance(numbers, Sequence) or isinstance(numbers, str | bytes):
            raise InvalidDrawing("Coordinates are a list of numbers.", f"{pointer}/{axis}", numbers)
    x, y = lists[0], lists[1]
    if len(x) != len(y):
        raise InvalidDrawing(
            f"The stroke has {len(x)} x coordinates and {len(y)} y coordinates.", pointer, lists
        )
    if len(lists) == 3 and len(lists[2]) != len(x):
        raise InvalidDrawing(
            f"The stroke has {len(x)} points and {len(lists[2])} times.",
            f"{pointer}/2",
            lists[2],
        )
    return np.stack(
        [_read_numbers(x, f"{pointer}/0"), _read_numbers(y, f"{pointer}/1")], axis=1
    ).reshape(-1, 2)


def _read_numbers(numbers: Sequence[Any], pointer: str) -> NDArray[np.float64]:
    for index, number in enumerate(numbers):
        plain = isinstance(number, int | float) and not isinstance(number, bool)
        try:
            finite = plain and math.isfinite(number)
        except OverflowError:  # an integer beyond the largest float
            finite = False
        if not finite:
            raise InvalidDrawing("A coordinate is a finite number.", f"{pointer}/{index}", number)
        if abs(number) > COORDINATE_LIMIT:
            raise InvalidDrawing(
                f"A coordinate is at most {COORDINATE_LIMIT:.0e} in magnitude.",
                f"{pointer}/{index}",
                number,
            )
    return np.asarray(numbers, dtype=np.float64)
