"""Packed drawings come back as they were, and look as they did."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.doodle.packed import PackedDrawings, packed_bitmaps, packed_row
from server.doodle.raster import render
from server.doodle.strokes import Drawing, InvalidDrawing
from tests.property.test_published import DRAWING, Lists


def packed(drawings: Sequence[object], labels: list[int] | None = None) -> PackedDrawings:
    rows = [packed_row(Drawing.from_lists(one)) for one in drawings]
    return PackedDrawings.from_rows(rows, labels or [3] * len(rows))


def lists_of(drawings: PackedDrawings) -> list[Lists]:
    found = drawings.strokes(np.arange(len(drawings)))
    strokes = np.split(found.points.astype(int), found.stroke_starts[1:-1])
    starts = found.drawing_starts
    return [
        [stroke.T.tolist() for stroke in strokes[first:last]]
        for first, last in itertools.pairwise(starts)
    ]


@settings(max_examples=40)
@given(st.lists(DRAWING, min_size=1, max_size=5), st.data())
def test_drawings_come_back_and_look_the_same(drawings: list[Lists], data: st.DataObject) -> None:
    rows = packed(drawings)
    assert lists_of(rows) == drawings
    for image, lists in zip(rows.images(), drawings, strict=True):
        assert (image == render(Drawing.from_lists(lists))).all()
    chosen = data.draw(st.lists(st.integers(0, len(drawings) - 1), min_size=1, max_size=6))
    taken = rows.take(np.array(chosen))
    assert lists_of(taken) == [drawings[index] for index in chosen]
    assert (taken.digests() == rows.digests()[chosen]).all()
    joined = PackedDrawings.joined([rows, taken])
    assert lists_of(joined) == drawings + lists_of(taken)
    content, starts = joined.framed(np.arange(len(joined)))
    again = PackedDrawings.unframed(content)
    assert starts[-1] == len(content)
    assert lists_of(again) == lists_of(joined)
    assert (again.labels == joined.labels).all()
    with pytest.raises(ValueError, match="in the middle"):
        PackedDrawings.unframed(content[:-1])


def test_bitmaps_and_strokes_are_together() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28)).astype(np.uint8)
    images[1] = 0
    strokes: list[Lists] = [[[[0, 255], [0, 9]]]]
    drawings = PackedDrawings.joined([packed_bitmaps(images, 5), packed(strokes, [7])])
    drawings = drawings.take(np.array([3, 2, 1, 0]))
    assert drawings.labels.tolist() == [7, 5, 5, 5]
    assert drawings.are_bitmaps(np.arange(4)).tolist() == [False, True, True, True]
    assert (drawings.images()[1:] == images[::-1]).all()
    assert (drawings.bitmaps(np.array([2, 1])) == images[1:]).all()
    assert (drawings.images()[0] == render(Drawing.from_lists(strokes[0]))).all()


def test_other_units_are_scaled_and_points_that_fall_together_are_one() -> None:
    # A box of 510 by 20 from (1000, -3): halved, and moved to the corner.
    wide = [[[1000, 1510, 1510.4, 1255], [-3, 17, 17, 7.0]]]
    assert lists_of(packed([wide])) == [[[[0, 255, 127], [0, 10, 5]]]]
    seen = packed([wide]).images()[0].astype(int)
    assert np.abs(seen - render(Drawing.from_lists(wide))).max() < 40
    dot = [[[812.5], [1e6]]]
    assert lists_of(packed([dot])) == [[[[0], [0]]]]


def test_a_stroke_longer_than_there_is_room_for_is_in_parts_that_meet() -> None:
    x = np.arange(70_000) % 256
    row = packed([[[x.tolist(), [9] * len(x)]]])
    found = row.strokes(np.array([0]))
    lengths = np.diff(found.stroke_starts)
    assert len(lengths) == 2
    assert lengths.sum() == len(x) + 1
    joint = found.stroke_starts[1]
    assert (found.points[joint - 1] == found.points[joint]).all()
    with pytest.raises(InvalidDrawing, match="70000 strokes"):
        packed_row(Drawing.from_lists([[[0], [0]]] * 70_000))


def test_strokes_without_points_are_dropped() -> None:
    row = bytes([3, 0, 0, 0, 1, 0, 5, 6, 0, 0])  # of three strokes one has a point
    rows = PackedDrawings.from_rows([row], [0])
    assert lists_of(rows) == [[[[5], [6]]]]
