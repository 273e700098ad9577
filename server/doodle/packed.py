"""Many drawings as plain bytes, about a hundred each, from which any can be taken at once.

A drawing is a row, of the form that the data set's binary files have behind their heads, little
endian: the number of strokes (uint16), and for each stroke the number of its points (uint16), all x
(uint8 each) and all y. No strokes (0) stands for a bitmap: 28 * 28 pixels follow.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from server.doodle.raster import DRAWING_SIDE, SIDE, SMALLEST_SIDE, render_normalised
from server.doodle.strokes import Drawing, InvalidDrawing, Stroke

COUNT = struct.Struct("<H")
MOST = 2**16 - 1
"""So many strokes a drawing and points a stroke there is room for in a row."""
PIXELS = SIDE * SIDE
FRAME = struct.Struct("<HI")
"""What stands before a row in a file of rows: its label and its length in bytes."""


@dataclass(frozen=True)
class Strokes:
    """Drawings as flat arrays, as compiled code reads them.

    Attributes:
        points: float32 (points, 2), all drawings one after the other, in 0..255.
        stroke_starts: int64 (strokes + 1,), index of each stroke's first point.
        drawing_starts: int64 (drawings + 1,), index of each drawing's first stroke.
    """

    points: NDArray[np.float32]
    stroke_starts: NDArray[np.int64]
    drawing_starts: NDArray[np.int64]


@dataclass(frozen=True)
class PackedDrawings:
    """Rows and their labels.

    Attributes:
        labels: uint16 (N,).
        starts: int64 (N + 1,), where each row begins, and the end.
        content: uint8, all rows one after the other.
    """

    labels: NDArray[np.uint16]
    starts: NDArray[np.int64]
    content: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def from_rows(cls, rows: Sequence[bytes], labels: Sequence[int]) -> PackedDrawings:
        """Join rows."""
        starts = np.cumsum([0, *map(len, rows)], dtype=np.int64)
        return cls(np.asarray(labels, np.uint16), starts, np.frombuffer(b"".join(rows), np.uint8))

    @classmethod
    def joined(cls, parts: Sequence[PackedDrawings]) -> PackedDrawings:
        """All drawings of several, in order."""
        lengths = [np.diff(part.starts) for part in parts]
        return cls(
            np.concatenate([np.empty(0, np.uint16), *(part.labels for part in parts)]),
            np.concatenate([[0], *lengths]).cumsum().astype(np.int64),
            np.concatenate([np.empty(0, np.uint8), *(part.content for part in parts)]),
        )

    def take(self, chosen: NDArray[np.int64]) -> PackedDrawings:
        """Some of the drawings, in the order in which they are named."""
        starts, content = _take(self.starts, self.content, chosen)
        return PackedDrawings(self.labels[chosen], starts, content)

    def are_bitmaps(self, chosen: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of these are bitmaps and not strokes."""
        at = self.starts[chosen]
        found: NDArray[np.bool_] = (self.content[at] == 0) & (self.content[at + 1] == 0)
        return found

    def bitmaps(self, chosen: NDArray[np.int64]) -> NDArray[np.uint8]:
        """The images (chosen, 28, 28) of drawings that are bitmaps, ink 255 on 0."""
        at = self.starts[chosen][:, None] + COUNT.size + np.arange(PIXELS)
        images: NDArray[np.uint8] = self.content[at].reshape(-1, SIDE, SIDE)
        return images

    def strokes(self, chosen: NDArray[np.int64]) -> Strokes:
        """The strokes of drawings that are no bitmaps; strokes without points are dropped."""
        return Strokes(*_unpack(self.starts, self.content, chosen))

    def images(self) -> NDArray[np.uint8]:
        """All drawings as the network sees them, (N, 28, 28), ink 255 on 0."""
        everything = np.arange(len(self))
        bitmaps = self.are_bitmaps(everything)
        images = np.empty((len(self), SIDE, SIDE), np.uint8)
        images[bitmaps] = self.bitmaps(everything[bitmaps])
        drawn = self.strokes(everything[~bitmaps])
        images[~bitmaps] = _render(drawn.points, drawn.stroke_starts, drawn.drawing_starts)
        return images

    def digests(self) -> NDArray[np.uint64]:
        """A number of each drawing that only its content decides: uint64 (N,)."""
        return _digests(self.starts, self.content)

    def framed(self, order: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Rows as a file has them, each behind its label and length; and where each begins."""
        return _framed(self.labels, self.starts, self.content, order)

    @classmethod
    def unframed(cls, data: NDArray[np.uint8]) -> PackedDrawings:
        """Read what ``framed`` made.

        Raises:
            ValueError: it ends in the middle of a drawing.
        """
        count = _count_frames(data)
        if count < 0:
            raise ValueError("it ends in the middle of a drawing")
        return cls(*_unframed(data, count))


def packed_row(drawing: Drawing) -> bytes:
    """A drawing as a row.

    Integers in 0..255 stay as they are; others are moved and scaled to that, the longer side to
    255, and rounded, and a point that then lies where the one before it does is dropped.

    Raises:
        InvalidDrawing: it has more strokes than there is room for.
    """
    if len(drawing.strokes) > MOST:
        raise InvalidDrawing(f"it has {len(drawing.strokes)} strokes; {MOST} at most are allowed.")
    rows = [COUNT.pack(0)]
    strokes = 0
    for stroke in _in_bytes(drawing):
        for start in range(0, len(stroke), MOST - 1):  # hardly ever more than one part
            part = stroke[start : start + MOST]
            rows.append(COUNT.pack(len(part)) + part[:, 0].tobytes() + part[:, 1].tobytes())
            strokes += 1
    rows[0] = COUNT.pack(strokes)
    return b"".join(rows)


def packed_bitmaps(images: NDArray[np.uint8], label: int) -> PackedDrawings:
    """Images (N, 28, 28) of one category as rows."""
    content = np.zeros((len(images), COUNT.size + PIXELS), np.uint8)
    content[:, COUNT.size :] = images.reshape(len(images), PIXELS)
    starts = np.arange(len(images) + 1, dtype=np.int64) * content.shape[1]
    return PackedDrawings(np.full(len(images), label, np.uint16), starts, content.reshape(-1))


def _in_bytes(drawing: Drawing) -> list[NDArray[np.uint8]]:
    points: Stroke = np.concatenate(drawing.strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    if low.min() >= 0 and high.max() <= DRAWING_SIDE and (points == np.floor(points)).all():
        return [stroke.astype(np.uint8) for stroke in drawing.strokes]
    side = float((high - low).max())
    scale = DRAWING_SIDE / side if side > SMALLEST_SIDE else 1.0
    rounded = [
        np.clip(np.rint((stroke - low) * scale), 0, DRAWING_SIDE).astype(np.uint8)
        for stroke in drawing.strokes
    ]
    moved = [np.append(True, (np.diff(stroke, axis=0) != 0).any(axis=1)) for stroke in rounded]
    return [stroke[kept] for stroke, kept in zip(rounded, moved, strict=True)]


@numba.njit(cache=True, nogil=True)
def _take(
    starts: NDArray[np.int64], content: NDArray[np.uint8], chosen: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    placed = np.zeros(len(chosen) + 1, np.int64)
    for index in range(len(chosen)):
        row = chosen[index]
        placed[index + 1] = placed[index] + starts[row + 1] - starts[row]
    taken = np.empty(placed[-1], np.uint8)
    for index in range(len(chosen)):
        row = chosen[index]
        taken[placed[index] : placed[index + 1]] = content[starts[row] : starts[row + 1]]
    return placed, taken


@numba.njit(cache=True, nogil=True)
def _number(content: NDArray[np.uint8], at: int) -> int:
    return int(content[at]) | int(content[at + 1]) << 8


@numba.njit(cache=True, nogil=True)
def _unpack(
    starts: NDArray[np.int64], content: NDArray[np.uint8], chosen: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    strokes, total = 0, 0
    for row in chosen:
        at = starts[row] + 2
        for _ in range(_number(content, starts[row])):
            count = _number(content, at)
            at += 2 + 2 * count
            total += count
            strokes += 1 if count else 0
    points = np.empty((total, 2), np.float32)
    stroke_starts = np.zeros(strokes + 1, np.int64)
    drawing_starts = np.zeros(len(chosen) + 1, np.int64)
    stroke, point = 0, 0
    for index in range(len(chosen)):
        at = starts[chosen[index]] + 2
        for _ in range(_number(content, at - 2)):
            count = _number(content, at)
            at += 2
            for offset in range(count):
                points[point, 0] = content[at + offset]
                points[point, 1] = content[at + count + offset]
                point += 1
            at += 2 * count
            if count:
                stroke += 1
                stroke_starts[stroke] = point
        drawing_starts[index + 1] = stroke
    return points, stroke_starts, drawing_starts


@numba.njit(cache=True, nogil=True)
def _render(
    points: NDArray[np.float32],
    stroke_starts: NDArray[np.int64],
    drawing_starts: NDArray[np.int64],
) -> NDArray[np.uint8]:
    images = np.empty((len(drawing_starts) - 1, SIDE, SIDE), np.uint8)
    for index in range(len(images)):
        starts = stroke_starts[drawing_starts[index] : drawing_starts[index + 1] + 1]
        placed = points[starts[0] : starts[-1]].astype(np.float64)
        images[index] = render_normalised(placed, starts - starts[0])
    return images


@numba.njit(cache=True, nogil=True)
def _digests(starts: NDArray[np.int64], content: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """FNV-1a of 64 bits (draft-eastlake-fnv), mixed, since a short row's high bits hardly move."""
    found = np.empty(len(starts) - 1, np.uint64)
    for row in range(len(found)):
        state = np.uint64(0xCBF29CE484222325)
        for byte in content[starts[row] : starts[row + 1]]:
            state = (state ^ np.uint64(byte)) * np.uint64(0x100000001B3)
        found[row] = mixed(state)
    return found


@numba.njit(cache=True, nogil=True)
def mixed(value: np.uint64) -> np.uint64:
    """Spread a number over all 64 bits, one to one (the finaliser of SplitMix64)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@numba.njit(cache=True, nogil=True)
def _framed(
    labels: NDArray[np.uint16],
    starts: NDArray[np.int64],
    content: NDArray[np.uint8],
    order: NDArray[np.int64],
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    placed = np.zeros(len(order) + 1, np.int64)
    for index in range(len(order)):
        row = order[index]
        placed[index + 1] = placed[index] + 6 + starts[row + 1] - starts[row]
    data = np.empty(placed[-1], np.uint8)
    for index in range(len(order)):
        row, at = order[index], placed[index]
        label, length = int(labels[row]), starts[row + 1] - starts[row]
        for byte in range(2):
            data[at + byte] = label >> 8 * byte & 255
        for byte in range(4):
            data[at + 2 + byte] = length >> 8 * byte & 255
        data[at + 6 : placed[index + 1]] = content[starts[row] : starts[row + 1]]
    return data, placed


@numba.njit(cache=True, nogil=True)
def _length(data: NDArray[np.uint8], at: int) -> int:
    return _number(data, at + 2) | _number(data, at + 4) << 16


@numba.njit(cache=True, nogil=True)
def _count_frames(data: NDArray[np.uint8]) -> int:
    at, count = 0, 0
    while at < len(data):
        at = at + 6 + _length(data, at) if at + 6 <= len(data) else len(data) + 1
        count += 1
    return count if at == len(data) else -1


@numba.njit(cache=True, nogil=True)
def _unframed(
    data: NDArray[np.uint8], count: int
) -> tuple[NDArray[np.uint16], NDArray[np.int64], NDArray[np.uint8]]:
    labels = np.empty(count, np.uint16)
    starts = np.zeros(count + 1, np.int64)
    content = np.empty(len(data) - 6 * count, np.uint8)
    at = 0
    for row in range(count):
        length = _length(data, at)
        labels[row] = _number(data, at)
        starts[row + 1] = starts[row] + length
        content[starts[row] : starts[row + 1]] = data[at + 6 : at + 6 + length]
        at += 6 + length
    return labels, starts, content
