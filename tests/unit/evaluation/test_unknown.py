"""Telling drawings from scribbles and from categories left out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.unknown import UnknownRule
from server.evaluation.scribbles import KINDS, scribbles
from server.evaluation.unknown import auroc, familiarity, kept_by, left_out, shares_above, told

RULE = UnknownRule("abc", 0.5, np.array([0, 0, 1], np.float32), -1.0, 0.95, 10)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_scribbles_are_always_the_same_and_never_alike(kind) -> None:  # type: ignore[no-untyped-def]
    some, again = ([each.to_lists() for each in scribbles(kind, 20, seed=1)] for _ in range(2))
    assert some == again
    assert len({str(each) for each in some}) == 20
    assert scribbles(kind, 1, seed=2)[0].to_lists() != some[0]
    for each in scribbles(kind, 20, seed=3):
        assert all(np.isfinite(stroke).all() for stroke in each.strokes)
        assert each.box.longer_side > 0


def test_auroc_counts_pairs() -> None:
    random = np.random.default_rng(0)
    known, unknown = (random.integers(0, top, 40).astype(np.float64) for top in (9, 7))
    pairs = [(a > b) + (a == b) / 2 for a in known for b in unknown]
    assert auroc(known, unknown) == pytest.approx(np.mean(pairs))
    assert auroc(unknown + 100, known) == 1
    each = [np.mean((known > b) + (known == b) / 2) for b in unknown]
    assert shares_above(known, unknown) == pytest.approx(each)
    with pytest.raises(ValueError, match="nothing"):
        auroc(known, np.zeros(0))


def test_its_interval_holds_what_is_true() -> None:
    """Of normal scores a standard deviation apart, the AUROC is Phi(1 / sqrt(2)) = 0.7602."""
    inside = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        # Of two logits of which one is 0, the other far greater, the guess is as sure as that is.
        scores = [random.normal(mean, 1, (150, 1)) for mean in (9.0, 8.0)]
        known, unknown = (torch.from_numpy(np.pad(each, ((0, 0), (0, 1)))) for each in scores)
        found = told("", "", known, unknown, None)
        inside += found.interval.low <= 0.7602 <= found.interval.high
        assert found.auroc == pytest.approx(found.by_probability)
        assert found.refused is None
    assert inside >= 50


def test_what_is_a_scribble_by_the_rule_comes_last() -> None:
    known = torch.tensor([[2.0, 0, 0], [3, 0, 0], [0.1, 0, 0]])
    unknown = torch.tensor([[9.0, 0, -2], [0.2, 0, 0]])
    found = told("kind", "detail", known, unknown, RULE)
    assert found.refused == 1
    assert found.auroc == pytest.approx((1 + 2 / 3) / 2)
    assert found.by_probability == pytest.approx((0 + 2 / 3) / 2)
    assert familiarity(unknown, RULE)[0] < 0 < familiarity(unknown, None)[0]
    kept = kept_by(RULE, known, torch.tensor([0, 1, 0]))
    assert kept.right_kept == 0.5
    assert kept.wrong_refused == 0
    assert kept.least_probability == 0.5


def test_categories_left_out_are_told_from_the_others_by_category() -> None:
    logits = torch.tensor([[5.0, 0, 0], [4, 0, 0], [1, 0, 0], [2, 0, 0], [6, 0, 0]])
    found = left_out(logits, [0, 0, 1, 1, 2], [1, 2], None)
    assert found.n == 3
    assert found.auroc == pytest.approx((1 + 1 + 0) / 3)
    assert (found.interval.low, found.interval.high) == (0, 1), "two categories say little"
