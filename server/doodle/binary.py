"""The data set's binary form: drawings one after the other, little endian.

A drawing is its key (uint64), a country (2 bytes), whether it was recognised (int8), seconds since
1970 (uint32) and the number of strokes (uint16); a stroke the number of its points (uint16), all x
(uint8 each) and all y.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from server.doodle.quickdraw import InvalidDataFile, Record
from server.doodle.strokes import Drawing, InvalidDrawing, Stroke

_HEAD = struct.Struct("<Q2sbIH")
_COUNT = struct.Struct("<H")
MOST_STROKES = 10_000
MOST_POINTS = 200_000
"""More than any drawing has: what says so is no drawing, and memory stays bounded."""


def read_binary(path: Path, label: int) -> Iterator[Record]:
    """Yield the drawings of a ``.bin`` file, whose category its name says and not its content.

    Raises:
        InvalidDataFile: it ends in the middle of a drawing, or has one that cannot be; the message
            says which and where.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        number = 0
        while file.peek(1):
            number += 1
            start = file.tell()
            try:
                yield _drawing(file, label)
            except (EOFError, InvalidDrawing) as error:
                raise InvalidDataFile(
                    f"{path.name}, drawing {number}, from byte {start}: {error}"
                ) from error


def _drawing(file: BinaryIO, label: int) -> Record:
    key, _, recognized, _, strokes = _HEAD.unpack(_exactly(file, _HEAD.size))
    if recognized not in (0, 1):
        raise InvalidDrawing(f"it is neither recognised (1) nor not (0), but {recognized}.")
    if not 0 < strokes <= MOST_STROKES:
        raise InvalidDrawing(f"it has {strokes} strokes; 1 to {MOST_STROKES} are allowed.")
    found: list[Stroke] = []
    points = 0
    for _ in range(strokes):
        (count,) = _COUNT.unpack(_exactly(file, _COUNT.size))
        points += count
        if points > MOST_POINTS:
            raise InvalidDrawing(f"it has more than {MOST_POINTS} points.")
        values = np.frombuffer(_exactly(file, 2 * count), np.uint8)
        if count:
            found.append(values.reshape(2, count).T.astype(np.float64))
    if not found:
        raise InvalidDrawing("it has no points.")
    return Record(label, Drawing(tuple(found)), bool(recognized), key)


def _exactly(file: BinaryIO, count: int) -> bytes:
    read = file.read(count)
    if len(read) < count:
        raise EOFError("the file ends in the middle of it.")
    return read
