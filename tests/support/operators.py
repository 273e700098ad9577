"""What the tables of operators are made of: something to run, and the inputs to run it on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from tests.support.dependence import Draw

Status = Literal["exact", "bound", "unsupported"]


@dataclass(frozen=True)
class Case:
    """One setting of a layer or function, and how well its receptive field is to be known."""

    build: Callable[[], nn.Module]
    """Makes the module to trace."""
    draws: tuple[Draw, ...]
    status: Status = "exact"
    trials: int = 3
    """How often the inputs are drawn anew: more where few changes are seen."""


class Call(nn.Module):
    """A function of tensors as a module."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Tensor) -> Any:
        return self.function(*inputs)


def normal(*shape: int) -> Draw:
    """Values around zero, of a normal distribution."""
    return Draw(lambda generator: torch.randn(shape, generator=generator, dtype=torch.float64))


def positive(*shape: int) -> Draw:
    """Values in 0..1."""
    return Draw(lambda generator: torch.rand(shape, generator=generator, dtype=torch.float64), True)


def whole(high: int, *shape: int) -> Draw:
    """Integers 0 to ``high - 1``."""
    return Draw(lambda generator: torch.randint(high, shape, generator=generator), True)


def truth(*shape: int) -> Draw:
    """Booleans."""
    return Draw(lambda generator: torch.randint(2, shape, generator=generator).bool(), True)


def case(
    build: Callable[[], nn.Module],
    *draws: Draw | tuple[int, ...],
    status: Status = "exact",
    trials: int = 3,
) -> Case:
    """A case; a shape stands for values around zero."""
    inputs = (normal(*draw) if isinstance(draw, tuple) else draw for draw in draws)
    return Case(build, tuple(inputs), status, trials)


def call(
    function: Callable[..., Any],
    *draws: Draw | tuple[int, ...],
    status: Status = "exact",
    trials: int = 3,
) -> Case:
    """The case of a function of tensors."""
    return case(lambda: Call(function), *draws, status=status, trials=trials)


def made(*shape: int) -> Tensor:
    """Weights: constants of the function, always the same, and not drawn at random."""
    return (torch.arange(math.prod(shape), dtype=torch.float64) * 1.7 + 0.5).sin().reshape(shape)


def as_type(constant: Tensor, x: Tensor) -> Tensor:
    """A constant of the input's type, on its device."""
    return constant.to(x) if constant.is_floating_point() else constant.to(x.device)
