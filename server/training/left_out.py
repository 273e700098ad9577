"""Categories that a network never sees, so that their drawings are honestly unknown to it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from server.doodle.categories import CATEGORIES
from server.doodle.quickdraw import Bitmaps
from server.training.dataset import StrokeData, TrainingData


def left_out_labels(count: int, seed: int) -> tuple[int, ...]:
    """Choose ``count`` of the 345 categories by a seeded draw; their labels in order.

    Raises:
        ValueError: fewer than two categories would be left, or ``count`` is negative.
    """
    if not 0 <= count <= len(CATEGORIES) - 2:
        raise ValueError(
            f"{count} categories cannot be left out: 0 to {len(CATEGORIES) - 2} of "
            f"{len(CATEGORIES)} can."
        )
    # The second number makes it another draw than the one that holds drawings out.
    drawn = np.random.default_rng([seed, 1]).permutation(len(CATEGORIES))[:count]
    return tuple(sorted(drawn.tolist()))


def without(data: TrainingData, labels: Collection[int]) -> TrainingData:
    """The same data without the drawings of some categories, held out or not."""
    unwanted = np.array(sorted(labels), dtype=np.int64)
    return replace(
        data,
        strokes=_strokes_without(data.strokes, unwanted),
        bitmaps=tuple(_bitmaps_without(bitmaps, unwanted) for bitmaps in data.bitmaps),
        held_out=[record for record in data.held_out if record.label not in labels],
    )


def _strokes_without(data: StrokeData, unwanted: np.typing.NDArray[np.int64]) -> StrokeData:
    kept = ~np.isin(data.labels, unwanted)
    strokes_each = np.diff(data.drawing_starts)
    kept_strokes = np.repeat(kept, strokes_each)
    points_each = np.diff(data.stroke_starts)
    return StrokeData(
        points=data.points[np.repeat(kept_strokes, points_each)],
        stroke_starts=np.cumsum([0, *points_each[kept_strokes]], dtype=np.int64),
        drawing_starts=np.cumsum([0, *strokes_each[kept]], dtype=np.int64),
        labels=data.labels[kept],
    )


def _bitmaps_without(bitmaps: Bitmaps, unwanted: np.typing.NDArray[np.int64]) -> Bitmaps:
    kept = ~np.isin(bitmaps.labels, unwanted)
    return replace(bitmaps, images=bitmaps.images[kept], labels=bitmaps.labels[kept])
