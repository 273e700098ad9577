"""Other hands: what each does to a drawing, and what it leaves alone."""

import numpy as np
import pytest

from server.doodle.raster import render
from server.doodle.strokes import Drawing
from server.evaluation.robustness import (
    PAD,
    VARIATIONS,
    in_a_corner,
    mirrored,
    over_the_pad,
    turned,
)
from server.schemas.predictions import HOUSE

HOUSE_DRAWN = Drawing.from_lists(HOUSE)


def random() -> np.random.Generator:
    return np.random.default_rng(0)


def test_turning_is_clockwise_as_seen() -> None:
    upwards = Drawing.from_lists([[[0, 0], [10, 0]]])
    right = turned(90)(upwards, random())
    assert right.strokes[0] == pytest.approx(np.array([[-10, 0], [0, 0]]), abs=1e-9)


def test_twice_mirrored_is_as_before() -> None:
    twice = mirrored(mirrored(HOUSE_DRAWN, random()), random())
    assert np.array_equal(render(twice), render(HOUSE_DRAWN))
    assert np.array_equal(
        mirrored(HOUSE_DRAWN, random()).strokes[0], HOUSE_DRAWN.strokes[0] * [-1, 1]
    )


@pytest.mark.parametrize(("change", "side"), [(in_a_corner, PAD / 12), (over_the_pad, PAD)])
def test_pads_have_whole_pixels(change: object, side: float) -> None:
    drawn = change(HOUSE_DRAWN, random())  # type: ignore[operator]
    assert drawn.box.longer_side == pytest.approx(side, abs=1)
    assert all(np.array_equal(stroke, np.round(stroke)) for stroke in drawn.strokes)


@pytest.mark.parametrize("variation", VARIATIONS, ids=lambda variation: variation.name)
def test_a_hand_changes_the_drawing_but_not_what_it_is(variation: object) -> None:
    change = variation.change  # type: ignore[attr-defined]
    changed = change(HOUSE_DRAWN, random())
    assert len(changed.strokes) == len(HOUSE_DRAWN.strokes)
    assert all(np.isfinite(stroke).all() and len(stroke) for stroke in changed.strokes)
    again = change(HOUSE_DRAWN, random())
    assert all(np.array_equal(a, b) for a, b in zip(changed.strokes, again.strokes, strict=True))
    # A third of the ink or more stays where it was, whoever drew; a dot has no strokes to bend.
    before, after = render(HOUSE_DRAWN) > 127, render(changed) > 127
    assert (before & after).sum() / before.sum() > 0.3
    dot = Drawing.from_lists([[[5], [5]]])
    assert change(dot, random()).points == 1
