"""A folder of published files: which are there, and their drawings in packed blocks."""

from __future__ import annotations

import collections
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numba
import numpy as np
import orjson
from numpy.typing import NDArray

from server.doodle.binary import MOST_POINTS, MOST_STROKES, read_binary
from server.doodle.categories import CATEGORIES, LABELS
from server.doodle.packed import COUNT, PackedDrawings, packed_bitmaps, packed_row
from server.doodle.published import FORMS, SUFFIXES, FormName, label_of, read_bitmap_batches
from server.doodle.quickdraw import InvalidDataFile, numbered_lines
from server.doodle.strokes import COORDINATE_LIMIT, Drawing, InvalidDrawing

PREFERRED: tuple[FormName, ...] = ("binary", "simplified", "raw", "numpy_bitmap")
"""Of a category in several forms, the first of these is read: they hold the same drawings.

Strokes can be bent, pictures hardly; the binary form is read fastest.
"""
BLOCK_BYTES = 4 * 2**20
BLOCK_DRAWINGS = 4_096
_RECOGNISED = 10
"""Which byte of a drawing in the binary form says whether the game recognised it."""


@dataclass(frozen=True)
class Source:
    """A file of one category."""

    path: Path
    form: FormName
    label: int

    @property
    def category(self) -> str:
        """The category's name."""
        return CATEGORIES[self.label]

    @property
    def name(self) -> str:
        """The file's name with its folder's."""
        return f"{self.path.parent.name}/{self.path.name}"


@dataclass(frozen=True)
class Block:
    """Drawings of one category, those that the game did not recognise left out.

    Attributes:
        unrecognised: so many were left out.
        read: so many bytes of the file are read, this block and all before it.
    """

    drawings: PackedDrawings
    unrecognised: int
    read: int


def sources_in(folder: Path) -> list[Source]:
    """The files of drawings in a folder and one folder down, one a category, in their order.

    Raises:
        InvalidDataFile: a file of drawings that has the name of no category; two files of one
            category in one form.
        OSError: the folder cannot be read.
    """
    found: dict[tuple[int, FormName], Path] = {}
    inner = [folder / form for form in FORMS if (folder / form).is_dir()]
    for path in sorted(itertools.chain.from_iterable(map(Path.iterdir, [folder, *inner]))):
        form = form_of(path)
        if form is None or not path.is_file():
            continue
        label = label_of(path)
        twin = found.setdefault((label, form), path)
        if twin != path:
            raise InvalidDataFile(
                f"{twin} and {path} are both {CATEGORIES[label]!r} in the form {form}; take one "
                "of them away."
            )
    chosen: dict[int, Source] = {}
    for form in PREFERRED:
        for (label, of_form), path in found.items():
            if of_form == form:
                chosen.setdefault(label, Source(path, form, label))
    return [chosen[label] for label in sorted(chosen)]


def form_of(path: Path) -> FormName | None:
    """The form that a file's name and folder say; None for a file of something else."""
    name = path.name.removesuffix(".gz")
    if name.endswith(SUFFIXES["simplified"]):
        raw = path.name.startswith("full_raw_") or path.parent.name == "raw"
        return "raw" if raw else "simplified"
    if path.suffix == SUFFIXES["binary"]:
        return "binary"
    return "numpy_bitmap" if path.suffix == SUFFIXES["numpy_bitmap"] else None


def read_blocks(source: Source) -> Iterator[Block]:
    """Yield the drawings of a file, so many at a time that memory stays bounded, in order.

    Raises:
        InvalidDataFile: it is not of its form; the message says where.
        OSError: it cannot be read.
    """
    if source.form == "binary":
        return _binary_blocks(source)
    if source.form == "numpy_bitmap":
        return _bitmap_blocks(source)
    return _line_blocks(source)


def _bitmap_blocks(source: Source) -> Iterator[Block]:
    read = 0
    for bitmaps in read_bitmap_batches(source.path, BLOCK_DRAWINGS):
        read += bitmaps.images.size
        yield Block(packed_bitmaps(bitmaps.images, source.label), 0, read)


