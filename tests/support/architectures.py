"""Architectures of torchvision, for tests and benchmarks: without weights, without memory."""

from __future__ import annotations

import importlib

import torch
from torch import nn

from server.services.sources.torchvision_operators import define_missing_operators

UNINITIALISED = frozenset({"googlenet", "inception_v3"})
"""Networks that would draw initial weights slowly, and may be told not to."""


def architecture(name: str) -> nn.Module:
    """A network of torchvision by its name, on the meta device, in eval mode."""
    define_missing_operators()
    models = importlib.import_module("torchvision.models")
    options = {"init_weights": False} if name in UNINITIALISED else {}
    with torch.device("meta"):
        model: nn.Module = models.get_model(name, weights=None, **options)
    return model.eval()
