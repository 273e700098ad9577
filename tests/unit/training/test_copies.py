"""Drawings held out are found again among bitmaps, and then judge nothing."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from server.doodle.categories import CATEGORIES
from server.doodle.quickdraw import Bitmaps, Record, read_strokes
from server.doodle.raster import render
from server.doodle.strokes import Drawing
from server.training.copies import highest_correlations
from server.training.dataset import BITMAPS_FILES, STROKES_FILE, load_training_data

SQUARE, CAT = CATEGORIES.index("square"), CATEGORIES.index("cat")


def wandering(random: np.random.Generator) -> list[list[list[int]]]:
    """A stroke through ten random places: no two are alike."""
    x, y = random.integers(0, 256, (2, 10))
    return [[x.tolist(), y.tolist()]]


def test_correlations_are_those_of_numpy() -> None:
    random = np.random.default_rng(0)
    drawings = [Drawing.from_lists(wandering(random)) for _ in range(3)]
    images = random.integers(0, 256, (4, 28, 28), dtype=np.uint8)
    records = [Record(SQUARE, drawing, True) for drawing in drawings[:2]]
    records.append(Record(CAT, drawings[2], True))
    found = highest_correlations(records, Bitmaps(images, np.array([SQUARE, SQUARE, SQUARE, CAT])))
    for index, candidates in enumerate(([0, 1, 2], [0, 1, 2], [3])):
        pixels = render(drawings[index]).ravel()
        expected = max(np.corrcoef(pixels, images[k].ravel())[0, 1] for k in candidates)
        assert found[index] == pytest.approx(expected, abs=1e-5)


def test_drawing_without_bitmaps_of_its_category_is_like_none() -> None:
    drawing = Drawing.from_lists(wandering(np.random.default_rng(1)))
    bitmaps = Bitmaps(render(drawing)[None], np.array([CAT]))
    assert highest_correlations([Record(SQUARE, drawing, True)], bitmaps).tolist() == [-1.0]


@pytest.mark.parametrize("name", list(BITMAPS_FILES))
def test_what_is_held_out_and_among_the_bitmaps_judges_nothing(tmp_path: Path, name: str) -> None:
    random = np.random.default_rng(2)
    lines = [json.dumps({"word": "cat", "drawing": wandering(random)}) for _ in range(40)]
    (tmp_path / STROKES_FILE).write_bytes(gzip.compress("\n".join(lines).encode()))
    held_out = load_training_data(tmp_path, seed=0).held_out
    assert len(held_out) == 4
    copies = np.stack([render(record.drawing) for record in held_out[:2]])
    copies[1] = copies[1] * 0.9  # as bright as a translated one; correlation is blind to that
    np.savez(tmp_path / name, images=copies, labels=np.full(2, CAT, np.int16))
    data = load_training_data(tmp_path, seed=0)
    assert data.copied == 2
    assert [record.drawing.strokes[0].tolist() for record in data.held_out] == [
        record.drawing.strokes[0].tolist() for record in held_out[2:]
    ]
    assert len(data.strokes.labels) == len(list(read_strokes(tmp_path / STROKES_FILE))) - 4
