"""Scribbles, and telling them apart."""

import numpy as np
import pytest

from server.evaluation.unknown import auroc, scribbles


def test_scribbles_are_drawings_of_all_kinds_and_always_the_same() -> None:
    some, again = scribbles(50, seed=1), scribbles(50, seed=1)
    assert [each.to_lists() for each in some] == [each.to_lists() for each in again]
    assert {len(each.strokes) for each in some} == {1, 2, 3, 4, 5}
    assert scribbles(2, seed=2)[0].to_lists() != some[0].to_lists()


def test_auroc_counts_pairs() -> None:
    random = np.random.default_rng(0)
    known, unknown = (random.integers(0, top, 40).astype(np.float64) for top in (9, 7))
    pairs = [(a > b) + (a == b) / 2 for a in known for b in unknown]
    assert auroc(known, unknown) == pytest.approx(np.mean(pairs))
    assert auroc(unknown + 100, known) == 1
    with pytest.raises(ValueError, match="nothing"):
        auroc(known, np.zeros(0))
