"""Readers for the Quick, Draw! data set's files: simplified strokes and numpy bitmaps."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from server.doodle.categories import LABELS
from server.doodle.strokes import Drawing

LINE_BYTES = 8 * 2**20
"""Longest line of a file: far more than any drawing needs, and a bound on memory."""


class InvalidDataFile(ValueError):
    """A data file that is not of the published form; the message names file and line."""


@dataclass(frozen=True)
class Record:
    """One line of a stroke file."""

    label: int
    drawing: Drawing
    recognized: bool | None
    """Whether the game recognised the drawing; ``None`` where that is not known."""
    key: int | None = None
    """The data set's own number of the drawing, 64 bits; ``None`` where that is not known."""


@dataclass(frozen=True)
class Bitmaps:
    """Ready images: ``images`` uint8 (N, 28, 28), ink 255 on 0; ``labels`` int64 (N,)."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]


def read_strokes(path: Path) -> Iterator[Record]:
    """Yield the drawings of an ``.ndjson`` or ``.ndjson.gz`` file, in order.

    Each line is an object with ``word`` and ``drawing`` and, maybe, ``recognized`` and ``key_id``.

    Raises:
        InvalidDataFile: a line that is not such an object, or names an unknown category.
        OSError: the file cannot be read.
    """
    for number, line in numbered_lines(path):
        try:
            fields = json.loads(line)
            label = LABELS[fields["word"]]
            drawing = Drawing.from_lists(fields["drawing"])
            key = int(fields["key_id"]) if "key_id" in fields else None
        except KeyError as error:
            raise InvalidDataFile(
                f"{path.name}, line {number}: no such field or category: {error}"
            ) from error
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidDataFile(f"{path.name}, line {number}: {error}") from error
        yield Record(label, drawing, fields.get("recognized"), key)


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a text file, gzipped or not, with their numbers from 1; no blank ones.

    Raises:
        InvalidDataFile: a line that is too long, no UTF-8, or a damaged archive.
        OSError: the file cannot be read.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    number = 0
    with opener(path, "rb") as file:
        try:
            while line := file.readline(LINE_BYTES + 1):
                number += 1
                if len(line) > LINE_BYTES:
                    raise InvalidDataFile(
                        f"{path.name}, line {number}: has more than {LINE_BYTES} bytes."
                    )
                if line.strip():
                    yield number, line.decode("utf-8")
        except (EOFError, UnicodeDecodeError, zlib.error, gzip.BadGzipFile) as error:
            raise InvalidDataFile(f"{path.name}, after line {number}: {error}") from error


def read_bitmaps(path: Path) -> Bitmaps:
    """Read an ``.npz`` file with ``images`` uint8 (N, 28, 28) and ``labels`` (N,).

    Raises:
        InvalidDataFile: arrays that are missing or of another shape or type.
        OSError: the file cannot be read.
    """
    with np.load(path, allow_pickle=False) as arrays:
        if not {"images", "labels"} <= set(arrays.files):
            raise InvalidDataFile(f"{path.name}: has {arrays.files}, not 'images' and 'labels'")
        images, labels = arrays["images"], arrays["labels"].astype(np.int64)
    if images.dtype != np.uint8 or images.shape != (len(labels), 28, 28):
        raise InvalidDataFile(f"{path.name}: images are {images.dtype} {images.shape}")
    return Bitmaps(images, labels)
