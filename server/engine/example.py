"""What a model is run on: given as shapes, tensors, or both, by position or by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

Input: TypeAlias = "Tensor | Sequence[int]"
"""A tensor, or the shape of one."""

Example: TypeAlias = "Input | Sequence[Input] | Mapping[str, Input]"
"""One input, several by position, or several by the names of forward's parameters."""


@dataclass(frozen=True)
class Inputs:
    """Arguments for a model's forward."""

    args: tuple[Tensor, ...]
    kwargs: dict[str, Tensor]

    def tensors(self) -> Iterator[Tensor]:
        """Every tensor: those by position, then those by name."""
        yield from self.args
        yield from self.kwargs.values()

    def to(self, device: torch.device) -> Inputs:
        """Copies on a device."""
        return Inputs(
            tuple(_copied(tensor, device) for tensor in self.args),
            {name: _copied(tensor, device) for name, tensor in self.kwargs.items()},
        )


def as_inputs(example: Any, model: nn.Module) -> Inputs:
    """An example as tensors; shapes become values in 0..1 of the model's floating-point type.

    The values are the same at every call and leave the random number generators alone.

    Raises:
        TypeError: not an example.
        ValueError: a shape with a negative size, or no input at all.
    """
    if isinstance(example, Mapping):
        if not example:
            raise ValueError("The example is an empty mapping: the model needs an input.")
        return Inputs((), {str(name): _tensor(value, model) for name, value in example.items()})
    if isinstance(example, Tensor) or _is_shape(example):
        return Inputs((_tensor(example, model),), {})
    if isinstance(example, list | tuple):
        if not example:
            raise ValueError("The example is empty: the model needs an input.")
        return Inputs(tuple(_tensor(value, model) for value in example), {})
    raise TypeError(
        "The example is a shape, a tensor, a tuple or list of those, or a mapping from the names "
        f"of forward's parameters to those; not {type(example).__name__}."
    )


def device_of(model: nn.Module) -> torch.device:
    """The device of the model's first parameter or buffer; the CPU where it has none."""
    for tensor in (*model.parameters(), *model.buffers()):
        return tensor.device
    return torch.device("cpu")


def _tensor(value: Any, model: nn.Module) -> Tensor:
    if isinstance(value, Tensor):
        return value
    if not _is_shape(value):
        raise TypeError(f"An input is a tensor or a shape, not {value!r}.")
    if any(size < 0 for size in value):
        raise ValueError(f"A shape has no negative sizes; this one is {tuple(value)}.")
    dtypes = (tensor.dtype for tensor in model.parameters() if tensor.is_floating_point())
    generator = torch.Generator().manual_seed(0)
    values = torch.rand(tuple(value), generator=generator)
    return values.to(next(dtypes, torch.get_default_dtype()))


def _is_shape(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) > 0
        and all(isinstance(size, int) and not isinstance(size, bool) for size in value)
    )


def _copied(tensor: Tensor, device: torch.device) -> Tensor:
    copy = tensor.detach().to(device)
    return copy if copy.is_meta else copy.clone()
