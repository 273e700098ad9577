"""Small published files of circles, squares, triangles and lines, in all four forms."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from server.doodle.published import FormName, PublishedFile
from server.doodle.raster import render
from server.doodle.strokes import Drawing
from tests.property.test_published import Lists, binary_of, line_of
from tests.unit.training.data import CORNERS, shape

MIXED: dict[str, FormName] = {
    "circle": "binary",
    "square": "simplified",
    "triangle": "raw",
    "line": "numpy_bitmap",
}


def drawings_of(category: str, count: int, seed: int = 1) -> list[Lists]:
    """Drawings of a category in bytes, no two alike."""
    random = np.random.default_rng([seed, list(CORNERS).index(category)])
    found: dict[str, Lists] = {}
    while len(found) < count:
        drawn = [[[int(value) for value in axis] for axis in s] for s in shape(category, random)]
        # A line has few places to be in; a second stroke has more.
        drawn.append([[int(x) for x in random.integers(0, 256, 2)] for _ in range(2)])
        found[repr(drawn)] = drawn
    return list(found.values())


def published(category: str, form: FormName, drawings: list[Lists]) -> bytes:
    """A file of a category; every twelfth drawing was not recognised."""
    if form == "numpy_bitmap":
        file = io.BytesIO()
        images = [render(Drawing.from_lists(one)).reshape(-1) for one in drawings]
        np.save(file, np.array(images, np.uint8).reshape(-1, 784))
        return file.getvalue()
    known = [(key, bool(key % 12), drawing) for key, drawing in enumerate(drawings)]
    if form == "binary":
        return b"".join(binary_of(*one) for one in known)
    raw = form == "raw"
    if raw:  # in pixels of somebody's screen
        known = [
            (key, said, [[[2 * x + 7 for x in xs], [2 * y + 9 for y in ys]] for xs, ys in lists])
            for key, said, lists in known
        ]
    return "".join(line_of(category, *one, raw) for one in known).encode()


def published_files(
    count: int = 48, forms: dict[str, FormName] = MIXED, seed: int = 1
) -> dict[str, bytes]:
    """Contents by path, as they are below the address of the data set."""
    return {
        PublishedFile(form, category).path.as_posix(): published(
            category, form, drawings_of(category, count, seed)
        )
        for category, form in forms.items()
    }


def write_published(
    folder: Path, count: int = 48, forms: dict[str, FormName] = MIXED, seed: int = 1
) -> Path:
    """Write the files into a folder; returns it."""
    for name, content in published_files(count, forms, seed).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder
