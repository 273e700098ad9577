"""Results on the meta device of frequent operators, of which PyTorch derives them slowly.

Its batch normalisation is there a decomposition in Python that takes a millisecond, as many times
as all the rest of a residual network. These give tensors of the same shape, strides and type.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor


def batch_normalisation(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor] | None:
    """With running statistics, of one number for each channel: as its input, if that is contiguous."""
    if training or running_mean is None or running_var is None or input.ndim < 2:
        return None
    given = (running_mean, running_var, weight, bias)
    shape = running_mean.shape
    if input.shape[1:2] != shape or not (input.is_meta and input.is_contiguous()):
        return None
    for tensor in given:
        if tensor is not None and not (tensor.is_meta and tensor.shape == shape):
            return None
    # Statistics are kept in at least single precision.
    kept = torch.promote_types(input.dtype, torch.float32)
    saved = torch.empty(shape, dtype=kept, device=input.device)
    return torch.empty_like(input), saved, torch.empty_like(saved)


def concatenation(tensors: Sequence[Tensor], dim: int = 0) -> Tensor | None:
    """Of contiguous tensors of one type, whose other axes agree."""
    if not tensors:
        return None
    first = tensors[0]
    shape, dtype = list(first.shape), first.dtype
    if not -len(shape) <= dim < len(shape):
        return None
    dim %= len(shape)
    length, others = 0, (*shape[:dim], *shape[dim + 1 :])
    for tensor in tensors:
        size = tensor.shape
        if (
            (*size[:dim], *size[dim + 1 :]) != others
            or tensor.dtype is not dtype
            or not (tensor.is_meta and tensor.is_contiguous())
        ):
            return None
        length += size[dim]
    shape[dim] = length
    return torch.empty(shape, dtype=dtype, device=first.device)


SHORTCUTS: dict[Any, Callable[..., Any]] = {
    torch.ops.aten.native_batch_norm.default: batch_normalisation,
    torch.ops.aten.cat.default: concatenation,
}
"""By overload: what it returns on the meta device, or None where the shortcut does not apply."""
