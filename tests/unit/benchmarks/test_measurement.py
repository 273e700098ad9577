from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.load.measurement import percentile

times = st.lists(st.floats(0, 1e4, allow_nan=False), min_size=1, max_size=60)


@given(times, st.floats(0, 1))
def test_percentiles_are_those_of_numpy(values: list[float], share: float) -> None:
    expected = float(np.percentile(values, 100 * share))
    assert abs(percentile(sorted(values), share) - expected) <= 1e-6 * max(1, expected)


def test_of_nothing_it_is_nothing() -> None:
    assert percentile([], 0.5) == 0
