"""The likeliest categories are those of a stable sort, with the probabilities of a softmax."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from server.services.likeliest import ranked

logits = st.lists(st.sampled_from([-3.5, -1.0, 0.0, 0.25, 2.0, 80.0, 3e38]), min_size=1)


@given(logits, st.integers(1, 50))
def test_as_torch_has_them(values: list[float], count: int) -> None:
    row = torch.tensor(values, dtype=torch.float32)
    best, probabilities = ranked(row.numpy(), count)
    expected = row.argsort(descending=True, stable=True)[:count]
    assert best == expected.tolist()
    np.testing.assert_allclose(probabilities, row.double().softmax(0)[expected], rtol=1e-12)


@pytest.mark.parametrize("count", [1, 5, 64, 65, 345, 1000])
def test_of_many_categories(count: int) -> None:
    row = torch.randn(345, generator=torch.Generator().manual_seed(0))
    best, probabilities = ranked(row.numpy(), count)
    assert best == row.argsort(descending=True, stable=True)[:count].tolist()
    assert sum(probabilities) <= 1 + 1e-12


@pytest.mark.parametrize("spread", [0.01, 1.0, 30.0, 1000.0])
@given(st.integers(0, 2**32 - 1), st.integers(1, 400))
def test_probabilities_of_any_spread(spread: float, seed: int, count: int) -> None:
    row = np.random.default_rng(seed).normal(0, spread, count).astype(np.float32)
    best, probabilities = ranked(row, 5)
    expected = torch.from_numpy(row).double().softmax(0)[best]
    np.testing.assert_allclose(probabilities, expected, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("where", [slice(1), slice(7, 8), slice(-1, None), slice(340), slice(None)])
def test_what_is_no_number_is_not_hidden(bad: float, where: slice) -> None:
    row = np.random.default_rng(0).normal(0, 3, 345).astype(np.float32)
    row[where] = bad
    best, probabilities = ranked(row, 5)
    expected = torch.from_numpy(row).double().softmax(0)
    if expected.isnan().any():
        assert np.isnan(probabilities).all()
    else:  # minus infinity, of some: they have no probability
        assert best == torch.from_numpy(row).argsort(descending=True, stable=True)[:5].tolist()
        np.testing.assert_allclose(probabilities, expected[best], rtol=1e-12)
