"""Arguments of functions by name: most of PyTorch's are written in C, and have no signature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from server.engine.doctor.replay import Event

_CONVOLUTION = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
_TRANSPOSED = (
    *("input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation"),
)
_MAXIMUM = ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
_AVERAGE = ("input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad")

ARGUMENTS: dict[str, tuple[str, ...]] = {
    **{f"conv{axes}d": _CONVOLUTION for axes in (1, 2, 3)},
    **{f"conv_transpose{axes}d": _TRANSPOSED for axes in (1, 2, 3)},
    **{f"max_pool{axes}d": _MAXIMUM for axes in (1, 2, 3)},
    **{f"max_pool{axes}d_with_indices": _MAXIMUM for axes in (1, 2, 3)},
    **{f"avg_pool{axes}d": _AVERAGE for axes in (1, 2, 3)},
    **{f"lp_pool{axes}d": ("input", "norm_type", "kernel_size", "stride") for axes in (1, 2, 3)},
    "linear": ("input", "weight", "bias"),
    "group_norm": ("input", "num_groups", "weight", "bias", "eps"),
    "pad": ("input", "pad", "mode", "value"),
    "pixel_shuffle": ("input", "upscale_factor"),
    "pixel_unshuffle": ("input", "downscale_factor"),
    "cat": ("tensors", "dim"),
    "concat": ("tensors", "dim"),
    "stack": ("tensors", "dim"),
    "embedding": ("input", "weight"),
}
"""The names of a function's arguments by position."""


def argument(event: Event, name: str) -> Any:
    """An argument of a call by its name; None where it is not given."""
    if name in event.kwargs:
        return event.kwargs[name]
    names = ARGUMENTS.get(event.place.kind, ())
    index = names.index(name) if name in names else len(event.args)
    return event.args[index] if index < len(event.args) else None


def with_argument(
    event: Event, name: str, value: Any
) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
    """The call with another value of one argument."""
    assert event.function is not None
    names = ARGUMENTS.get(event.place.kind, ())
    index = names.index(name) if name in names else len(event.args)
    if name not in event.kwargs and index < len(event.args):
        args = (*event.args[:index], value, *event.args[index + 1 :])
        return event.function, args, event.kwargs
    return event.function, event.args, {**event.kwargs, name: value}
