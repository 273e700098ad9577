"""Learning from what other networks say of a drawing, beside its label."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Teachers:
    """Networks that are asked together: the weighted sum of their log-probabilities."""

    def __init__(self, teachers: Sequence[tuple[nn.Module, float]], device: torch.device) -> None:
        """Put the networks, each with the factor of its log-probabilities, on a device.

        Raises:
            ValueError: no network, or a factor that is not positive.
        """
        if not teachers or any(not factor > 0 for _, factor in teachers):
            raise ValueError("Teachers are one network or more, each with a factor above 0.")
        self._teachers = [
            (_as_trained(module.to(device)).eval().requires_grad_(False), factor)
            for module, factor in teachers
        ]

    @torch.no_grad()
    def log_probabilities(self, images: Tensor) -> Tensor:
        """What they say of images (N, 1, 28, 28): float32 (N, categories), normalised."""
        said = [
            factor * module(images).float().log_softmax(dim=1) for module, factor in self._teachers
        ]
        return torch.stack(said).sum(dim=0).log_softmax(dim=1)


def _as_trained(module: nn.Module) -> nn.Module:
    """A network in the memory format of the images that runs learn from: it takes half the time."""
    laid_out: nn.Module = module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return laid_out


def distillation_loss(logits: Tensor, teachers: Tensor) -> Tensor:
    """The cross-entropy of a network's probabilities under its teachers', mean over drawings.

    Hinton, Vinyals, Dean, "Distilling the Knowledge in a Neural Network", 2015, section 2, at
    temperature 1.

    Args:
        logits: (N, categories).
        teachers: logits or log-probabilities (N, categories), without gradient.
    """
    return nn.functional.cross_entropy(logits, teachers.softmax(dim=1))
