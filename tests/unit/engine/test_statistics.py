"""Statistics and histograms, compared with PyTorch's on the same values."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from server.engine.encode import layer_range
from server.engine.statistics import channel_statistics, histogram, usual_bound

MAPS = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 4)),
    elements=st.one_of(
        st.just(0.0), st.floats(-8, 8, width=32), st.sampled_from([np.nan, np.inf, -np.inf])
    ),
)


@given(maps=MAPS, low=st.floats(-4, 0), high=st.floats(0, 4))
def test_every_channel_is_counted_as_pytorch_counts(
    maps: np.ndarray, low: float, high: float
) -> None:
    found = channel_statistics(maps, layer_range(maps), low, high)
    for channel, values in enumerate(torch.from_numpy(maps).flatten(1).double()):
        known = values[values.isfinite()]
        assert found.zero_fraction[channel] == int((values == 0).sum()) / len(values)
        assert found.non_finite[channel] == int((~values.isfinite()).sum())
        assert found.dead[channel] == (not values.any())
        assert found.below[channel] == int((values < low).sum())
        assert found.above[channel] == int((values > high).sum())
        if known.numel():
            assert found.minimum[channel] == known.min()
            assert found.maximum[channel] == known.max()
            assert found.mean[channel] == pytest.approx(float(known.mean()), abs=1e-12)
        else:
            assert np.isnan(found.mean[channel])


@given(maps=MAPS, bins=st.integers(1, 40))
def test_bins_hold_what_pytorch_counts(maps: np.ndarray, bins: int) -> None:
    found = histogram(maps, bins)
    values = torch.from_numpy(maps).flatten().double()
    known = values[values.isfinite()]
    rest = known[known != 0]
    assert found.zeros == len(known) - len(rest)
    assert found.not_a_number == int(values.isnan().sum())
    assert found.infinite == int(values.isinf().sum())
    assert found.counts.sum() == len(rest)
    if len(rest):
        assert (found.edges[0], found.edges[-1]) == (rest.min(), rest.max())
        edges = torch.from_numpy(found.edges)
        if len(edges) > 2 or edges[0] < edges[1]:
            counts, _ = torch.histogram(rest, edges)
            assert counts.long().tolist() == found.counts.tolist()
    else:
        assert len(found.edges) == 0


def test_equal_values_are_one_bin() -> None:
    found = histogram(np.full(7, 2.5, np.float32), 10)
    assert (found.edges.tolist(), found.counts.tolist()) == ([2.5, 2.5], [7])
    close = np.array([1.0, np.nextafter(1.0, 2.0)])
    assert histogram(close, 10).counts.tolist() == [2]


def test_nearly_all_values_are_within_the_usual_bound() -> None:
    values = np.arange(-1000, 1001, dtype=np.float32)
    bound = usual_bound(values)
    assert bound == np.quantile(np.abs(values), 0.98, method="inverted_cdf")
    assert (np.abs(values) > bound).mean() <= 0.02
    assert usual_bound(np.array([np.nan, np.inf, 2.0, -3.0])) == 3
    assert usual_bound(np.array([np.nan])) == 0
