"""The exponential moving average of a model's weights, which is what is kept and judged."""

from __future__ import annotations

import copy
from itertools import chain

import torch
from torch import nn


class MovingAverage:
    """A copy of a model whose weights follow the model's; normalisation statistics too.

    The decay grows from 0.1 to ``decay`` as (1 + updates) / (10 + updates), so that the random
    first weights are soon forgotten.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.module = copy.deepcopy(model).eval().requires_grad_(False)
        self._decay = decay

    @torch.no_grad()
    def update(self, model: nn.Module, updates: int) -> None:
        """Move towards the model's weights; ``updates`` counts the updates before this one."""
        decay = min(self._decay, (1 + updates) / (10 + updates))
        current = _tensors(model)
        averaged: list[torch.Tensor] = []
        targets: list[torch.Tensor] = []
        for name, tensor in _tensors(self.module).items():
            if tensor.is_floating_point():
                averaged.append(tensor)
                targets.append(current[name])
            else:
                tensor.copy_(current[name])
        torch._foreach_lerp_(averaged, targets, 1 - decay)


def _tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    """Parameters and buffers by name; shared ones once, so that they are not averaged twice."""
    return dict(chain(model.named_parameters(), model.named_buffers()))
