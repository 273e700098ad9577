"""Temperatures: what was distorted comes back, in the weights."""

import math

import pytest
import torch
from torch import nn

from models import ARCHITECTURES
from server.training.evaluation import logits_of
from server.training.temperature import fitting_temperature, put_into_weights


def honest(n: int, categories: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits, and labels that are drawn from their softmax."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(n, categories, generator=generator)
    labels = torch.multinomial(logits.softmax(1), 1, generator=generator).flatten()
    return logits, labels


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


def test_what_cannot_be_fitted_is_refused() -> None:
    with pytest.raises(ValueError, match="no drawings"):
        fitting_temperature(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64))
    with pytest.raises(ValueError, match="No temperature"):
        fitting_temperature(torch.eye(3), torch.arange(3))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_logits_of_every_network_can_be_divided(name: str) -> None:
    torch.manual_seed(0)
    module = ARCHITECTURES[name]().eval()
    images = torch.rand(3, 1, 28, 28)
    before = logits_of(module, images)
    put_into_weights(module, 0.7, images)
    assert torch.allclose(logits_of(module, images), before / 0.7, rtol=1e-3, atol=1e-5)


def test_a_network_that_ends_otherwise_is_left_as_it_was() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(4, 4), nn.LogSoftmax(1))
    weights = [parameter.clone() for parameter in module.parameters()]
    with pytest.raises(ValueError, match="last layer"):
        put_into_weights(module, 0.5, torch.rand(3, 1, 2, 2))
    assert all(torch.equal(a, b) for a, b in zip(weights, module.parameters(), strict=True))
    with pytest.raises(ValueError, match="neither"):
        put_into_weights(nn.Sequential(nn.Flatten(), nn.PReLU()), 0.5, torch.rand(3, 1, 2, 2))
