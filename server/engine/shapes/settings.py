"""The inverse question: which settings make one size of another?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Family = Literal["convolution", "pooling", "transposed convolution"]


@dataclass(frozen=True)
class Setting:
    """Numbers of one layer along one axis."""

    kernel_size: int
    stride: int
    padding: int
    dilation: int
    output_padding: int = 0
    """Only of a transposed convolution."""
    ceil_mode: bool = False
    """Only of pooling; never needed where the same without it does."""
    unread: int = 0
    """Positions at the end of the padded input that no window reads."""


@dataclass(frozen=True)
class Bounds:
    """The largest numbers that are looked at."""

    kernel_size: int = 11
    stride: int = 8
    padding: int = 5
    dilation: int = 3


def settings_for(
    input_size: int, output_size: int, family: Family, bounds: Bounds | None = None
) -> tuple[Setting, ...]:
    """All settings within the bounds that make ``output_size`` positions of ``input_size``.

    The usual ones come first: without dilation, nothing unread, small odd kernels, little padding.

    Args:
        input_size, output_size: of one axis, at least 1.
        family: of layers.
        bounds: ``Bounds()`` if left out.
    """
    limits = bounds or Bounds()
    solve = {
        "convolution": _convolutions,
        "pooling": _poolings,
        "transposed convolution": _transposed,
    }[family]
    found = [
        setting
        for dilation in range(1, limits.dilation + 1)
        for kernel in range(1, limits.kernel_size + 1)
        if kernel > 1 or dilation == 1
        for stride in range(1, limits.stride + 1)
        for setting in solve(input_size, output_size, kernel, stride, dilation, limits)
    ]
    return tuple(sorted(found, key=_rank))


def _convolutions(
    inputs: int, outputs: int, kernel: int, stride: int, dilation: int, limits: Bounds
) -> Iterator[Setting]:
    # floor((i + 2p - reach) / s) + 1 = o, solved for p.
    reach = dilation * (kernel - 1) + 1
    least = (outputs - 1) * stride + reach - inputs
    for padding in range(max(0, -(-least // 2)), limits.padding + 1):
        unread = inputs + 2 * padding - reach - (outputs - 1) * stride
        if unread >= stride:
            return
        yield Setting(kernel, stride, padding, dilation, unread=unread)


def _poolings(
    inputs: int, outputs: int, kernel: int, stride: int, dilation: int, limits: Bounds
) -> Iterator[Setting]:
    reach = dilation * (kernel - 1) + 1
    for padding in range(min(kernel // 2, limits.padding) + 1):
        span = inputs + 2 * padding - reach
        if span >= 0 and span // stride + 1 == outputs:
            yield Setting(kernel, stride, padding, dilation, unread=span % stride)
            continue
        # Rounded up, but a window that would start beyond the input is not counted.
        count = -(-span // stride) + 1
        count -= (count - 1) * stride >= inputs + padding
        if count == outputs:
            unread = max(0, span - (count - 1) * stride)
            yield Setting(kernel, stride, padding, dilation, ceil_mode=True, unread=unread)


def _transposed(
    inputs: int, outputs: int, kernel: int, stride: int, dilation: int, limits: Bounds
) -> Iterator[Setting]:
    full = (inputs - 1) * stride + dilation * (kernel - 1) + 1
    for padding in range(limits.padding + 1):
        extra = outputs - full + 2 * padding
        if 0 <= extra < max(stride, dilation):
            yield Setting(kernel, stride, padding, dilation, output_padding=extra)


def _rank(setting: Setting) -> tuple[int, ...]:
    odd = setting.kernel_size % 2 or setting.kernel_size == setting.stride
    return (
        setting.dilation > 1,
        setting.ceil_mode,
        setting.stride > setting.kernel_size,
        setting.padding > setting.kernel_size // 2 * setting.dilation,
        setting.unread > 0 and not odd,
        setting.kernel_size + setting.dilation,
        not odd,
        setting.padding + setting.output_padding,
        setting.stride,
    )
