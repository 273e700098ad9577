"""Pictures come to the form in which drawings are rendered, and say how."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from server.doodle.raster import SIDE, render
from server.doodle.strokes import Drawing
from server.errors import InvalidPicture
from server.services.ink import PEN, normalise
from server.services.inputs import NetworkInput
from server.services.pictures import open_picture
from server.settings import Settings
from tests.support.drawings import HOUSE, SUN, Lists, picture_of
from tests.support.images import file_of


def form_of(pixels: NDArray[np.uint8], format: str = "PNG", **options: int) -> NetworkInput:
    data = file_of(pixels, format, **options)
    return normalise(open_picture(data, Settings()), data)


def photographed(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """On yellowish paper, lit from the left, with noise."""
    height, width = pixels.shape
    y, x = np.mgrid[:height, :width]
    light = (0.6 + 0.4 * (1 - x / width)) * (1 - 0.2 * y / height)
    paper = (70 + pixels / 255 * 160) * light
    noisy = paper + np.random.default_rng(4).normal(0, 3, pixels.shape)
    return np.dstack([noisy, noisy * 0.95, noisy * 0.85]).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("lists", [HOUSE, SUN], ids=["house", "sun"])
@pytest.mark.parametrize("width", [2, 5, 8, 14])
def test_lines_of_any_width_look_as_rendered(lists: Lists, width: int) -> None:
    rendered = render(Drawing.from_lists(lists)).astype(float)
    form = form_of(picture_of(lists, width=width)).pixels.astype(float)
    assert form.shape == (SIDE, SIDE)
    # Drawn by another program, so not the same: but no more different than half a pixel's shift.
    shifted = (rendered + np.roll(rendered, 1, axis=1)) / 2
    assert np.abs(form - rendered).mean() < np.abs(shifted - rendered).mean()
    assert 0.75 < form.sum() / rendered.sum() < 1.25


@pytest.mark.parametrize(
    "change",
    [
        lambda pixels: 255 - pixels,
        lambda pixels: np.pad(pixels, ((300, 7), (11, 500)), constant_values=255),
        lambda pixels: (pixels // 3 + 120).astype(np.uint8),
        photographed,
    ],
    ids=["inverted", "moved", "pale", "photographed"],
)
def test_what_does_not_matter(change: object) -> None:
    assert callable(change)
    pixels = picture_of(SUN, side=400, width=8)
    plain = form_of(pixels).pixels.astype(float)
    changed = form_of(change(pixels)).pixels.astype(float)
    assert np.abs(plain - changed).mean() < 5


def test_how_it_came_to_be_is_what_happened() -> None:
    form = form_of(picture_of(HOUSE, side=300, width=4, margin=60))
    how = form.preprocessing
    names = [step.name for step in how.steps]
    assert names == ["decode", "polarity", "crop", "scale", "line", "centre"]
    assert "dark on light" in how.steps[1].detail
    assert "widened" in how.steps[4].detail
    assert how.scale is not None
    assert how.offset is not None
    assert how.box is not None
    assert how.line_width == pytest.approx(PEN, abs=0.25)
    # The box, scaled and moved, is where the ink is, up to the change of the lines' width.
    rows = np.flatnonzero((form.pixels > 128).any(axis=1))
    columns = np.flatnonzero((form.pixels > 128).any(axis=0))
    left, right = (edge * how.scale + how.offset.x for edge in (how.box.left, how.box.right))
    top, bottom = (edge * how.scale + how.offset.y for edge in (how.box.top, how.box.bottom))
    assert [left, right] == pytest.approx([columns[0], columns[-1] + 1], abs=1)
    assert [top, bottom] == pytest.approx([rows[0], rows[-1] + 1], abs=1)
    assert (left + right) / 2 == pytest.approx(SIDE / 2, abs=0.2)


def test_filled_shapes_stay_filled() -> None:
    y, x = np.mgrid[:200, :200]
    disc = np.where((x - 100) ** 2 + (y - 100) ** 2 < 80**2, 0, 255).astype(np.uint8)
    form = form_of(disc)
    assert form.pixels[SIDE // 2, SIDE // 2] == 255
    assert "Filled shapes stay" in form.preprocessing.steps[-2].detail
    assert np.count_nonzero(form.pixels[SIDE // 2] > 128) == pytest.approx(25, abs=1)


def test_a_single_dark_pixel() -> None:
    pixels = np.full((100, 100), 255, np.uint8)
    pixels[70, 20] = 0
    image = form_of(pixels).pixels
    assert image.max() > 200
    rows, columns = np.nonzero(image)
    assert rows.mean() == pytest.approx(columns.mean(), abs=0.5)


def test_long_and_narrow() -> None:
    pixels = np.full((600, 40), 255, np.uint8)
    pixels[20:580, 18:22] = 0
    image = form_of(pixels).pixels
    assert np.count_nonzero(image.max(axis=1) > 64) == pytest.approx(25, abs=1)
    assert np.count_nonzero(image.max(axis=0) > 64) <= 4


def test_no_background() -> None:
    framed = np.pad(np.zeros((96, 96), np.uint8), 2, constant_values=255)
    with pytest.raises(InvalidPicture, match="no background: 92% of it"):
        form_of(framed)


def test_the_same_file_gives_the_same_key() -> None:
    assert form_of(picture_of(SUN)).key == form_of(picture_of(SUN)).key
    assert form_of(picture_of(SUN)).key != form_of(picture_of(HOUSE)).key
