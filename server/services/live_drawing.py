"""The drawing of a live session: changed stroke by stroke, each state a value of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from server.doodle.strokes import COORDINATE_LIMIT, Drawing, Stroke
from server.errors import InvalidInput, LimitExceeded
from server.schemas.live import Begin, Change, Clear, End, Extend, Replace, Undo
from server.services.drawings import read_drawing
from server.settings import Settings


@dataclass(frozen=True, eq=False)
class LiveDrawing:
    """Strokes as they have come; a change gives another one, and leaves this as it is."""

    strokes: tuple[Stroke, ...] = ()
    is_open: bool = False
    """Whether the last stroke may be extended."""
    points: int = 0

    @property
    def nbytes(self) -> int:
        """Memory of its points."""
        return sum(stroke.nbytes for stroke in self.strokes)

    @property
    def drawing(self) -> Drawing | None:
        """The same for the rasteriser, without strokes that have no points; None: nothing."""
        strokes = tuple(stroke for stroke in self.strokes if len(stroke))
        return Drawing(strokes) if strokes else None

    def changed(self, changes: Sequence[Change], limits: Settings) -> LiveDrawing:
        """The drawing after all changes, in order.

        Raises:
            InvalidInput: a change that does not fit; the pointer says which.
            LimitExceeded: too many strokes or points, or too large a coordinate.
        """
        state = self
        for index, change in enumerate(changes):
            state = state._after(change, f"/changes/{index}", limits)
        return state

    def _after(self, change: Change, at: str, limits: Settings) -> LiveDrawing:
        match change:
            case Begin():
                return self._with(self.strokes, _points(change, at, limits), at, limits)
            case Extend():
                if not self.is_open:
                    raise InvalidInput("There is no stroke that goes on; begin one.", pointer=at)
                more = np.concatenate([self.strokes[-1], _points(change, at, limits)])
                return self._with(self.strokes[:-1], more, at, limits)
            case End():
                if not self.is_open:
                    raise InvalidInput("There is no stroke that could end.", pointer=at)
                return LiveDrawing(self.strokes, False, self.points)
            case Undo():
                if not self.strokes:
                    raise InvalidInput("There is no stroke to take away.", pointer=at)
                return LiveDrawing(self.strokes[:-1], False, self.points - len(self.strokes[-1]))
            case Clear():
                return LiveDrawing()
            case Replace():
                if not any(any(map(len, stroke)) for stroke in change.drawing):
                    return LiveDrawing()
                read = read_drawing(change.drawing, f"{at}/drawing", limits)
                return LiveDrawing(read.strokes, True, read.points)

    def _with(
        self, before: tuple[Stroke, ...], last: Stroke, at: str, limits: Settings
    ) -> LiveDrawing:
        """These strokes and one more, which is open."""
        replaced = self.points - sum(map(len, self.strokes[len(before) :]))
        points = replaced + len(last)
        for count, limit, of in (
            (len(before) + 1, limits.strokes, "The drawing has {} strokes"),
            (len(last), limits.stroke_points, "The stroke has {} points"),
            (points, limits.drawing_points, "The drawing has {} points"),
        ):
            if count > limit:
                raise LimitExceeded(
                    f"{of.format(count)}; {limit} are allowed.",
                    pointer=at,
                    value=count,
                    limit=limit,
                )
        return LiveDrawing((*before, last), True, points)


def _points(change: Begin | Extend, at: str, limits: Settings) -> Stroke:
    """The points of a change (n, 2)."""
    if len(change.x) != len(change.y):
        raise InvalidInput(
            f"There are {len(change.x)} x coordinates and {len(change.y)} y coordinates.",
            pointer=at,
        )
    # In the order of memory that the rasteriser is compiled for.
    points = np.ascontiguousarray(np.array([change.x, change.y], dtype=np.float64).T)
    limit = min(limits.coordinate, COORDINATE_LIMIT)
    beyond = np.argwhere(np.abs(points) > limit)
    if beyond.size:
        row, axis = map(int, beyond[0])
        raise LimitExceeded(
            f"A coordinate lies between -{limit:,.10g} and {limit:,.10g}.",
            pointer=f"{at}/{'xy'[axis]}/{row}",
            value=float(points[row, axis]),
            limit=limit,
        )
    return points
