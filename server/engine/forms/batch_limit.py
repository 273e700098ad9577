"""How many images a batch should have on a device that computes many at once."""

from __future__ import annotations

import statistics
from collections.abc import Callable

import torch

ROUNDS = 5

GAIN = 1.1
"""Batches of twice the size pay where they give so many times the images a second."""


def paying_batch(
    run: Callable[[int], object], least: int, most: int, clock: Callable[[], float]
) -> int:
    """The largest batch that pays: doubled from ``least`` as long as images a second grow by 10 %.

    Args:
        run: runs a batch of that many images, and waits for its end.
        least: images; the answer is at least this.
        most: images; the answer is at most this.
        clock: seconds.
    """
    size, rate = least, _rate(run, least, clock)
    while size * 2 <= most:
        try:
            doubled = _rate(run, size * 2, clock)
        except torch.OutOfMemoryError:
            break
        if doubled < rate * GAIN:
            break
        size, rate = size * 2, doubled
    return size


def _rate(run: Callable[[int], object], images: int, clock: Callable[[], float]) -> float:
    """Images a second, the median over some rounds after one that does not count."""
    run(images)
    seconds = []
    for _ in range(ROUNDS):
        begun = clock()
        run(images)
        seconds.append(clock() - begun)
    return images / max(statistics.median(seconds), 1e-9)
