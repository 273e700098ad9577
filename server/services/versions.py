"""Versions of models that have no file of weights."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from server.engine.trace import Trace
from server.services.preparation import Preparation

VERSION_CHARACTERS = 12


def version_of(
    module: nn.Module,
    trace: Trace,
    preparation: Preparation | None,
    categories: Sequence[str],
) -> str:
    """The first hexadecimal digits of the SHA-256 of everything that answers depend on.

    That is weights, buffers, how pictures become input, the labels,
    and the graph: names, kinds, shapes and settings of its nodes, and what reads what.
    """
    digest = hashlib.sha256(repr((preparation, tuple(categories))).encode())
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)} ".encode())
        digest.update(_bytes_of(tensor))
    for node in trace.nodes:
        told = (node.name, node.kind, node.shape, node.inputs, node.hyperparameters)
        digest.update(repr(told).encode())
    return digest.hexdigest()[:VERSION_CHARACTERS]


def _bytes_of(tensor: Tensor) -> Any:
    """The memory of the values, in order, not copied where they lie in order on the CPU."""
    values = tensor.detach().cpu().contiguous().flatten()
    return values.view(torch.uint8).numpy() if values.numel() else b""
