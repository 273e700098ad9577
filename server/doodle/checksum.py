"""Checksums that Google Cloud Storage tells of its objects: MD5, or CRC-32C where there is none."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable
from typing import Protocol

import numpy as np
from numba import njit
from numpy.typing import NDArray

_POLYNOMIAL = 0x82F63B78
"""Of Castagnoli, bits reversed (RFC 3720, appendix B.4)."""


class Checksum(Protocol):
    """A checksum of bytes that come piece by piece."""

    def update(self, data: bytes) -> None:
        """Take the next bytes."""

    def digest(self) -> bytes:
        """The checksum of all bytes so far."""


class Crc32c:
    """CRC-32C, four bytes, big endian as Google Cloud Storage writes it."""

    def __init__(self) -> None:
        self._state = np.uint32(0xFFFFFFFF)

    def update(self, data: bytes) -> None:
        """Take the next bytes."""
        self._state = _crc32c(self._state, np.frombuffer(data, np.uint8), _TABLE)

    def digest(self) -> bytes:
        """The checksum of all bytes so far."""
        return (int(self._state) ^ 0xFFFFFFFF).to_bytes(4, "big")


def _md5() -> Checksum:
    return hashlib.md5(usedforsecurity=False)


_KINDS: tuple[tuple[str, int, Callable[[], Checksum]], ...] = (
    ("md5", 16, _md5),
    ("crc32c", 4, Crc32c),
)


def told_checksum(headers: Iterable[str]) -> tuple[str, bytes, Checksum] | None:
    """The best checksum that ``x-goog-hash`` headers tell: its name, its value and a new counter.

    Objects that were composed of parts have a CRC-32C only. None where none is told, or none that
    can be read.
    """
    told = dict(
        part.strip().partition("=")[::2] for header in headers for part in header.split(",")
    )
    for name, size, new in _KINDS:
        try:
            value = base64.b64decode(told.get(name, ""), validate=True)
        except binascii.Error:
            continue
        if len(value) == size:
            return name, value, new()
    return None


def _table() -> NDArray[np.uint32]:
    rest = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        rest = np.where(rest & 1, (rest >> 1) ^ np.uint32(_POLYNOMIAL), rest >> 1)
    return rest.astype(np.uint32)


_TABLE = _table()


@njit(cache=True)
def _crc32c(state: np.uint32, data: NDArray[np.uint8], table: NDArray[np.uint32]) -> np.uint32:
    for byte in data:
        state = table[(state ^ byte) & 0xFF] ^ (state >> 8)
    return state
