"""Fitting the rule of the unknown, on a network whose logits are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from server.training import unknown
from server.training.sampling import Batch
from server.training.unknown import fit_rule, scribbled, telling_apart

CATEGORIES = 6


class InkCounter(nn.Module):
    """Sure of category 0 by the upper left pixel; category 5 is the share of ink."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(1.0))

    def forward(self, x: Tensor) -> Tensor:
        logits = torch.zeros(len(x), CATEGORIES)
        logits[:, 0] = self.factor * 4 * x[:, 0, 0, 0]
        logits[:, 5] = -20 * x.mean(dim=(1, 2, 3))
        return logits


class Corners:
    """Batches of drawings with ink in the corner alone."""

    category_probabilities = np.full(CATEGORIES, 1 / CATEGORIES)

    def batch(self, number: int) -> Batch:
        return Batch(drawings(32, number), torch.zeros(32, dtype=torch.int64))


def drawings(count: int, seed: int) -> Tensor:
    images = torch.zeros(count, 1, 28, 28)
    generator = torch.Generator().manual_seed(seed)
    images[:, 0, 0, 0] = 0.5 + 0.5 * torch.rand(count, generator=generator)
    return images


def test_weights_tell_two_clouds_apart_whatever_is_added_to_all_logits() -> None:
    generator = torch.Generator().manual_seed(0)
    known = torch.randn(300, 5, generator=generator) + torch.tensor([2.0, 0, 0, 0, 0])
    others = torch.randn(200, 5, generator=generator) - torch.tensor([2.0, 0, 0, 0, 0])
    weights = telling_apart(known, others)
    assert weights.dtype == np.float32
    assert weights.sum() == pytest.approx(0, abs=1e-5)
    assert weights.argmax() == 0
    ours, theirs = known.numpy() @ weights, others.numpy() @ weights
    assert (ours[:, None] > theirs[None]).mean() > 0.98
    assert np.allclose((known + 7).numpy() @ weights, ours, atol=1e-4)


def test_a_twentieth_of_the_right_guesses_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unknown, "SCRIBBLES_EACH", 20)
    monkeypatch.setattr(unknown, "BATCHES", 4)
    module, images = InkCounter(), drawings(400, seed=99)
    labels = torch.zeros(400, dtype=torch.int64)
    rule = fit_rule(module, "v1", (images, labels), Corners(), seed=3)
    assert (rule.version, rule.drawings) == ("v1", 400)
    assert rule.kept == pytest.approx(0.95, abs=0.01)
    with torch.inference_mode():
        refused = rule.refuses(module(images).numpy())
        scribbles = rule.refuses(module(scribbled(4)).numpy())
    assert 1 - refused.mean() == pytest.approx(rule.kept, abs=1e-9)
    assert scribbles.mean() > 0.95


def test_few_right_guesses_are_too_few() -> None:
    wrong = torch.ones(400, dtype=torch.int64)
    with pytest.raises(ValueError, match="0 right guesses"):
        fit_rule(InkCounter(), "v1", (drawings(400, 1), wrong), Corners(), seed=0)
