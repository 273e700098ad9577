"""The rasteriser against the recipe of the published bitmaps, drawn by cairo."""

import numpy as np
import pytest

from server.doodle.raster import SIDE, placement, render
from server.doodle.strokes import Drawing
from tests.unit.doodle.cairo import FIXTURE, render_with_cairo, sample_drawings

MEAN_ERROR = 0.2
LARGEST_ERROR = 20


def assert_close_to_recipe(expected: np.ndarray, drawings: list[Drawing]) -> None:
    rendered = np.stack([render(drawing) for drawing in drawings]).astype(int)
    error = np.abs(rendered - expected.astype(int))
    assert error.mean() <= MEAN_ERROR
    assert error.max() <= LARGEST_ERROR


def test_equals_what_cairo_drew() -> None:
    with np.load(FIXTURE) as arrays:
        assert_close_to_recipe(arrays["images"], sample_drawings())


def test_equals_what_cairo_draws_here() -> None:
    try:
        expected = np.stack([render_with_cairo(drawing) for drawing in sample_drawings()])
    except OSError:
        with np.load(FIXTURE) as arrays:  # no libcairo on this machine: the kept pictures judge
            expected = arrays["images"]
    assert_close_to_recipe(expected, sample_drawings())


def test_dot_is_a_round_blot_in_the_centre() -> None:
    image = render(Drawing.from_lists([[[40], [900]]]))
    assert image[13:15, 13:15].min() > 100
    assert (image == image.T).all()
    image[12:16, 12:16] = 0
    assert not image.any()


def test_overlapping_strokes_composite_and_one_stroke_does_not() -> None:
    once = render(Drawing.from_lists([[[0, 255], [0, 90]]])).astype(int)
    back_and_forth = render(Drawing.from_lists([[[0, 255, 0], [0, 90, 0]]])).astype(int)
    twice = render(Drawing.from_lists([[[0, 255], [0, 90]], [[0, 255], [0, 90]]])).astype(int)
    assert (once == back_and_forth).all()
    over = once + (255 - once) * once / 255
    assert np.abs(twice - over).max() <= 1


def test_placement_maps_the_box_to_the_padded_middle() -> None:
    place = placement(Drawing.from_lists([[[100, 300], [50, 150]]]))
    assert place.scale == pytest.approx(255 / 200 * 28 / 304)
    left, right = (x * place.scale + place.offset_x for x in (100, 300))
    top, bottom = (y * place.scale + place.offset_y for y in (50, 150))
    assert (left + right) / 2 == pytest.approx(SIDE / 2)
    assert (top + bottom) / 2 == pytest.approx(SIDE / 2)
    assert right - left == pytest.approx(255 * 28 / 304)
    assert place.line_width == pytest.approx(16 * 28 / 304)
