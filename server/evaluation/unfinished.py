"""Drawings that are not finished yet: the game's promise is that it guesses early."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from server.doodle.strokes import Drawing, Stroke

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


def first_strokes(drawing: Drawing, share: float) -> Drawing:
    """The first strokes of a drawing: a share of their number in 0..1, at least one."""
    kept = max(1, math.ceil(round(share * len(drawing.strokes), 9)))
    return Drawing(drawing.strokes[:kept])


def first_ink(drawing: Drawing, share: float) -> Drawing:
    """The beginning of a drawing: a share in 0..1 of the way that the pen went on the paper.

    The stroke under way ends between two points where it must; there is always one point.
    """
    if share == 1:
        return drawing
    lengths = [_length(stroke) for stroke in drawing.strokes]
    left = share * sum(lengths)
    kept: list[Stroke] = []
    for stroke, length in zip(drawing.strokes, lengths, strict=True):
        if left < length and not math.isclose(left, length):
            kept.append(_beginning(stroke, left))
            break
        kept.append(stroke)
        left -= length
        if left <= 0:
            break
    return Drawing(tuple(kept))


def _length(stroke: Stroke) -> float:
    return float(np.hypot(*np.diff(stroke, axis=0).T).sum())


def _beginning(stroke: Stroke, length: float) -> Stroke:
    """The first part of a stroke, ``length`` long, which is shorter than the stroke."""
    steps = np.hypot(*np.diff(stroke, axis=0).T)
    ends = np.cumsum(steps)
    index = int(np.searchsorted(ends, length, side="right"))
    before = ends[index - 1] if index else 0.0
    within = (length - before) / steps[index] if steps[index] else 0.0
    last = stroke[index] + within * (stroke[index + 1] - stroke[index])
    return np.concatenate([stroke[: index + 1], last[None]])


def shares_of(drawings: Sequence[Drawing], share: float) -> tuple[list[Drawing], list[Drawing]]:
    """All drawings cut to a share: by the number of strokes, and by ink."""
    return (
        [first_strokes(drawing, share) for drawing in drawings],
        [first_ink(drawing, share) for drawing in drawings],
    )
