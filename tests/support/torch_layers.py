"""What PyTorch itself makes of a setting: the shape of the output, or that it refuses."""

from __future__ import annotations

import math
import warnings
from typing import Any

import torch
from torch import Tensor, nn

from tests.support.setting import Setting

SMALL = 200_000
"""Values of a tensor that the CPU may be asked for."""

Answer = tuple[int, ...] | None


def module_of(setting: Setting) -> nn.Module:
    """The module, on the device that is the default one."""
    found: nn.Module = getattr(nn, setting.type)(
        **{name: as_tuples(value) for name, value in setting.parameters.items()}
    )
    return found.train(setting.training)


def on(device: str, setting: Setting) -> Answer:
    """The output's shape on a device; None where PyTorch refuses."""
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of odd but legal settings
        try:
            with torch.device(device):
                module = module_of(setting)
            found: Any = module(torch.zeros(setting.input_shape, device=device))
        except (RuntimeError, ValueError, TypeError, LookupError, ArithmeticError, AssertionError):
            return None
    output: Tensor = found[0] if isinstance(found, tuple) else found
    return tuple(output.shape)


def truth(setting: Setting, meta: Answer | None = None) -> Answer:
    """The CPU's answer where that is small, else that of the meta device.

    The meta device is laxer: its kernels leave out some of the checks that the others do. An answer
    with a negative size is none. Of transposed convolutions nor is one with an empty axis of space
    or a dilation of 0: whether PyTorch gives that or refuses depends on which of its kernels it
    picks.

    Args:
        setting: to ask about.
        meta: the meta device's answer, where it is known.
    """
    found = meta or on("meta", setting)
    if small(setting, found):
        found = on("cpu", setting)
    if found and min(found) < 0:
        return None
    if setting.type.startswith("ConvTranspose") and 0 not in setting.input_shape:
        still = 0 in numbers_in([setting.parameters.get("dilation", 1)])
        return None if still or (found and 0 in found) else found
    return found


def small(setting: Setting, output: Answer) -> bool:
    """Whether a CPU can hold the input, the parameters and the output."""
    numbers = [abs(value) for value in numbers_in(setting.parameters)]
    return (
        math.prod(setting.input_shape) <= SMALL
        and max(numbers, default=0) <= 100
        and math.prod(output or ()) <= SMALL
    )


def numbers_in(value: Any) -> list[float]:
    """Every number in nested lists and dictionaries."""
    if isinstance(value, dict):
        return [number for item in value.values() for number in numbers_in(item)]
    if isinstance(value, list | tuple):
        return [number for item in value for number in numbers_in(item)]
    return [value] if isinstance(value, int | float) else []


def as_tuples(value: Any) -> Any:
    """JSON's lists as the tuples that PyTorch takes."""
    return tuple(map(as_tuples, value)) if isinstance(value, list) else value
