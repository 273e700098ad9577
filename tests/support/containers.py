"""Modules of which generated networks are made, besides PyTorch's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


class Apply(nn.Module):
    """A function as a layer."""

    def __init__(self, name: str, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.name = name
        self.function = function

    def extra_repr(self) -> str:
        return self.name

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


class Residual(nn.Module):
    """Adds what a branch gives to its input, both cut to the size that they share."""

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, x: Tensor) -> Tensor:
        y = self.branch(x)
        common = [slice(0, min(pair)) for pair in zip(x.shape, y.shape, strict=True)]
        result: Tensor = y[common] + x[common]
        return result


class Joined(nn.Module):
    """Concatenates its input with what a branch gives, along an axis, cut along the others."""

    def __init__(self, branch: nn.Module, axis: int) -> None:
        super().__init__()
        self.branch = branch
        self.axis = axis

    def forward(self, x: Tensor) -> Tensor:
        y = self.branch(x)
        common = [
            slice(None) if axis == self.axis else slice(0, min(pair))
            for axis, pair in enumerate(zip(x.shape, y.shape, strict=True))
        ]
        return torch.cat([x[common], y[common]], dim=self.axis)


class Twice(nn.Module):
    """The same layer two times."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.layer(self.layer(x))
        return result


class Shared(nn.Module):
    """The same layer before and behind others."""

    def __init__(self, layer: nn.Module, between: nn.Module) -> None:
        super().__init__()
        self.layer = layer
        self.between = between

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.layer(self.between(self.layer(x)))
        return result


class Split(nn.Module):
    """Gives what each of its branches gives, by name."""

    def __init__(self, branches: dict[str, nn.Module]) -> None:
        super().__init__()
        self.branches = nn.ModuleDict(branches)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {name: branch(x) for name, branch in self.branches.items()}


class Merged(nn.Module):
    """Adds up what comes by name, cut to the size that all share."""

    def __init__(self, split: nn.Module) -> None:
        super().__init__()
        self.split = split

    def forward(self, x: Tensor) -> Tensor:
        parts = list(self.split(x).values())
        common = [slice(0, min(sizes)) for sizes in zip(*(y.shape for y in parts), strict=True)]
        return torch.stack([y[common] for y in parts]).sum(0)


class Labelled(nn.Module):
    """Gives its output in a dictionary, beside others."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> dict[str, Any]:
        y = self.model(x)
        return {"input": x, "both": (y, y.mean())}


class Attention(nn.Module):
    """Positions are tokens, and channels their features."""

    def __init__(self, layer: nn.MultiheadAttention, window: int | None) -> None:
        super().__init__()
        self.layer = layer
        self.window = window

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.movedim(1, -1)
        shape = tokens.shape
        # Windows of neighbours along the last axis: of as many as there are rows beside each other.
        length = self.window if self.window and shape[-2] % self.window == 0 else None
        rows = tokens.reshape(-1, length, shape[-1]) if length else tokens.flatten(1, -2)
        attended, _ = self.layer(rows, rows, rows, need_weights=False)
        result: Tensor = attended.reshape(shape).movedim(-1, 1)
        return result.contiguous()


class Recurrent(nn.Module):
    """Steps along the last axis, of each row for itself, and channels as features."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.movedim(1, -1)
        steps, _ = self.layer(tokens.flatten(0, -3))
        result: Tensor = steps.unflatten(0, tokens.shape[:-2]).movedim(-1, 1)
        return result.contiguous()
