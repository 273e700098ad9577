"""Which drawings of a long file are held out: chosen by their content, in one pass."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from server.doodle.packed import PackedDrawings, mixed

LEAST = 2
SHARE = 0.1
"""At least 2 drawings of a category and at most a tenth are held out, and no more than wanted."""


class HeldOut:
    """Holds those drawings of one category out whose numbers are the smallest.

    A drawing's number is drawn from the seed and its content, so that the choice depends neither on
    the order nor on the form of the file, and equal drawings are on the same side. No more
    drawings are kept at a time than may be held out, and a block.
    """

    def __init__(self, seed: int, most: int) -> None:
        """Args:
        seed: decides which.
        most: at most so many are held out.
        """
        self._seed = seed
        self._most = most
        self._count = 0
        self._kept = PackedDrawings.joined([])
        self._numbers: NDArray[np.uint64] = np.empty(0, np.uint64)

    def add(self, block: PackedDrawings) -> PackedDrawings:
        """Take a block of drawings; returns those that are certain not to be held out."""
        self._count += len(block)
        self._kept = PackedDrawings.joined([self._kept, block])
        self._numbers = np.concatenate([self._numbers, _drawn(block.digests(), self._seed)])
        return self._release(self._most)

    def finish(self) -> tuple[PackedDrawings, PackedDrawings]:
        """The drawings held out, in the order of their numbers, and the others that were kept."""
        share = max(LEAST, round(SHARE * self._count))
        others = self._release(min(share, self._most, self._count // 2))
        return self._kept.take(np.argsort(self._numbers, kind="stable")), others

    def _release(self, most: int) -> PackedDrawings:
        if len(self._numbers) <= most:
            return PackedDrawings.joined([])
        limit = np.partition(self._numbers, most)[most]
        below = self._numbers < limit
        released = self._kept.take(np.flatnonzero(~below))
        self._kept = self._kept.take(np.flatnonzero(below))
        self._numbers = self._numbers[below]
        return released


@numba.njit(cache=True, nogil=True)
def _drawn(digests: NDArray[np.uint64], seed: int) -> NDArray[np.uint64]:
    drawn = np.empty_like(digests)
    key = mixed(np.uint64(seed) + np.uint64(0x9E3779B97F4A7C15))
    for index in range(len(digests)):
        drawn[index] = mixed(digests[index] ^ key)
    return drawn
