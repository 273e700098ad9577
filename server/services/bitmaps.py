"""Ready bitmaps: a drawing as the network sees it, taken as it is."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from server.doodle.raster import SIDE
from server.errors import InvalidInput
from server.schemas.preprocessing import Preprocessing, Step
from server.services.inputs import NetworkInput

PIXELS = SIDE * SIDE
INK = 255
"""The highest level; paper is 0."""


def read_bitmap(levels: Any, pointer: str) -> NDArray[np.uint8]:
    """A bitmap from JSON: uint8 (28, 28), ink 255 on 0.

    Args:
        levels: 784 whole numbers from 0 to 255, row by row, or 28 rows of 28 of them.
        pointer: where they stand in the request.

    Raises:
        InvalidInput: anything else; the pointer says where.
    """
    if not isinstance(levels, list):
        raise InvalidInput(
            f"A bitmap is a list of {PIXELS} levels, row by row, or of {SIDE} rows of {SIDE}.",
            pointer=pointer,
            value=levels,
        )
    if levels and isinstance(levels[0], list):
        _check_length(levels, SIDE, "rows", pointer)
        for number, row in enumerate(levels):
            _check_row(row, SIDE, f"{pointer}/{number}")
    else:
        _check_row(levels, PIXELS, pointer)
    return np.array(levels, dtype=np.uint8).reshape(SIDE, SIDE)


def as_input(image: NDArray[np.uint8]) -> NetworkInput:
    """A bitmap (28, 28) as the input of a model of doodles."""
    step = Step(name="bitmap", detail=f"{SIDE}x{SIDE} levels, ink {INK} on 0, taken as they are.")
    key = hashlib.sha256(b"bitmap" + image.tobytes()).digest()
    return NetworkInput(image, Preprocessing(source="bitmap", steps=[step]), key)


def _check_row(row: Any, length: int, pointer: str) -> None:
    if not isinstance(row, list):
        raise InvalidInput("All rows of a bitmap are lists of levels.", pointer=pointer, value=row)
    _check_length(row, length, "levels", pointer)
    for number, level in enumerate(row):
        # Python's own bool is an int.
        if type(level) is not int or not 0 <= level <= INK:
            raise InvalidInput(
                f"A level is a whole number from 0 (paper) to {INK} (ink).",
                pointer=f"{pointer}/{number}",
                value=level,
            )


def _check_length(found: list[Any], length: int, what: str, pointer: str) -> None:
    if len(found) != length:
        raise InvalidInput(
            f"{len(found)} {what} stand here; {length} are needed: a bitmap is {PIXELS} levels, "
            f"row by row, or {SIDE} rows of {SIDE}.",
            pointer=pointer,
            value=len(found),
        )
