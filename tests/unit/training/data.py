"""A small data set of circles, squares, triangles and lines, written in the published forms."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np

from server.doodle.categories import CATEGORIES
from server.doodle.raster import render
from server.doodle.strokes import Drawing
from server.training.dataset import STROKES_FILE

CORNERS = {"circle": 24, "square": 4, "triangle": 3, "line": 2}


def shape(category: str, random: np.random.Generator) -> list[list[list[float]]]:
    """A closed, turned and stretched polygon with the category's number of corners."""
    turns = np.linspace(0, 2 * np.pi, CORNERS[category] + 1) + random.uniform(0, 0.4)
    stretch = random.uniform(0.8, 1.25)
    points = np.stack([np.cos(turns) * stretch, np.sin(turns)], axis=1)
    points -= points.min(axis=0)
    points = np.round(points * 255 / points.max())
    return [[points[:, 0].tolist(), points[:, 1].tolist()]]


def write_strokes(path: Path, each: int, seed: int) -> None:
    """Write ``each`` drawings of every shape, a twelfth of them not recognised."""
    random = np.random.default_rng(seed)
    lines = [
        json.dumps(
            {
                "word": category,
                "recognized": bool(index % 12),
                "drawing": shape(category, random),
            }
        )
        for category in CORNERS
        for index in range(each)
    ]
    path.write_bytes(gzip.compress("\n".join(lines).encode()))


def write_training_data(directory: Path, each: int = 24) -> Path:
    """Write a stroke file and a file of bitmaps into a directory; returns it."""
    write_strokes(directory / STROKES_FILE, each, seed=1)
    random = np.random.default_rng(2)
    drawn = [Drawing.from_lists(shape("square", random)) for _ in range(each)]
    np.savez(
        directory / "train-bitmaps.npz",
        images=np.stack([render(drawing) for drawing in drawn]),
        labels=np.full(each, CATEGORIES.index("square"), np.int16),
    )
    return directory
