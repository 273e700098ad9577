"""How much likelier rare categories should be guessed than training made them, by their biases."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from server.training.evaluation import logits_of
from server.training.temperature import TOLERANCE, last_layer


def fitting_factor(logits: Tensor, labels: Tensor, log_frequencies: Tensor) -> float:
    """The factor of the frequencies' logarithms that makes logits right for all categories alike.

    The few drawings of a rare category are learned by heart, and others of it are guessed too
    seldom: logit adjustment with the frequencies alone (Menon et al., 2021, equation 9) is too
    little. Fitted together with a temperature by the cross-entropy, categories counting alike; it
    is convex in both. A normal prior (factor 0, temperature 1, deviation 1, as much as one drawing
    says) keeps both finite where all guesses are right.

    Args:
        logits: (N, categories), of drawings that were not learned from.
        labels: int64 (N,).
        log_frequencies: (categories,), how often each was sampled; 0 for one that never was.

    Raises:
        ValueError: no drawings.
    """
    if not len(labels):
        raise ValueError("There are no drawings to fit a factor to.")
    weights = 1 / torch.bincount(labels)[labels].double()
    weights /= weights.sum()
    wide, centred = logits.double(), _centred(log_frequencies)
    scale = torch.ones((), dtype=torch.float64, requires_grad=True)
    factor = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([scale, factor], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        adjusted = scale * wide + factor * centred
        losses = nn.functional.cross_entropy(adjusted, labels, reduction="none")
        prior = ((scale - 1) ** 2 + factor**2) / (2 * len(labels))
        value: Tensor = (weights * losses).sum() + prior
        torch.autograd.backward(value)
        return value

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    fitted, times = float(factor.detach()), float(scale.detach())
    return fitted / times if times > 0 else 0.0


def shift_of(factor: float, log_frequencies: Tensor) -> Tensor:
    """What a factor adds to each logit: float32 (categories,), mean 0 over the sampled ones."""
    return (factor * _centred(log_frequencies)).float()


def _centred(log_frequencies: Tensor) -> Tensor:
    """The logarithms less their mean, float64; 0 for categories that were never sampled."""
    sampled = log_frequencies < 0
    wide = log_frequencies.double()
    return torch.where(sampled, wide - wide[sampled].mean(), 0.0)


def add_to_bias(module: nn.Module, shift: Tensor, images: Tensor) -> None:
    """Add to each category's logit: to the bias of the layer that gives them.

    Args:
        module: maps images to logits; the layer it runs last has a bias for each of them.
        shift: (categories,).
        images: some, (N, channels, height, width), to see that this is so.

    Raises:
        ValueError: it is not so; the weights are as before.
    """
    layer = last_layer(module, images[:1])
    bias = layer.bias
    if not isinstance(bias, Tensor) or bias.shape != shift.shape:
        raise ValueError("The last layer has no bias for each category.")
    before = logits_of(module, images)
    kept = bias.detach().clone()
    with torch.no_grad():
        bias.add_(shift.to(bias.device))
    expected = before + shift.cpu()
    if (logits_of(module, images) - expected).abs().max() > TOLERANCE * expected.abs().max():
        with torch.no_grad():
            bias.copy_(kept)
        raise ValueError("The last layer does not give the logits, so that it cannot shift them.")
