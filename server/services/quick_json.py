"""Lists of numbers in JSON, read straight into arrays: compiled, without an object for each number.

What is not plainly what is looked for is left to a real parser, which takes all of JSON.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

_COMMA, _MINUS, _POINT, _OPEN, _CLOSE = (ord(each) for each in ",-.[]")
_ZERO, _NINE = ord("0"), ord("9")
_DIGITS = 15
"""So many digits, and powers of ten, a float64 holds exactly; one division of them is rounded as
the number itself is (Clinger, "How to Read Floating Point Numbers Accurately", 1990)."""
_POWERS = 10.0 ** np.arange(_DIGITS + 1)


@numba.njit(cache=True, nogil=True)
def read_levels(text: NDArray[np.uint8], begin: int, levels: NDArray[np.uint8]) -> int:
    """Read a list of exactly ``len(levels)`` whole numbers from 0 to 255.

    Args:
        text: ASCII or UTF-8 that ends with a zero byte, uint8 (bytes,).
        begin: where the list's bracket stands.
        levels: uint8 (numbers,), is filled.

    Returns:
        Where the list has ended; -1 where there is anything else.
    """
    # Unsigned, so that no index is looked at for being negative, and a digit with one comparison.
    position, one = np.uint64(begin + 1), np.uint64(1)
    ten, greatest = np.uint32(10), np.uint32(255)
    for number in range(len(levels)):
        position = _after_blanks(text, position)
        value = np.uint32(np.uint32(text[position]) - _ZERO)
        if value >= ten:
            return -1
        position += one
        if text[position] != _COMMA:  # most levels are 0
            digit = np.uint32(np.uint32(text[position]) - _ZERO)
            if digit < ten:
                if value == 0:  # JSON has no leading zeros
                    return -1
                value = np.uint32(value * ten + digit)
                position += one
                digit = np.uint32(np.uint32(text[position]) - _ZERO)
                if digit < ten:
                    value = np.uint32(value * ten + digit)
                    position += one
                    if value > greatest:
                        return -1
            position = _after_blanks(text, position)
            if text[position] != _COMMA:
                is_end = text[position] == _CLOSE and number == len(levels) - 1
                levels[number] = value
                return int(np.int64(position + one)) if is_end else -1
        levels[number] = value
        position += one
    return -1


@numba.njit(cache=True, nogil=True, inline="always")
def _after_blanks(text: NDArray[np.uint8], position: np.uint64) -> np.uint64:
    while _is_space(text[position]):
        position += np.uint64(1)
    return position


@numba.njit(cache=True, nogil=True, inline="always")
def _is_space(character: int) -> bool:
    return character <= 32 and (
        character == 32 or character == 10 or character == 13 or character == 9
    )


@numba.njit(cache=True, nogil=True)
def read_strokes(
    text: NDArray[np.uint8],
    begin: int,
    points: NDArray[np.float64],
    starts: NDArray[np.int64],
    most: tuple[int, int, int],
    furthest: float,
) -> tuple[int, int]:
    """Read a list of strokes, each a list of x and a list of y.

    Args:
        text: ASCII or UTF-8, uint8 (bytes,).
        begin: where the list's bracket stands.
        points: float64 (bytes // 4 + 1, 2), is filled with the points of all strokes.
        starts: int64 (bytes // 4 + 2,), is filled with the first point of each stroke that has any,
            and then the number of points.
        most: strokes, points of one, and points of all that are allowed.
        furthest: greatest magnitude of a coordinate.

    Returns:
        Where the list has ended, and the number of strokes with points; -1 and 0 where there is
        anything else.
    """
    position = _after(text, begin, _OPEN)
    strokes = listed = total = 0
    starts[0] = 0
    while position > 0:
        listed += 1
        position = _after(text, position, _OPEN)
        position, across = _read_axis(text, position, points, total, 0, most[1], furthest)
        position = _after(text, position, _COMMA)
        position, down = _read_axis(text, position, points, total, 1, most[1], furthest)
        position = _after(text, position, _CLOSE)
        if position < 0 or across != down or listed > most[0] or total + across > most[2]:
            return -1, 0
        if across > 0:
            total += across
            strokes += 1
            starts[strokes] = total
        position = _after_spaces(text, position)
        if position < len(text) and text[position] == _CLOSE:
            return (position + 1, strokes) if total > 0 else (-1, 0)
        position = _after(text, position, _COMMA)
    return -1, 0


@numba.njit(cache=True, nogil=True)
def _read_axis(
    text: NDArray[np.uint8],
    position: int,
    points: NDArray[np.float64],
    first: int,
    axis: int,
    most: int,
    furthest: float,
) -> tuple[int, int]:
    """Read the coordinates of a stroke along one axis; where they end, and their number."""
    position = _after_spaces(text, _after(text, position, _OPEN))
    size, number = len(text), 0
    if 0 < position < size and text[position] == _CLOSE:
        return position + 1, 0
    while position > 0:
        position, value = _read_number(text, _after_spaces(text, position))
        position = _after_spaces(text, position)
        if not 0 < position < size or number == most or not abs(value) <= furthest:
            break
        points[first + number, axis] = value
        number += 1
        if text[position] == _CLOSE:
            return position + 1, number
        position = _after(text, position, _COMMA)
    return -1, 0


@numba.njit(cache=True, nogil=True)
def _read_number(text: NDArray[np.uint8], position: int) -> tuple[int, float]:
    """Read a number of few digits and no exponent; where it ends, or -1."""
    size = len(text)
    if position < 0:
        return -1, 0.0
    is_negative = position < size and text[position] == _MINUS
    if is_negative:
        position += 1
    first = position
    mantissa = 0
    while position < size and _ZERO <= text[position] <= _NINE and position <= first + _DIGITS:
        mantissa = 10 * mantissa + text[position] - _ZERO
        position += 1
    digits = position - first
    # JSON has no leading zeros.
    if digits == 0 or (digits > 1 and text[first] == _ZERO):
        return -1, 0.0
    decimals = 0
    if position < size and text[position] == _POINT:
        position += 1
        first = position
        while position < size and _ZERO <= text[position] <= _NINE and position <= first + _DIGITS:
            mantissa = 10 * mantissa + text[position] - _ZERO
            position += 1
        decimals = position - first
        if decimals == 0:
            return -1, 0.0
    if digits + decimals > _DIGITS:
        return -1, 0.0
    value = mantissa / _POWERS[decimals]
    return position, -value if is_negative else value


@numba.njit(cache=True, nogil=True)
def _after(text: NDArray[np.uint8], position: int, mark: int) -> int:
    """Where a mark ends that comes next, after spaces; -1: something else comes."""
    if position < 0:
        return -1
    position = _after_spaces(text, position)
    return position + 1 if position < len(text) and text[position] == mark else -1


@numba.njit(cache=True, nogil=True)
def _after_spaces(text: NDArray[np.uint8], position: int) -> int:
    if position < 0:
        return -1
    while position < len(text) and _is_space(text[position]):
        position += 1
    return position
