"""What the values of a layer's channels are like: extremes, means, zeros, and how they spread."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from server.engine.encode import LayerRange, Maps

Values = NDArray[np.floating]
"""Floating-point values of any shape."""


@dataclass(frozen=True)
class ChannelStatistics:
    """One number for each channel of maps (C, H, W); of the finite values where not said otherwise.

    A channel without any finite value has a mean of NaN, and 0 for the extremes.
    """

    minimum: NDArray[np.float32]
    maximum: NDArray[np.float32]
    mean: NDArray[np.float64]
    zero_fraction: NDArray[np.float64]
    """Share of all values that are exactly 0."""
    non_finite: NDArray[np.int64]
    dead: NDArray[np.bool_]
    """Whether every value is exactly 0: after a ReLU, that nothing before it was positive."""
    below: NDArray[np.int64]
    """How many values are below the range that was asked about; negative infinity is."""
    above: NDArray[np.int64]
    """How many are above it; positive infinity is."""


def channel_statistics(
    maps: Maps, extent: LayerRange, low: float = -math.inf, high: float = math.inf
) -> ChannelStatistics:
    """Statistics of every channel.

    Args:
        maps: float32 (C, H, W).
        extent: their ranges, as ``layer_range`` gives them.
        low: values below this are counted in ``below``.
        high: values above this are counted in ``above``.
    """
    flat = maps.reshape(len(maps), -1)
    finite = np.isfinite(flat)
    zeros = np.count_nonzero(flat == 0, axis=1)
    count = np.count_nonzero(finite, axis=1)
    total = np.sum(flat, axis=1, dtype=np.float64, where=finite)
    size = flat.shape[1]
    return ChannelStatistics(
        minimum=extent.channel_minimum,
        maximum=extent.channel_maximum,
        mean=np.divide(total, count, out=np.full(len(flat), np.nan), where=count > 0),
        zero_fraction=zeros / size if size else np.zeros(len(flat)),
        non_finite=size - count,
        dead=(zeros == size) & (size > 0),
        below=np.count_nonzero(flat < np.float64(low), axis=1),
        above=np.count_nonzero(flat > np.float64(high), axis=1),
    )


@dataclass(frozen=True)
class Histogram:
    """How values spread: zeros, and what is not finite, are counted by themselves.

    Many activations are exactly 0 after a ReLU, and in one bin with small values they would hide
    that these are not.
    """

    edges: NDArray[np.float64]
    """(bins + 1,), evenly spaced from the smallest to the largest value counted; all exact.
    Each bin has its lower edge in it, the last one its upper edge, too. Empty without values."""
    counts: NDArray[np.int64]
    """(bins,): finite values other than 0."""
    zeros: int
    not_a_number: int
    infinite: int


def histogram(values: Values, bins: int) -> Histogram:
    """Count values of any shape in evenly spaced bins; one bin where all of them are equal."""
    flat = np.asarray(values, dtype=np.float64).reshape(-1)
    finite = flat[np.isfinite(flat)]
    nonzero = finite[finite != 0]
    if nonzero.size:
        low, high = nonzero.min(), nonzero.max()
        # Equal values, or so close together that edges between them would not differ.
        edges = np.linspace(low, high, bins + 1)
        if not (np.diff(edges) > 0).all():
            edges = np.array([low, high])
            counts = np.array([nonzero.size])
        else:
            counts, _ = np.histogram(nonzero, bins=edges)
    else:
        edges, counts = np.empty(0), np.empty(0, np.int64)
    missing = int(np.count_nonzero(np.isnan(flat)))
    return Histogram(
        edges=edges,
        counts=counts.astype(np.int64),
        zeros=finite.size - nonzero.size,
        not_a_number=missing,
        infinite=flat.size - finite.size - missing,
    )


USUAL = 0.98
"""The share of values within ``usual_bound``."""
SAMPLED = 2**20
"""Of more values than these, ``usual_bound`` looks at some, evenly spaced."""


def usual_bound(values: Values) -> float:
    """How far from 0 all but a fiftieth of the finite values are; 0 where there is none.

    It is the smallest absolute value that at least that share does not exceed.
    """
    flat = values.reshape(-1)
    some = np.abs(flat[:: max(1, flat.size // SAMPLED)].astype(np.float64))
    some = some[np.isfinite(some)]
    if not some.size:
        return 0.0
    place = math.ceil(USUAL * some.size) - 1
    return float(np.partition(some, place)[place])
