"""Pens of other widths, read as pictures."""

import numpy as np
import pytest

from server.doodle.raster import render
from server.doodle.strokes import Drawing
from server.evaluation.thickness import WIDTHS, as_picture
from server.schemas.predictions import HOUSE


@pytest.mark.parametrize("width", WIDTHS)
def test_a_picture_of_a_drawing_looks_like_its_strokes(width: int) -> None:
    drawing = Drawing.from_lists(HOUSE)
    seen, drawn = as_picture(drawing, width).astype(float), render(drawing).astype(float)
    assert seen.shape == (28, 28)
    assert np.corrcoef(seen.ravel(), drawn.ravel())[0, 1] > 0.75
