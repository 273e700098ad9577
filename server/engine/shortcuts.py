"""Results on the meta device of frequent operators, of which PyTorch derives them slowly.

Batch normalisation is there a decomposition in Python that takes a millisecond, most of the time
of a residual network. These give tensors of the same shape, strides and type.
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
    """With running statistics, of one number for each channel: as its contiguous input."""
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


def convolution(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> Tensor | None:
    """Of contiguous tensors that fit, not transposed."""
    size, kernel, count = input.shape, weight.shape, input.ndim - 2
    if (
        transposed
        or len(kernel) != len(size)
        or not len(stride) == len(padding) == len(dilation) == count > 0
        or size[1] != kernel[1] * groups
        or kernel[0] % groups
        or not (input.is_meta and weight.is_meta and input.dtype is weight.dtype)
        or not (input.is_contiguous() and weight.is_contiguous())
        # Such as one channel, which looks like the channels being last.
        or (count == 2 and input.is_contiguous(memory_format=torch.channels_last))
        or (count == 3 and input.is_contiguous(memory_format=torch.channels_last_3d))
        or (bias is not None and (bias.shape != kernel[:1] or bias.dtype is not input.dtype))
    ):
        return None
    shape = [size[0], kernel[0]]
    for axis in range(count):
        if stride[axis] < 1 or dilation[axis] < 1 or padding[axis] < 0:
            return None
        free = size[axis + 2] + 2 * padding[axis] - dilation[axis] * (kernel[axis + 2] - 1) - 1
        if free < 0:
            return None
        shape.append(free // stride[axis] + 1)
    return None if 0 in shape else torch.empty(shape, dtype=input.dtype, device=input.device)


def biased_product(
    self: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1
) -> Tensor | None:
    """Of matrices, with a bias for each column: what a linear layer computes."""
    if (
        not mat1.ndim == mat2.ndim == 2
        or mat1.shape[1] != mat2.shape[0]
        or self.shape != mat2.shape[1:]
        or not (self.is_meta and mat1.is_meta and mat2.is_meta)
        or not self.dtype is mat1.dtype is mat2.dtype
    ):
        return None
    return torch.empty((mat1.shape[0], mat2.shape[1]), dtype=mat1.dtype, device=mat1.device)


def maxima(
    self: Tensor,
    kernel_size: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] = (0, 0),
    dilation: Sequence[int] = (1, 1),
    ceil_mode: bool = False,
) -> tuple[Tensor, Tensor] | None:
    """Of windows of contiguous images, not in ceil mode, and where they are."""
    stride = stride or kernel_size
    if (
        self.ndim != 4
        or not len(kernel_size) == len(stride) == len(padding) == len(dilation) == 2
        or ceil_mode
        or not (self.is_meta and self.is_contiguous())
        or self.is_contiguous(memory_format=torch.channels_last)
    ):
        return None
    shape = list(self.shape)
    for axis in range(2):
        kernel, before = kernel_size[axis], padding[axis]
        if min(kernel, stride[axis], dilation[axis]) < 1 or not 0 <= 2 * before <= kernel:
            return None
        free = shape[axis + 2] + 2 * before - dilation[axis] * (kernel - 1) - 1
        if free < 0:
            return None
        shape[axis + 2] = free // stride[axis] + 1
    if 0 in shape:
        return None
    values = torch.empty(shape, dtype=self.dtype, device=self.device)
    return values, torch.empty(shape, dtype=torch.int64, device=self.device)


SHORTCUTS: dict[Any, Callable[..., Any]] = {
    torch.ops.aten.native_batch_norm.default: batch_normalisation,
    torch.ops.aten.cat.default: concatenation,
    torch.ops.aten.convolution.default: convolution,
    torch.ops.aten.addmm.default: biased_product,
    torch.ops.aten.max_pool2d_with_indices.default: maxima,
}
"""By overload: what it returns on the meta device, or None where the shortcut does not apply."""
