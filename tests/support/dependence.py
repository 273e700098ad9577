"""Which input positions change an output, found by changing them: it knows nothing of the engine.

Each position of the input is given other values, several times, with other weights each time. What
then differs depends on it. All is in float64, so that small effects are not lost in rounding.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn

DIFFERENT = 1e-9
"""Outputs of about 1 that differ by more depend on what was changed; rounding leaves about 1e-15,
also where a weight of interpolation is zero but for rounding."""


@dataclass(frozen=True)
class Draw:
    """An input of random values."""

    draw: Callable[[torch.Generator], Tensor]
    bounded: bool = False
    """Whether no other values are allowed: else a change may be to values that are far away."""


def spatial(shape: Sequence[int]) -> tuple[int, ...]:
    """The axes of positions: those after batch and channel, of (N, C) the last, of (N,) none."""
    return tuple(range(2, len(shape))) if len(shape) > 2 else tuple(range(len(shape)))[-1:]


def tensors(output: Any) -> list[Tensor]:
    """The tensors in an output, in order."""
    if isinstance(output, Tensor):
        return [output]
    if isinstance(output, dict):
        return [tensor for item in output.values() for tensor in tensors(item)]
    if isinstance(output, list | tuple):
        return [tensor for item in output for tensor in tensors(item)]
    return []


def dependences(
    model: nn.Module, draws: Iterable[Draw], trials: int = 3
) -> list[list[tuple[tuple[int, ...], Tensor]]]:
    """For each input and each tensor of the output, which positions change what.

    Returns:
        For each input, for each tensor of the output, that tensor's shape and a bool tensor
        (*output, *positions of the input).
    """
    model = copy.deepcopy(model)
    draws = list(draws)
    generator = torch.Generator().manual_seed(1)
    found: list[list[Tensor]] = []
    for trial in range(trials):
        _redraw(model, generator)
        given = [draw.draw(generator) for draw in draws]
        before = _run(model, given, trial)
        if not found:
            found = [
                [torch.zeros(*tensor.shape, *_sides(value), dtype=torch.bool) for tensor in before]
                for value in given
            ]
        for number, value in enumerate(given):
            others = [draws[number].draw(generator) for _ in range(3)]
            if value.dtype == torch.bool:
                others = [~value]
            elif not draws[number].bounded:
                # So large that it is the maximum, and as much the minimum.
                far = others[1].abs() * 3 + 12
                others = [others[0], far, -far]
            for place, other in product(product(*map(range, _sides(value))), others):
                index: Any = (*[slice(None)] * (value.ndim - len(place)), *place)
                changed = value.clone()
                changed[index] = other[index]
                after = _run(model, [*given[:number], changed, *given[number + 1 :]], trial)
                at: Any = (..., *place)
                for mask, old, new in zip(found[number], before, after, strict=True):
                    mask[at] |= _differs(old, new)
    return [
        [(tuple(old.shape), mask) for old, mask in zip(before, masks, strict=True)]
        for masks in found
    ]


def _sides(value: Tensor) -> tuple[int, ...]:
    return tuple(value.shape[axis] for axis in spatial(value.shape))


def _differs(old: Tensor, new: Tensor) -> Tensor:
    if not (old.is_floating_point() or old.is_complex()):
        return old != new
    return ~torch.isclose(old, new, rtol=DIFFERENT, atol=DIFFERENT, equal_nan=True)


def _redraw(model: nn.Module, generator: torch.Generator) -> None:
    """Give every parameter other values."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.is_floating_point():
                parameter.copy_(
                    torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
                )


def _run(model: nn.Module, given: Sequence[Tensor], trial: int) -> list[Tensor]:
    # What draws at random draws the same before and after a change. (Seeding all devices is slow.)
    torch.default_generator.manual_seed(trial)
    with torch.no_grad():
        return [tensor.clone() for tensor in tensors(model(*(value.clone() for value in given)))]
