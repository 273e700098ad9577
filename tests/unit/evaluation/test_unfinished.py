"""The beginnings of drawings."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.doodle.strokes import Drawing
from server.evaluation.unfinished import first_ink, first_strokes

SQUARE = Drawing.from_lists([[[0, 10, 10], [0, 0, 10]], [[10, 0], [10, 10]], [[5], [5]]])


def length(drawing: Drawing) -> float:
    return float(sum(np.hypot(*np.diff(stroke, axis=0).T).sum() for stroke in drawing.strokes))


@pytest.mark.parametrize(("share", "kept"), [(0.01, 1), (0.33, 1), (0.34, 2), (0.67, 3), (1.0, 3)])
def test_strokes_are_counted(share: float, kept: int) -> None:
    assert first_strokes(SQUARE, share).strokes == SQUARE.strokes[:kept]


def test_ink_ends_within_a_stroke() -> None:
    half = first_ink(SQUARE, 0.5)
    assert half.to_lists() == [[[0.0, 10.0, 10.0], [0.0, 0.0, 5.0]]]
    assert first_ink(SQUARE, 1.0).to_lists() == SQUARE.to_lists()
    assert first_ink(Drawing.from_lists([[[3], [4]]]), 0.1).to_lists() == [[[3.0], [4.0]]]


coordinate = st.integers(0, 255)
points = st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=6)
drawings = st.lists(points, min_size=1, max_size=4).map(
    lambda strokes: Drawing.from_lists(
        [list(map(list, zip(*stroke, strict=True))) for stroke in strokes]
    )
)


@given(drawings, st.floats(0.05, 1.0))
def test_so_much_ink_is_left(drawing: Drawing, share: float) -> None:
    kept = first_ink(drawing, share)
    assert length(kept) == pytest.approx(share * length(drawing), abs=1e-6)
    for stroke, whole in zip(kept.strokes[:-1], drawing.strokes, strict=False):
        assert np.array_equal(stroke, whole)
