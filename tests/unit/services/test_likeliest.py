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
