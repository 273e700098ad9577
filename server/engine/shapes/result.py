"""What a layer makes of a shape: the output's, and the steps of the formula as data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from server.engine.shapes.reading import Reading

Shape = tuple[int, ...]

ELEMENT_BYTES = 4
"""Of one value of an activation: PyTorch's default type, float32."""


@dataclass(frozen=True)
class Symbol:
    """A letter of a formula, the number that it stands for, and where that comes from."""

    name: str
    meaning: str
    value: float
    parameter: str | None
    """Of the layer, or ``input_shape``; None: an earlier step computed it."""


@dataclass(frozen=True)
class Rounding:
    """A quotient that was not whole, or an end that is not read, and what follows."""

    kind: Literal["floor", "ceil"]
    numerator: int
    denominator: int
    unread: int
    """Positions at the end of the padded input that no window reads."""
    unread_input: int
    """Positions at the end of the input itself that no window reads, also for holes and gaps."""
    beyond: int
    """Positions that the last window reaches over the end of the padded input (``ceil``)."""
    removed: int
    """Windows removed again since they would start beyond the input (``ceil``)."""


@dataclass(frozen=True)
class Step:
    """One line of the arithmetic: ``name = formula = filled = value``."""

    name: str
    """The letter that this step computes."""
    meaning: str
    axis: int | None
    """Index into the output's shape; None: of no single axis."""
    formula: str
    filled: str
    value: int
    symbols: tuple[Symbol, ...]
    note: str = ""
    """A sentence on what rounding dropped; empty when it dropped nothing."""
    rounding: Rounding | None = None


@dataclass(frozen=True)
class Saved:
    """What autograd keeps of one layer for its backward pass, besides parameters."""

    input: bool = False
    output: bool = False
    other_bytes: int = 0
    """Tensors that no other layer has: indices, statistics, a padded copy."""
    view: bool = False
    """The output is the input's memory, so that keeping either keeps both."""


@dataclass(frozen=True)
class LayerShape:
    """A layer on an input of a shape: what comes out, how, and what it costs."""

    input_shape: Shape
    output_shape: Shape
    steps: tuple[Step, ...] = ()
    parameters: int = 0
    """Learnable values."""
    multiply_accumulates: int = 0
    """Multiplications, each with its addition; biases are not counted."""
    saved: Saved | None = None
    reads: Mapping[int, Reading] = field(default_factory=dict)
    """By axis of the input, what each position reads there; others read their own position."""
    moved: bool = False
    """Whether axes were merged or split, so that ``reads`` cannot say what became of them."""
    merged: tuple[int, int] | None = None
    """The first and last of the axes that became one."""

    @property
    def activation_bytes(self) -> int:
        """Memory of the output in float32."""
        return ELEMENT_BYTES * math.prod(self.output_shape)

    @property
    def saved_for_backward_bytes(self) -> int | None:
        """Memory kept for backward, without parameters; None where that is not known."""
        if self.saved is None:
            return None
        kept = self.saved.other_bytes
        if self.saved.input:
            kept += ELEMENT_BYTES * math.prod(self.input_shape)
        if self.saved.output and not (self.saved.view and self.saved.input):
            kept += self.activation_bytes
        return kept


def step(
    name: str,
    meaning: str,
    template: str,
    symbols: tuple[Symbol, ...],
    value: int,
    *,
    axis: int | None = None,
    note: str = "",
    rounding: Rounding | None = None,
) -> Step:
    """A step whose formula is a template with its symbols in braces: ``"{i} + 2·{p}"``."""
    return Step(
        name=name,
        meaning=meaning,
        axis=axis,
        formula=template.format(**{symbol.name: symbol.name for symbol in symbols}),
        filled=template.format(**{symbol.name: _number(symbol.value) for symbol in symbols}),
        value=value,
        symbols=symbols,
        note=note,
        rounding=rounding,
    )


def _number(value: float) -> str:
    return f"(−{-value})" if value < 0 else str(value)
