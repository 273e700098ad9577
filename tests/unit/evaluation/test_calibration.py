"""Calibration: classifiers whose probabilities are right or wrong by construction."""

import pytest
import torch

from server.evaluation.calibration import calibration_of


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


def test_what_cannot_be_judged_is_refused() -> None:
    nothing = torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64)
    with pytest.raises(ValueError, match="no drawings"):
        calibration_of(*nothing)
