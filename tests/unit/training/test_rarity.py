"""Shifts for rare categories: what was taken from them comes back, in the biases."""

import math

import pytest
import torch
from torch import nn

from models import ARCHITECTURES
from server.training.evaluation import logits_of
from server.training.rarity import add_to_bias, fitting_factor, shift_of

LOG_FREQUENCIES = torch.tensor([0.5, 0.3, 0.1, 0.08, 0.02]).log()


def honest(n: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits of five categories, and labels that are drawn from their softmax."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(n, 5, generator=generator)
    return logits, torch.multinomial(logits.softmax(1), 1, generator=generator).flatten()


@pytest.mark.parametrize(("factor", "scale"), [(0.6, 1.0), (-0.4, 0.5), (0.0, 3.0)])
def test_the_shift_brings_back_what_rare_categories_had(factor: float, scale: float) -> None:
    logits, labels = honest(40_000)
    distorted = scale * (logits + factor * LOG_FREQUENCIES)
    found = fitting_factor(distorted, labels, LOG_FREQUENCIES)
    assert found == pytest.approx(-scale * factor, abs=0.03 * scale)


def test_rare_categories_gain_what_frequent_ones_lose() -> None:
    shift = shift_of(-0.5, LOG_FREQUENCIES)
    assert float(shift.mean()) == pytest.approx(0, abs=1e-6)
    assert shift[4] - shift[0] == pytest.approx(0.5 * math.log(0.5 / 0.02), rel=1e-5)


def test_categories_that_were_never_sampled_are_not_shifted() -> None:
    shift = shift_of(-0.5, torch.tensor([0.6, 0.3, 0.1, 1.0]).log())  # 0 stands for never
    assert shift[3] == 0
    assert float(shift.sum()) == pytest.approx(0, abs=1e-6)


def test_the_factor_is_finite_where_all_guesses_are_right() -> None:
    logits, labels = 50 * torch.eye(5), torch.arange(5)
    assert abs(fitting_factor(logits, labels, LOG_FREQUENCIES)) < 1


def test_nothing_is_fitted_to_no_drawings() -> None:
    with pytest.raises(ValueError, match="no drawings"):
        fitting_factor(torch.zeros(0, 5), torch.zeros(0, dtype=torch.int64), LOG_FREQUENCIES)


@pytest.mark.parametrize("name", ["doodle-classifier", "lenet-5", "nin"])
def test_the_logits_are_shifted_by_the_bias(name: str) -> None:
    torch.manual_seed(0)
    module = ARCHITECTURES[name]().eval()
    images, shift = torch.rand(3, 1, 28, 28), torch.linspace(-1, 1, 345)
    before = logits_of(module, images)
    add_to_bias(module, shift, images)
    assert torch.allclose(logits_of(module, images), before + shift, rtol=1e-3, atol=1e-4)


def test_a_network_that_ends_otherwise_is_left_as_it_was() -> None:
    layer = nn.Linear(4, 4)
    module = nn.Sequential(nn.Flatten(), layer, nn.LogSoftmax(1))
    bias = layer.bias.clone()
    with pytest.raises(ValueError, match="does not give the logits"):
        add_to_bias(module, torch.arange(4.0), torch.rand(3, 1, 2, 2))
    assert torch.equal(layer.bias, bias)
    without = nn.Sequential(nn.Flatten(), nn.Linear(4, 4, bias=False))
    with pytest.raises(ValueError, match="no bias"):
        add_to_bias(without, torch.arange(4.0), torch.rand(3, 1, 2, 2))
