"""What a model is run on: given as shapes, tensors, or both, by position or by name."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, SupportsIndex, TypeAlias

import torch
from torch import Tensor, nn

Input: TypeAlias = "Tensor | Sequence[int]"
"""A tensor, or the shape of one."""

Example: TypeAlias = "Input | Sequence[Input] | Mapping[str, Input]"
"""One input, several by position, or several by the names of forward's parameters."""

MOST_ELEMENTS = 2**63 - 1
"""PyTorch counts elements in signed integers of 64 bits, memory in bytes likewise."""


class SeveralDevices(ValueError):
    """A model whose tensors are on more than one device: inputs cannot be moved to one of them."""


class InputTooLarge(ValueError):
    """An input given as a shape whose values do not fit into memory."""


@dataclass(frozen=True)
class Values:
    """Values that are made only where they are needed: in 0..1, the same at every call."""

    shape: tuple[int, ...]
    dtype: torch.dtype

    def on(self, device: torch.device) -> Tensor:
        """The tensor; on the meta device, without values, nothing is allocated.

        Raises:
            InputTooLarge: there is not enough memory.
        """
        if device.type == "meta":
            return torch.empty(self.shape, dtype=self.dtype, device=device)
        generator = torch.Generator().manual_seed(0)
        # Complex numbers have values in 0..1 as their real and imaginary parts.
        kind = torch.complex64 if self.dtype.is_complex else torch.float32
        try:
            values = torch.rand(self.shape, generator=generator, dtype=kind)
        except RuntimeError as cause:
            size = math.prod(self.shape) * kind.itemsize
            raise InputTooLarge(
                f"An input of shape {self.shape} takes {size / 2**30:,.0f} GiB, more than there "
                "is, and this model's shapes come only from a real run."
            ) from cause
        return values.to(device, self.dtype)


@dataclass(frozen=True)
class Inputs:
    """Arguments for a model's forward."""

    args: tuple[Tensor | Values, ...]
    kwargs: dict[str, Tensor | Values]

    def to(self, device: torch.device) -> Arguments:
        """Copies on a device.

        Raises:
            InputTooLarge: the values of a shape do not fit into memory.
        """
        return Arguments(
            tuple(_copied(value, device) for value in self.args),
            {name: _copied(value, device) for name, value in self.kwargs.items()},
        )


@dataclass(frozen=True)
class Arguments:
    """Tensors for a model's forward."""

    args: tuple[Tensor, ...]
    kwargs: dict[str, Tensor]

    def tensors(self) -> Iterator[Tensor]:
        """Every tensor: those by position, then those by name."""
        yield from self.args
        yield from self.kwargs.values()


def as_inputs(example: Any, model: nn.Module) -> Inputs:
    """An example as inputs; shapes stand for values in 0..1 of the model's floating-point type.

    The values are the same at every call and leave the random number generators alone; they are
    made when the inputs go to a device, so that a shape of any size can go to the meta device.

    Raises:
        TypeError: not an example.
        ValueError: a shape with a negative size or more elements than can be counted, a tensor
            that is not dense, or no input at all.
    """
    if isinstance(example, Mapping):
        if not example:
            raise ValueError("The example is an empty mapping: the model needs an input.")
        return Inputs((), {str(name): _input(value, model) for name, value in example.items()})
    if isinstance(example, Tensor) or _is_shape(example):
        return Inputs((_input(example, model),), {})
    if isinstance(example, list | tuple):
        if not example:
            raise ValueError("The example is empty: the model needs an input.")
        if all(isinstance(size, int | float) for size in example):
            raise TypeError(f"The sizes of a shape are whole numbers; this one is {example!r}.")
        return Inputs(tuple(_input(value, model) for value in example), {})
    raise TypeError(
        "The example is a shape, a tensor, a tuple or list of those, or a mapping from the names "
        f"of forward's parameters to those; not {type(example).__name__}."
    )


def device_of(model: nn.Module) -> torch.device:
    """The device of the model's parameters and buffers; the CPU where it has none.

    Raises:
        SeveralDevices: they are on several.
    """
    found: dict[torch.device, str] = {}
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        # Scalars on the CPU may be mixed with tensors on any device.
        if tensor.ndim or tensor.device.type != "cpu":
            found.setdefault(tensor.device, name)
    if len(found) > 1:
        where = ", ".join(f"{name} on {device}" for device, name in found.items())
        raise SeveralDevices(
            f"The model is spread over {len(found)} devices ({where}), and could be run only by "
            "its own code. Move it to one of them first, such as by model.to('cpu')."
        )
    return next(iter(found), torch.device("cpu"))


def _input(value: Any, model: nn.Module) -> Tensor | Values:
    if isinstance(value, Tensor):
        return _dense(value)
    if not _is_shape(value):
        raise TypeError(f"An input is a tensor or a shape, not {value!r}.")
    shape = tuple(map(operator.index, value))
    if any(size < 0 for size in shape):
        raise ValueError(f"A shape has no negative sizes; this one is {shape}.")
    dtypes = (tensor.dtype for tensor in model.parameters() if _is_number(tensor.dtype))
    dtype = next(dtypes, torch.get_default_dtype())
    # Sizes of 0 do not make room for others: strides count the elements of the other axes.
    if math.prod(max(size, 1) for size in shape) * dtype.itemsize > MOST_ELEMENTS:
        raise ValueError(f"A tensor of shape {shape} has more elements than PyTorch can count.")
    return Values(shape, dtype)


def _dense(tensor: Tensor) -> Tensor:
    if tensor.layout is not torch.strided:
        raise ValueError(
            f"An input is a dense tensor; this one is {tensor.layout}. Give its dense form, "
            "x.to_dense(): shapes and receptive fields are the same."
        )
    if tensor.is_quantized:
        raise ValueError(
            f"An input is not a quantised tensor ({tensor.dtype}). Give x.dequantize(), and let "
            "the model quantise it."
        )
    return tensor


def _is_number(dtype: torch.dtype) -> bool:
    """Whether values in 0..1 can be of that type, and be computed with."""
    return (dtype.is_floating_point and dtype.itemsize > 1) or dtype.is_complex


def _is_shape(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) > 0
        and all(isinstance(size, SupportsIndex) for size in value)
        and not any(isinstance(size, bool | Tensor) for size in value)
    )


def _copied(value: Tensor | Values, device: torch.device) -> Tensor:
    if isinstance(value, Values):
        return value.on(device)
    copy = value.detach().to(device)
    return copy if copy.is_meta else copy.clone()
