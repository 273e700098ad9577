"""The likeliest categories of one row of logits, compiled: predictions are made of little else."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

_LOG2_E = 1 / math.log(2)
_LN2_HIGH = 0.693145751953125  # its last bits are zeros, so that a whole number times it is exact
_LN2_LOW = 1.42860682030941723212e-6
_TAYLOR = tuple(1 / math.factorial(number) for number in range(13))
_LEAST_EXPONENT = np.float64(-700)
"""exp of less is nothing beside 1, and would be no normal number."""


@numba.njit(cache=True, nogil=True)
def likeliest(
    logits: NDArray[np.float32], count: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The ``count`` greatest logits, the greatest first; equal ones in their own order.

    Args:
        logits: (K,); NaN is greater than nothing.
        count: of those to give, at least 1; at most K are.

    Returns:
        Their indices int64 (count,), and their probabilities float64 (count,): softmax over all K.
    """
    count = min(count, len(logits))
    best = np.empty(count, dtype=np.int64)
    found = 0
    least = logits[0]
    for index in range(len(logits)):
        value = logits[index]
        if found == count:
            if not value > least:
                continue
            place = count - 1
        else:
            place = found
            found += 1
        while place > 0 and value > logits[best[place - 1]]:
            best[place] = best[place - 1]
            place -= 1
        best[place] = index
        if found == count:
            least = logits[best[count - 1]]
    greatest = np.float64(logits[best[0]])
    total = _sum_of_powers(logits, greatest)
    probabilities = np.empty(count, dtype=np.float64)
    for place in range(count):
        probabilities[place] = math.exp(np.float64(logits[best[place]]) - greatest) / total
    return best, probabilities


# Sums may be taken in another order, so that several are taken at once.
@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"}, error_model="numpy")
def _sum_of_powers(logits: NDArray[np.float32], greatest: float) -> np.float64:
    """The sum of exp(logits - greatest), to 14 digits; NaN where one of them is.

    Several at once, where a call of the library's exp takes one: exp(x) is 2^k exp(r), where k is
    a whole number and r is small enough for a polynomial (Muller, "Elementary Functions", 3rd
    edition, 2016, chapter 11; the logarithm of 2 is in two parts so that r is exact).
    """
    powers = np.empty(len(logits), dtype=np.float64)
    bits = np.empty(len(logits), dtype=np.int64)
    for index in range(len(logits)):
        x = np.float64(logits[index]) - greatest
        x = _LEAST_EXPONENT if x < _LEAST_EXPONENT else x
        k = np.floor(x * _LOG2_E + 0.5)
        r = (x - k * _LN2_HIGH) - k * _LN2_LOW
        # Horner's rule, for Taylor's series up to r^12: |r| <= 0.35, and what is left is 2e-16.
        power = _TAYLOR[12]
        power = power * r + _TAYLOR[11]
        power = power * r + _TAYLOR[10]
        power = power * r + _TAYLOR[9]
        power = power * r + _TAYLOR[8]
        power = power * r + _TAYLOR[7]
        power = power * r + _TAYLOR[6]
        power = power * r + _TAYLOR[5]
        power = power * r + _TAYLOR[4]
        power = power * r + _TAYLOR[3]
        power = power * r + 0.5
        power = power * r + 1.0
        power = power * r + 1.0
        powers[index] = power
        bits[index] = (np.int64(k) + 1023) << 52
    scale = bits.view(np.float64)
    total = np.float64(0)
    for index in range(len(logits)):
        total += powers[index] * scale[index]
    return total


def ranked(logits: NDArray[Any], count: int) -> tuple[list[int], list[float]]:
    """As ``likeliest``, in lists; of many, by sorting: one by one they would be compared."""
    if count > _SORTED_FROM:
        best = np.argsort(-logits, kind="stable")[:count]
        powers = np.exp(logits.astype(np.float64) - logits.max())
        return best.tolist(), (powers[best] / powers.sum()).tolist()
    indices, probabilities = likeliest(logits, count)
    return indices.tolist(), probabilities.tolist()


_SORTED_FROM = 32
