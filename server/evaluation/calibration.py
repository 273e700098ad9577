"""Whether probabilities mean what they say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

BINS = 15
"""Of equal width, as in Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks",
ICML 2017, section 2."""


@dataclass(frozen=True)
class Bin:
    """The drawings whose best guess has a probability between ``low`` and ``high``."""

    low: float
    high: float
    n: int
    confidence: float | None
    """Mean probability of their best guesses; None where there are none."""
    accuracy: float | None
    """Share of these guesses that are right."""


@dataclass(frozen=True)
class Calibration:
    """The reliability diagram of a classifier, and its expected calibration error in 0..1."""

    error: float
    confidence: float
    """Mean probability of all best guesses."""
    bins: list[Bin]


def calibration_of(logits: Tensor, labels: Tensor, bins: int = BINS) -> Calibration:
    """Judge the probabilities of best guesses.

    The error is the mean over drawings of how far the accuracy of a drawing's bin lies from its
    mean confidence (Guo et al., 2017, equation 3).

    Args:
        logits: (N, categories).
        labels: int64 (N,).
        bins: so many, of equal width.

    Raises:
        ValueError: no drawings.
    """
    if not len(labels):
        raise ValueError("There are no drawings to judge by.")
    confidences, guesses = logits.double().softmax(dim=1).max(dim=1)
    right = (guesses == labels).double().numpy()
    sure = confidences.numpy()
    # A bin holds its upper end, as in the paper: the first one 0 as well.
    places = np.clip(np.ceil(sure * bins).astype(np.int64) - 1, 0, bins - 1)
    found: list[Bin] = []
    error = 0.0
    for place in range(bins):
        members = places == place
        n = int(members.sum())
        confidence = float(sure[members].mean()) if n else None
        accuracy = float(right[members].mean()) if n else None
        found.append(Bin(place / bins, (place + 1) / bins, n, confidence, accuracy))
        if confidence is not None and accuracy is not None:
            error += n / len(sure) * abs(accuracy - confidence)
    return Calibration(error, float(sure.mean()), found)
