"""Confidence intervals, against figures that others published and against simulation."""

import numpy as np
import pytest

from server.evaluation.intervals import bootstrap, wilson


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    # Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I, method 3.
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_is_as_published(successes: int, trials: int, low: float, high: float) -> None:
    interval = wilson(successes, trials)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=6e-5)


def test_bootstrap_of_a_mean_is_close_to_the_normal_one() -> None:
    scores = np.random.default_rng(1).normal(3, 2, size=4_000)
    interval = bootstrap(scores)
    reach = 1.96 * scores.std() / np.sqrt(len(scores))
    assert interval.low == pytest.approx(scores.mean() - reach, abs=0.1 * reach)
    assert interval.high == pytest.approx(scores.mean() + reach, abs=0.1 * reach)
    assert bootstrap(scores) == interval


def test_nothing_has_no_interval() -> None:
    with pytest.raises(ValueError, match="nothing"):
        wilson(0, 0)
    with pytest.raises(ValueError, match="nothing"):
        bootstrap(np.zeros(0))
