"""Fitting the rule that says when a network does not know: on validation drawings and scribbles."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.unknown import UnknownRule
from server.doodle.raster import SIDE, render
from server.training.evaluation import logits_of
from server.training.learning_data import BatchSource
from server.training.scribbles import scribbles_to_fit

KEPT = 0.95
"""Share of the right guesses on validation drawings that are to be kept."""

BATCH, BATCHES = 256, 40
"""So many drawings, and so many times, are compared with"""
SCRIBBLES_EACH = 400
"""scribbles of each kind,"""
EMPTY_PADS = 400
"""and with the empty pad, which counts so many times."""
DECAY = 0.01
"""Of the squared weights, where each logit has a standard deviation of 1."""
FEWEST = 20
"""With fewer right guesses there is no telling where a twentieth of them ends."""


def fit_rule(
    module: nn.Module,
    version: str,
    held_out: tuple[Tensor, Tensor],
    batches: BatchSource,
    seed: int,
) -> UnknownRule:
    """Fit the rule of a network.

    What tells drawings from scribbles is fitted on drawings that were learned from, bent as in
    training: other hands shall not count as scribbling. Both limits are then set where each of
    them loses as many of the right guesses on validation drawings, and both together a twentieth.

    Args:
        module: drawings (N, 1, 28, 28) in 0..1 to logits (N, categories).
        version: of its weights.
        held_out: such drawings that it was not trained on, and their labels (N,).
        batches: of what it was trained on.
        seed: of the scribbles.

    Raises:
        ValueError: too few guesses on the held out drawings are right.
    """
    images, labels = held_out
    validation = logits_of(module, images)
    right = validation[validation.argmax(dim=1) == labels].numpy()
    if len(right) < FEWEST:
        raise ValueError(f"{len(right)} right guesses are too few to measure by.")
    known = torch.cat([batches.batch(number).images for number in range(BATCHES)])
    weights = telling_apart(logits_of(module, known), logits_of(module, scribbled(seed)))
    sums = right.astype(np.float64) @ weights.astype(np.float64)
    sure = torch.from_numpy(right).double().softmax(dim=1).amax(dim=1).numpy()
    tail = _tail(sure, sums)
    least_sum, least_probability = float(np.quantile(sums, tail)), float(np.quantile(sure, tail))
    kept = float(((sums >= least_sum) & (sure >= least_probability)).mean())
    return UnknownRule(version, least_probability, weights, least_sum, kept, len(right))


def scribbled(seed: int) -> Tensor:
    """Images (N, 1, 28, 28) in 0..1 of scribbles of every kind, and of empty pads."""
    pictures = [render(each) for each in scribbles_to_fit(SCRIBBLES_EACH, seed)]
    pictures += [np.zeros((SIDE, SIDE), np.uint8)] * EMPTY_PADS
    return torch.from_numpy(np.stack(pictures)).float().div_(255).view(-1, 1, SIDE, SIDE)


def telling_apart(known: Tensor, scribbled: Tensor) -> NDArray[np.float32]:
    """Weights (categories,) whose sum over logits is large for drawings, small for scribbles.

    Logistic regression, both sides counting alike, with a penalty on the squares of the weights.
    The mean of the logits does not matter, as it does not for probabilities.

    Args:
        known: logits (N, categories) of drawings.
        scribbled: logits (M, categories) of scribbles.
    """
    logits = torch.cat([known, scribbled]).double()
    centred = logits - logits.mean(dim=1, keepdim=True)
    scale = centred.std(dim=0).clamp_min(1e-6)
    inputs = (centred - centred.mean(dim=0)) / scale
    truth = torch.cat([torch.ones(len(known)), torch.zeros(len(scribbled))]).double()
    counts = torch.cat(
        [
            torch.full((len(known),), 0.5 / len(known)),
            torch.full((len(scribbled),), 0.5 / len(scribbled)),
        ]
    ).double()
    weights = torch.zeros(inputs.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights, bias], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        errors = nn.functional.binary_cross_entropy_with_logits(
            inputs @ weights + bias, truth, reduction="none"
        )
        total = (counts * errors).sum() + DECAY * weights.square().sum()
        torch.autograd.backward(total)
        return total

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    found = weights.detach() / scale
    result: NDArray[np.float32] = (found - found.mean()).float().numpy()
    return result


def _tail(sure: NDArray[np.float64], sums: NDArray[np.float64]) -> float:
    """The share that each limit may lose so that both together lose 1 - KEPT."""
    low, high = 0.0, 1 - KEPT
    for _ in range(40):
        tail = (low + high) / 2
        lost = (sure < np.quantile(sure, tail)) | (sums < np.quantile(sums, tail))
        low, high = (tail, high) if lost.mean() <= 1 - KEPT else (low, tail)
    return low
