"""A kind of layer: its parameters, and the function that computes what it makes of a shape."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from server.engine.shapes.parameters import LARGEST, Parameter
from server.engine.shapes.refusal import INPUT, Refusal, counted, shown
from server.engine.shapes.result import ELEMENT_BYTES, LayerShape, Shape


@dataclass(frozen=True)
class Call:
    """A layer's values and the shape that it is given."""

    type: str
    axes: int
    values: Mapping[str, Any]
    input_shape: Shape
    training: bool

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    @property
    def spatial(self) -> Shape:
        """The sizes of the last ``axes`` axes."""
        return self.input_shape[len(self.input_shape) - self.axes :]

    @property
    def batched(self) -> bool:
        """Whether an axis for the batch comes before channel and space."""
        return len(self.input_shape) == self.axes + 2

    def each(self, name: str, *, single: bool = True, axes: int | None = None) -> tuple[int, ...]:
        """One value for each axis; a list of one stands for all axes if ``single``.

        Raises:
            Refusal: a list of another length.
        """
        value, count = self.values[name], self.axes if axes is None else axes
        if isinstance(value, int):
            return (value,) * count
        if len(value) == count:
            return tuple(value)
        if len(value) == 1 and single:
            return tuple(value) * count
        raise Refusal(
            name,
            f"{name} is one number or a list of {count}, one for each axis; this list has "
            f"{len(value)}.",
            limit=count,
        )

    def check_axes(self, *allowed: int) -> None:
        """Refuse an input whose number of axes is none of those."""
        found = len(self.input_shape)
        if found not in allowed:
            numbers = " or ".join(map(str, allowed))
            raise Refusal(
                INPUT,
                f"{self.type} takes an input with {numbers} axes ({_names(self.axes, allowed)}), "
                f"not {found}.",
            )

    def check_image(self) -> None:
        """Refuse an input that is neither (C, *space) nor (N, C, *space)."""
        self.check_axes(self.axes + 1, self.axes + 2)

    def check_not_empty(self, start: int) -> None:
        """Refuse a size of 0 on an axis from ``start`` on."""
        if 0 in self.input_shape[start:]:
            what = "only the batch may be" if start == 1 else "no axis may be"
            raise Refusal(INPUT, f"The input {shown(self.input_shape)} is empty: {what} of size 0.")


@dataclass(frozen=True)
class Layer:
    """One class of ``torch.nn``."""

    type: str
    parameters: tuple[Parameter, ...]
    compute: Callable[[Call], LayerShape]
    axes: int = 0
    """How many axes of space it works on; 0 where it works on any."""


def check_positive(name: str, values: tuple[int, ...]) -> None:
    """Refuse numbers below 1."""
    for value in values:
        if value < 1:
            raise Refusal(name, f"{name} is at least 1, not {value}.", value=value, limit=1)


def check_not_negative(name: str, values: tuple[int, ...]) -> None:
    """Refuse numbers below 0."""
    for value in values:
        if value < 0:
            raise Refusal(name, f"{name} is at least 0, not {value}.", value=value, limit=0)


def check_size(name: str, shape: Shape, what: str) -> None:
    """Refuse a tensor whose bytes 64 bits cannot count."""
    # An empty tensor has no bytes, but still strides.
    strides = math.prod(max(1, size) for size in shape[1:])
    if max(math.prod(shape) * ELEMENT_BYTES, strides) > LARGEST:
        raise Refusal(name, f"{what} would have more bytes than 64 bits can count.")


def _names(axes: int, allowed: tuple[int, ...]) -> str:
    space = {0: "", 1: ", length", 2: ", height, width", 3: ", depth, height, width"}[axes]
    if axes and allowed == (axes + 1, axes + 2):
        return f"channels{space}, and before them perhaps the batch"
    if axes and allowed == (axes + 2,):
        return f"batch, channels{space}"
    return counted(allowed[0], "axis").replace("axiss", "axes")
