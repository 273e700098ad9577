"""What is no doodle of any category, scribbles, and how well they are told from doodles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from server.doodle.strokes import Drawing

SCRIBBLES = 1_000


def scribble(random: np.random.Generator) -> Drawing:
    """A pen that wanders: one to five strokes whose direction drifts, in a box of any shape."""
    strokes = []
    for _ in range(random.integers(1, 6)):
        turns = random.normal(0, random.uniform(0.1, 0.8), size=random.integers(5, 40))
        direction = random.uniform(0, 2 * np.pi) + np.cumsum(turns)
        steps = random.uniform(2, 25) * np.stack([np.cos(direction), np.sin(direction)], axis=1)
        strokes.append(random.uniform(0, 255, size=2) + np.cumsum(steps, axis=0))
    return Drawing(tuple(strokes))


def scribbles(count: int = SCRIBBLES, seed: int = 0) -> list[Drawing]:
    """So many of them, always the same for a seed."""
    random = np.random.default_rng(seed)
    return [scribble(random) for _ in range(count)]


def auroc(known: NDArray[np.float64], unknown: NDArray[np.float64]) -> float:
    """The probability that a known drawing has a higher score than an unknown one; ties half.

    The area under the receiver operating characteristic, by ranks (Mann and Whitney, 1947).

    Args:
        known: scores (N,) of drawings that should be known.
        unknown: scores (M,) of what should not.

    Raises:
        ValueError: one of them is empty.
    """
    if not len(known) or not len(unknown):
        raise ValueError("There is nothing to tell apart.")
    ordered = np.sort(unknown)
    below = np.searchsorted(ordered, known, side="left")
    equal = np.searchsorted(ordered, known, side="right") - below
    return float((below + equal / 2).mean() / len(unknown))
