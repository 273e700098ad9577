"""The rule of the unknown: what it refuses, how it ranks, and that it is for certain weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from models import load_model, model_names
from models.unknown import UnknownRule, read_rule, unknown_path, write_rule
from server.training.scribbles import scribbles_to_fit


def rule_of(weights: list[float]) -> UnknownRule:
    return UnknownRule(
        version="abc",
        least_probability=0.5,
        weights=np.array(weights, np.float32),
        least_sum=-1.0,
        kept=0.95,
        drawings=100,
    )


def test_it_refuses_what_is_not_sure_enough_and_what_is_a_scribble() -> None:
    rule = rule_of([0.0, 0.0, 1.0])
    sure, unsure = np.array([3.0, 0, 0], np.float32), np.array([0.2, 0, 0], np.float32)
    scribbled = np.array([9.0, 0, -2], np.float32)
    rows = np.stack([sure, unsure, scribbled])
    probabilities = torch.from_numpy(rows).double().softmax(dim=1).amax(dim=1).tolist()
    assert probabilities[0] > 0.5 > probabilities[1]
    assert rule.refuses(rows).tolist() == [False, True, True]
    one_by_one = [rule.is_unknown(*each) for each in zip(rows, probabilities, strict=True)]
    assert one_by_one == [False, True, True]
    known, less, least = rule.familiarity(rows)
    assert known == pytest.approx(probabilities[0])
    assert less == pytest.approx(probabilities[1])
    assert least == pytest.approx(probabilities[2] - 1)
    assert least < 0


def test_one_and_many_agree() -> None:
    random = np.random.default_rng(1)
    rule = rule_of(random.normal(size=7).tolist())
    rows = random.normal(0, 3, (200, 7)).astype(np.float32)
    probabilities = torch.from_numpy(rows).double().softmax(dim=1).amax(dim=1).tolist()
    each = [rule.is_unknown(row, p) for row, p in zip(rows, probabilities, strict=True)]
    assert each == rule.refuses(rows).tolist()
    assert 20 < sum(each) < 180, "both answers occur"


def test_it_is_kept_for_the_weights_that_it_was_measured_for(tmp_path: Path) -> None:
    path = unknown_path(tmp_path / "some.safetensors")
    assert path == tmp_path / "some.unknown.json"
    assert read_rule(path, "abc") is None
    rule = rule_of([0.1, -0.25, 1e-7])
    write_rule(path, rule)
    kept = read_rule(path, "abc")
    assert kept is not None
    assert np.array_equal(kept.weights, rule.weights)
    assert (kept.least_probability, kept.least_sum, kept.kept) == (0.5, -1.0, 0.95)
    assert read_rule(path, "other") is None


@pytest.mark.parametrize("name", [n for n in model_names() if n == "doodle-classifier"])
def test_the_shipped_classifier_has_one_that_knows_an_empty_pad(name: str) -> None:
    model = load_model(name)
    assert model.unknown is not None, (
        "These weights have no rule: python -m scripts.fit_unknown FOLDER writes it."
    )
    with torch.inference_mode():
        empty = model.module(torch.zeros(1, 1, 28, 28)).numpy()
    assert model.unknown.refuses(empty).tolist() == [True]
    assert model.unknown.kept >= 0.95


def test_scribbles_to_fit_are_always_the_same() -> None:
    some, again = scribbles_to_fit(3, seed=1), scribbles_to_fit(3, seed=1)
    assert [each.to_lists() for each in some] == [each.to_lists() for each in again]
    assert len(some) == 3 * 6
    assert scribbles_to_fit(1, seed=2)[0].to_lists() != some[0].to_lists()
