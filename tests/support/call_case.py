"""What generated layers and functions are given, and what they are as a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor, nn

Draw = Callable[[st.SearchStrategy[Any]], Any]


SIDES = {1: 12, 2: 7, 3: 4}
"""The largest input side by the number of spatial axes."""


class Applied(nn.Module):
    """A function as a model of its own: what it calls is recorded one by one."""

    def __init__(self, name: str, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.name = name
        self.function = function

    def extra_repr(self) -> str:
        return self.name

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.function(*inputs)


@dataclass(frozen=True)
class Case:
    """A model of one step, with its inputs in float32."""

    model: nn.Module
    inputs: tuple[Tensor, ...]
    kind: str
    """Of arithmetic."""


def layer(module: nn.Module, *inputs: Tensor, kind: str) -> Case:
    """A layer as the only one of a model."""
    return Case(nn.Sequential(module).eval(), inputs, kind)


def function(name: str, apply: Callable[..., Tensor], *inputs: Tensor, kind: str) -> Case:
    """A function as a model."""
    return Case(Applied(name, apply).eval(), inputs, kind)


def values(draw: Draw, *shape: int, low: float = -3.0, high: float = 3.0) -> Tensor:
    """Float32 values that depend on the drawn seed only."""
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**16)))
    return torch.rand(shape, generator=generator) * (high - low) + low


def spatial(draw: Draw) -> tuple[int, list[int]]:
    """A number of axes, and a size for each."""
    axes = draw(st.sampled_from([1, 2, 2, 3]))
    return axes, [draw(st.integers(1, SIDES[axes])) for _ in range(axes)]


def each(draw: Draw, axes: int, low: int, high: int) -> Any:
    """One number for all axes, or one for each."""
    if draw(st.booleans()):
        return draw(st.integers(low, high))
    return tuple(draw(st.integers(low, high)) for _ in range(axes))


def batched(draw: Draw, shape: list[int]) -> list[int]:
    """The shape with a batch before, or, as layers take it too, without."""
    return draw(st.sampled_from([[1, *shape], [2, *shape], shape]))  # type: ignore[no-any-return]
