"""The likeliest categories of one row of logits, compiled: predictions are made of little else."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(cache=True, nogil=True)
def likeliest(
    logits: NDArray[np.float32], count: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The ``count`` greatest logits, the greatest first; equal ones in their own order.

    Args:
        logits: (K,); NaN is greater than nothing.
        count: of those to give; at most K are.

    Returns:
        Their indices int64 (count,), and their probabilities float64 (count,): softmax over all K.
    """
    count = min(count, len(logits))
    best = np.empty(count, dtype=np.int64)
    found = 0
    greatest = -np.inf
    for index in range(len(logits)):
        value = logits[index]
        greatest = max(greatest, value)
        if found == count and not value > logits[best[count - 1]]:
            continue
        place = found if found < count else count - 1
        while place > 0 and value > logits[best[place - 1]]:
            best[place] = best[place - 1]
            place -= 1
        best[place] = index
        found = min(found + 1, count)
    total = 0.0
    for index in range(len(logits)):
        total += math.exp(np.float64(logits[index]) - greatest)
    probabilities = np.empty(count, dtype=np.float64)
    for place in range(count):
        probabilities[place] = math.exp(np.float64(logits[best[place]]) - greatest) / total
    return best, probabilities


def ranked(logits: NDArray[Any], count: int) -> tuple[list[int], list[float]]:
    """As ``likeliest``, in lists; of many, by sorting: one by one they would be compared."""
    if count > _SORTED_FROM:
        best = np.argsort(-logits, kind="stable")[:count]
        powers = np.exp(logits.astype(np.float64) - logits.max())
        return best.tolist(), (powers[best] / powers.sum()).tolist()
    indices, probabilities = likeliest(logits, count)
    return indices.tolist(), probabilities.tolist()


_SORTED_FROM = 32