def _line_blocks(source: Source) -> Iterator[Block]:
    rows: list[bytes] = []
    unrecognised = read = size = 0
    for number, line in numbered_lines(source.path):
        read += len(line)
        try:
            fields = orjson.loads(line)
            if LABELS[fields["word"]] != source.label:
                raise InvalidDrawing(f"it is of {fields['word']!r}, not {source.category!r}.")
            if fields.get("recognized") is False:
                unrecognised += 1
                continue
            lists = fields["drawing"]
            row = _row_of_bytes(lists)
            rows.append(row or packed_row(_of_numbers(lists) or Drawing.from_lists(lists)))
        except KeyError as error:
            raise InvalidDataFile(
                f"{source.path.name}, line {number}: no such field or category: {error}"
            ) from error
        except (AttributeError, TypeError, ValueError, RecursionError) as error:
            raise InvalidDataFile(f"{source.path.name}, line {number}: {error}") from error
        size += len(rows[-1])
        if len(rows) == BLOCK_DRAWINGS or size > BLOCK_BYTES:
            yield Block(_of_label(rows, source.label), unrecognised, read)
            rows, unrecognised, size = [], 0, 0
    yield Block(_of_label(rows, source.label), unrecognised, read)


def _of_label(rows: list[bytes], label: int) -> PackedDrawings:
    return PackedDrawings.from_rows(rows, [label] * len(rows))


def _row_of_bytes(drawing: Any) -> bytes | None:
    """The row of a drawing as most are, of integers in 0..255; None of any other.

    What it does not know it leaves to those who check every number.
    """
    if not isinstance(drawing, list) or not 0 < len(drawing) <= MOST_STROKES:
        return None
    rows = [COUNT.pack(len(drawing))]
    for stroke in drawing:
        if not isinstance(stroke, list) or len(stroke) != 2:
            return None
        x, y = stroke
        if not (isinstance(x, list) and isinstance(y, list) and 0 < len(x) == len(y) < 2**16):
            return None
        try:
            rows.append(COUNT.pack(len(x)) + bytes(x) + bytes(y))
        except (TypeError, ValueError):
            return None
    return b"".join(rows)


def _of_numbers(drawing: Any) -> Drawing | None:
    """A drawing as most raw ones are, of strokes of numbers; None of any other, likewise."""
    if not isinstance(drawing, list) or not drawing:
        return None
    strokes = []
    for stroke in drawing:
        if not isinstance(stroke, list) or len(stroke) not in (2, 3):
            return None
        if not all(isinstance(axis, list) and len(axis) == len(stroke[0]) for axis in stroke):
            return None
        try:
            points = np.array(stroke[:2])
        except (ValueError, OverflowError):
            return None
        if points.dtype.kind not in "if" or points.ndim != 2 or not points.size:
            return None
        if np.abs(points).max() > COORDINATE_LIMIT:
            return None
        strokes.append(points.T.astype(np.float64))
    return Drawing(tuple(strokes))


def _binary_blocks(source: Source) -> Iterator[Block]:
    before = 0
    rest = b""
    with source.path.open("rb") as file:
        while (come := file.read(BLOCK_BYTES)) or rest:
            data = np.frombuffer(rest + come, np.uint8)
            starts, sound = _scan(data)
            whole = int(starts[-1])
            if not sound or (not come and whole < len(data)):
                # The reader of single drawings knows words for what this one stopped at.
                collections.deque(read_binary(source.path, source.label), maxlen=0)
            labels = np.full(len(starts) - 1, source.label, np.uint16)
            rows = PackedDrawings(labels, *_rows(data, starts))
            recognised = data[starts[:-1] + _RECOGNISED] == 1
            before, rest = before + whole, data[whole:].tobytes()
            yield Block(rows.take(np.flatnonzero(recognised)), int((~recognised).sum()), before)


@numba.njit(cache=True, nogil=True)
def _scan(data: NDArray[np.uint8]) -> tuple[NDArray[np.int64], bool]:
    """Where whole drawings of the binary form start, and the last ends; and whether all can be."""
    starts = np.empty(len(data) // 17 + 2, np.int64)
    count, at = 0, 0
    starts[0] = 0
    while at + 17 <= len(data):
        strokes = int(data[at + 15]) | int(data[at + 16]) << 8
        if data[at + 10] > 1 or not 0 < strokes <= MOST_STROKES:
            return starts[: count + 1], False
        end, points = at + 17, 0
        for _ in range(strokes):
            if end + 2 > len(data):
                return starts[: count + 1], True
            length = int(data[end]) | int(data[end + 1]) << 8
            points += length
            end += 2 + 2 * length
            if points > MOST_POINTS:
                return starts[: count + 1], False
        if end > len(data):
            break
        if not points:
            return starts[: count + 1], False
        count += 1
        starts[count] = at = end
    return starts[: count + 1], True


@numba.njit(cache=True, nogil=True)
def _rows(
    data: NDArray[np.uint8], starts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Drawings without their heads: where each row begins, and the rows."""
    placed = starts - 15 * np.arange(len(starts))
    content = np.empty(placed[-1], np.uint8)
    for row in range(len(starts) - 1):
        content[placed[row] : placed[row + 1]] = data[starts[row] + 15 : starts[row + 1]]
    return placed, content
