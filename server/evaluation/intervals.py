"""Confidence intervals: how far a figure may be off that was measured on so many drawings."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NORMAL_QUANTILE = 1.959963984540054
"""Of a standard normal variable, 95 % lie within this much of 0."""

RESAMPLES = 2_000


@dataclass(frozen=True)
class Interval:
    """A 95 % confidence interval."""

    low: float
    high: float


def wilson(successes: int, trials: int) -> Interval:
    """The score interval of a share, in 0..1 (Wilson, JASA 22, 1927, pages 209 to 212).

    Raises:
        ValueError: no trials.
    """
    if trials < 1:
        raise ValueError("A share of nothing has no interval.")
    share, square = successes / trials, NORMAL_QUANTILE**2
    centre = share + square / (2 * trials)
    reach = NORMAL_QUANTILE * math.sqrt(
        share * (1 - share) / trials + square / (4 * trials * trials)
    )
    whole = 1 + square / trials
    return Interval(max(0.0, (centre - reach) / whole), min(1.0, (centre + reach) / whole))


def bootstrap(scores: NDArray[np.float64], seed: int = 0) -> Interval:
    """The percentile interval of a mean of scores (N,) (Efron and Tibshirani, 1993, chapter 13).

    Raises:
        ValueError: no scores.
    """
    if not len(scores):
        raise ValueError("A mean of nothing has no interval.")
    random = np.random.default_rng(seed)
    means = np.array(
        [scores[random.integers(len(scores), size=len(scores))].mean() for _ in range(RESAMPLES)]
    )
    low, high = np.quantile(means, [0.025, 0.975])
    return Interval(float(low), float(high))
