"""Calibration: classifiers whose probabilities are right or wrong by construction."""

import math

import pytest
import torch

from server.evaluation.calibration import calibration_of, fitting_temperature


def honest(n: int, categories: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits, and labels that are drawn from their softmax."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(n, categories, generator=generator)
    labels = torch.multinomial(logits.softmax(1), 1, generator=generator).flatten()
    return logits, labels


def test_an_honest_classifier_has_next_to_no_error() -> None:
    logits, labels = honest(40_000, 5)
    assert calibration_of(logits, labels).error < 0.01
    assert calibration_of(3 * logits, labels).error > 0.15


def test_the_error_is_what_the_definition_says() -> None:
    # Two guesses of 0.9, one right; one of 0.6, right: (2/3)|0.5 - 0.9| + (1/3)|1 - 0.6|.
    logits = torch.tensor([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6]], dtype=torch.float64).log()
    found = calibration_of(logits, torch.tensor([0, 1, 1]), bins=10)
    assert found.error == pytest.approx(2 / 3 * 0.4 + 1 / 3 * 0.4)
    assert found.confidence == pytest.approx(0.8)
    assert [each.n for each in found.bins] == [0] * 5 + [1, 0, 0, 2, 0]
    assert found.bins[8].accuracy == 0.5
    assert found.bins[0].accuracy is None


def test_the_temperature_brings_back_what_was_distorted() -> None:
    logits, labels = honest(40_000, 5)
    for distortion in (0.3, 1.0, 4.0):
        assert fitting_temperature(distortion * logits, labels) == pytest.approx(
            distortion, rel=0.03
        )


def test_categories_count_alike_for_the_temperature() -> None:
    # Category 0 is always right and often there; 1 is right half of the time.
    logits = torch.tensor([[2.0, 0.0]] * 96 + [[0.0, 2.0]] * 2 + [[2.0, 0.0]] * 2)
    labels = torch.tensor([0] * 96 + [1] * 4)
    temperature = fitting_temperature(logits, labels)
    assert 1 / (1 + math.exp(-2 / temperature)) == pytest.approx(0.75)


def test_what_cannot_be_judged_is_refused() -> None:
    nothing = torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64)
    with pytest.raises(ValueError, match="no drawings"):
        calibration_of(*nothing)
    with pytest.raises(ValueError, match="no drawings"):
        fitting_temperature(*nothing)
    with pytest.raises(ValueError, match="No temperature"):
        fitting_temperature(torch.eye(3), torch.arange(3))
