"""The full data set as it is published: 345 categories in four forms, one file each.

The layout is that of https://github.com/googlecreativelab/quickdraw-dataset. All readers stream:
they hold one drawing, or one batch of images, at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import quote

import numpy as np

from server.doodle.binary import read_binary
from server.doodle.categories import LABELS
from server.doodle.quickdraw import Bitmaps, InvalidDataFile, Record, read_strokes

SOURCE = "https://storage.googleapis.com/quickdraw_dataset/full"
"""Where Google publishes the data set."""

FormName = Literal["raw", "simplified", "binary", "numpy_bitmap"]
FORMS: tuple[FormName, ...] = get_args(FormName)
SUFFIXES: dict[FormName, str] = {
    "raw": ".ndjson",
    "simplified": ".ndjson",
    "binary": ".bin",
    "numpy_bitmap": ".npy",
}
PIXELS = 28 * 28


@dataclass(frozen=True)
class PublishedFile:
    """One category in one form."""

    form: FormName
    category: str

    @property
    def path(self) -> Path:
        """Where it lies in a folder of the data set, as at its source."""
        return Path(self.form, self.category + SUFFIXES[self.form])

    def address(self, source: str) -> str:
        """Its URL below that of the data set."""
        return f"{source.rstrip('/')}/{quote(self.path.as_posix())}"


def label_of(path: Path) -> int:
    """The label that a file's name says: ``cat.bin``, or as browsers save it.

    Those join the folders to the name: ``full_binary_cat.bin``.

    Raises:
        InvalidDataFile: it is the name of no category.
    """
    name = path.name.partition(".")[0]
    for form in FORMS:
        name = name.removeprefix(f"full_{form}_")
    if name not in LABELS:
        raise InvalidDataFile(f"{path.name}: {name!r} is no category of the data set.")
    return LABELS[name]


def read_drawings(path: Path) -> Iterator[Record]:
    """Yield the drawings of a file of strokes, raw, simplified or binary, in order.

    Raw drawings are in pixels of whoever drew them; rendering scales them like all others.

    Raises:
        InvalidDataFile: not of its form; the message says where.
        OSError: the file cannot be read.
    """
    if path.suffix == SUFFIXES["binary"]:
        return read_binary(path, label_of(path))
    return read_strokes(path)


def read_bitmap_batches(path: Path, batch: int = 4_096) -> Iterator[Bitmaps]:
    """Yield the images of a ``.npy`` file of one category, so many at a time, in order.

    Raises:
        InvalidDataFile: no array of uint8 (N, 784), or shorter than it says.
        OSError: the file cannot be read.
    """
    label = label_of(path)
    try:
        images: Any = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, SyntaxError) as error:
        raise InvalidDataFile(f"{path.name}: {error}") from error
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8:
        raise InvalidDataFile(f"{path.name}: is no array of uint8.")
    if images.ndim != 2 or images.shape[1] != PIXELS:
        raise InvalidDataFile(f"{path.name}: the array is {images.shape}, not (N, {PIXELS}).")
    for start in range(0, len(images), batch):
        part = np.array(images[start : start + batch]).reshape(-1, 28, 28)
        yield Bitmaps(part, np.full(len(part), label, np.int64))
