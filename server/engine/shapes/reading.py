"""What a position of a layer's output reads along one axis of its input."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal


@dataclass(frozen=True)
class Window:
    """Position i reads ``i * stride - before + dilation * t`` for t below ``kernel``."""

    kernel: int
    stride: int
    before: int
    dilation: int = 1
    after: int = 0
    """Padding behind the last position, which says how far windows may reach."""


@dataclass(frozen=True)
class Spread:
    """Position i reads each j that has ``i = j * stride - padding + dilation * t``.

    That is a transposed convolution, t below ``kernel``.
    """

    kernel: int
    stride: int
    padding: int
    dilation: int = 1


@dataclass(frozen=True)
class Adaptive:
    """Position i reads from ``floor(i * inputs / outputs)`` until ``ceil((i + 1) * ...)``."""

    outputs: int
    inputs: int


@dataclass(frozen=True)
class Interpolated:
    """The taps of an interpolation by ``scale``, of an input without borders."""

    taps: Literal["nearest", "nearest-exact", "linear", "cubic"]
    scale: Fraction


@dataclass(frozen=True)
class Block:
    """Position i reads ``i // factor``."""

    factor: int


@dataclass(frozen=True)
class Whole:
    """Every position reads all positions."""


@dataclass(frozen=True)
class Unknown:
    """Nothing is known in closed form."""


Reading = Window | Spread | Adaptive | Interpolated | Block | Whole | Unknown
