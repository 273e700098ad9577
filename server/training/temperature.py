"""One number that makes probabilities mean what they say, put into the weights."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from server.training.evaluation import logits_of

TOLERANCE = 1e-4
"""Largest difference of logits, in units of the largest of them, that rounding may make."""


def fitting_temperature(logits: Tensor, labels: Tensor) -> float:
    """The temperature at which best guesses are as sure, on average, as they are right.

    Dividing logits by it changes no order of guesses (temperature scaling: Guo et al., 2017,
    section 4.2). Categories count alike, however many drawings each has: elsewhere their shares
    may be others. The paper minimises the cross-entropy; that left the classifier 1.5 points too
    sure on validation, so what is wanted is asked for itself.

    Args:
        logits: (N, categories), of drawings that were not learned from.
        labels: int64 (N,).

    Raises:
        ValueError: no drawings, or all guesses right or all wrong, which no temperature fits.
    """
    if not len(labels):
        raise ValueError("There are no drawings to fit a temperature to.")
    weights = 1 / torch.bincount(labels)[labels].double()
    weights /= weights.sum()
    wide = logits.double()
    accuracy = float((weights * (wide.argmax(dim=1) == labels)).sum())
    low, high = 0.01, 100.0

    def confidence(temperature: float) -> float:
        return float((weights * (wide / temperature).softmax(dim=1).amax(dim=1)).sum())

    if not confidence(high) < accuracy < confidence(low):
        raise ValueError("No temperature makes the guesses as sure as they are right.")
    for _ in range(60):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if confidence(middle) > accuracy else (low, middle)
    return math.sqrt(low * high)


def put_into_weights(module: nn.Module, temperature: float, images: Tensor) -> None:
    """Divide the logits by a temperature: the weights and biases of the layer that gives them.

    Args:
        module: maps images to logits; the layer it runs last is linear or a convolution, and what
            follows it (a mean over places, say) is linear too.
        temperature: greater than 0.
        images: some, (N, channels, height, width), to see that this is so.

    Raises:
        ValueError: it is not so; the weights are as before.
    """
    layer = last_layer(module, images[:1])
    before = logits_of(module, images)
    kept = [parameter.detach().clone() for parameter in layer.parameters(recurse=False)]
    with torch.no_grad():
        for parameter in layer.parameters(recurse=False):
            parameter.div_(temperature)
    wrong = (logits_of(module, images) - before / temperature).abs().max()
    if wrong > TOLERANCE * (before / temperature).abs().max():
        with torch.no_grad():
            for parameter, value in zip(layer.parameters(recurse=False), kept, strict=True):
                parameter.copy_(value)
        raise ValueError("The last layer does not give the logits, so that it cannot scale them.")


def last_layer(module: nn.Module, images: Tensor) -> nn.Module:
    """The layer with weights that runs last."""
    ran: list[nn.Module] = []

    def note(layer: nn.Module, _inputs: Any, _output: Any) -> None:
        ran.append(layer)

    handles = [
        layer.register_forward_hook(note)
        for layer in module.modules()
        if isinstance(layer, nn.Linear | nn.Conv2d)
    ]
    try:
        logits_of(module, images)
    finally:
        for handle in handles:
            handle.remove()
    if not ran:
        raise ValueError("The network has neither a linear layer nor a convolution.")
    return ran[-1]
