from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from benchmarks.load.bodies import COUNT, write_bodies
from benchmarks.load.doodles import doodles
from server.doodle.raster import render
from server.doodle.strokes import Drawing


def test_both_files_hold_the_same_drawings(tmp_path: Path) -> None:
    bodies = write_bodies(tmp_path)
    bitmaps = [json.loads(line) for line in bodies.bitmaps.read_text().splitlines()]
    strokes = [json.loads(line) for line in bodies.strokes.read_text().splitlines()]
    assert len(bitmaps) == len(strokes) == len(bodies.images) == COUNT
    for bitmap, drawing, image in zip(bitmaps, strokes, bodies.images, strict=True):
        assert len(bitmap["bitmap"]) == 784
        rendered = render(Drawing.from_lists(drawing["drawing"]))
        assert np.array_equal(np.reshape(bitmap["bitmap"], (28, 28)), rendered)
        assert np.array_equal(image, rendered)
        assert {key: bitmap[key] for key in ("model", "top_k")} == {"model": "common", "top_k": 5}


def test_drawings_are_the_same_every_time_and_of_the_usual_size() -> None:
    drawings = doodles(300)
    assert drawings[:10] == doodles(10)
    strokes = np.array([len(drawing) for drawing in drawings])
    points = np.array([sum(len(x) for x, _ in drawing) for drawing in drawings])
    # Of 3,450 drawings of Quick, Draw! half have 2 to 7 strokes, and 26 to 53 points.
    assert 2 <= np.percentile(strokes, 25) <= np.percentile(strokes, 75) <= 8
    assert 22 <= np.percentile(points, 25) <= np.percentile(points, 75) <= 57
    for drawing in drawings:
        values = np.concatenate([np.ravel(stroke) for stroke in drawing])
        assert values.min() == 0
        assert values.max() == 255
