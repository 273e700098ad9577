"""Batch normalisation over the batches of all processes that train together."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed, nn


class SynchronisedBatchNorm2d(nn.BatchNorm2d):
    """``BatchNorm2d`` whose mean and variance in training are those of all processes' batches.

    PyTorch's own (``SyncBatchNorm``) is for GPUs only; this one is for any device. All processes
    have batches of one size.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Normalise (N, C, H, W)."""
        if not self.training:
            return super().forward(input)
        # Sums of half precision would be of little.
        values = input.float() if input.dtype.itemsize < 4 else input
        count = values.numel() // values.shape[1] * distributed.get_world_size()
        mean = _of_all(values.sum(dim=(0, 2, 3))) / count
        centred = values - mean[:, None, None]
        variance = _of_all(centred.square().sum(dim=(0, 2, 3))) / count
        self._follow(mean.detach(), variance.detach() * count / max(count - 1, 1))
        scaled = centred * (variance + self.eps).rsqrt()[:, None, None]
        if self.affine:
            scaled = scaled * self.weight[:, None, None] + self.bias[:, None, None]
        return scaled.to(input.dtype)

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor) -> None:
        if self.num_batches_tracked is None or self.running_mean is None:
            return
        self.num_batches_tracked.add_(1)
        share = self.momentum
        if share is None:
            share = 1 / float(self.num_batches_tracked)
        self.running_mean.lerp_(mean, share)
        if self.running_var is not None:
            self.running_var.lerp_(variance, share)


def with_synchronised_normalisation(model: nn.Module) -> nn.Module:
    """The same network, parameters and names, its batch normalisation over all processes."""
    if any(parameter.is_cuda for parameter in model.parameters()):
        converted: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
        return converted
    for module in model.modules():
        # Nothing but the pass forward differs, so that names and hooks stay.
        if type(module) is nn.BatchNorm2d:
            module.__class__ = SynchronisedBatchNorm2d
    return model


class _Sum(torch.autograd.Function):
    """The sum over all processes, and in the backward pass that of the gradients."""

    @staticmethod
    def forward(_context: Any, value: Tensor) -> Tensor:
        """Add up."""
        total = value.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(_context: Any, *gradients: Tensor) -> Tensor:
        """Add up what each process's loss says of the sum."""
        total = gradients[0].clone()
        distributed.all_reduce(total)
        return total


def _of_all(value: Tensor) -> Tensor:
    summed: Tensor = _Sum.apply(value)  # type: ignore[no-untyped-call]
    return summed
