"""Operations of two sides at one place: sums, differences, products, quotients and their kin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from server.engine.arithmetic.call import Call, value_at
from server.engine.arithmetic.parts import (
    Broken,
    NotBrokenDown,
    Read,
    single,
    unbroadcast,
)
from server.engine.arithmetic.snippet import Snippet
from server.engine.given import Operand


@dataclass(frozen=True)
class Side:
    """One of the two sides."""

    name: str
    """Of the parameter in PyTorch's documentation."""
    source: str | None
    """The layer or input that made it, or the model's parameter; None for a number, or for a
    tensor that the model made by itself."""
    shape: list[int] | None
    """None for a number."""
    index: list[int] | None
    """Its place that stands at the unit, after broadcasting."""
    broadcast: bool
    """Whether the same value stands at other units too."""
    value: float


@dataclass(frozen=True)
class ElementwiseTerms:
    """A value computed from two values at the same place."""

    operator: str
    sides: list[Side]
    alpha: float | None
    """By which ``other`` is multiplied before it is added or subtracted; None elsewhere."""
    rounding_mode: str | None


@dataclass(frozen=True)
class _Operator:
    sign: str
    formula: str
    apply: Callable[..., Tensor]
    written: str


_OPERATORS = {
    "add": _Operator("+", "out_i = input_i + alpha · other_i", torch.add, "input + other"),
    "sub": _Operator("−", "out_i = input_i − alpha · other_i", torch.sub, "input - other"),
    "mul": _Operator("×", "out_i = input_i · other_i", torch.mul, "input * other"),
    "div": _Operator("÷", "out_i = input_i / other_i", torch.div, "input / other"),
    "floordiv": _Operator(
        "÷", "out_i = ⌊input_i / other_i⌋", torch.floor_divide, "torch.floor_divide(input, other)"
    ),
    "floor_divide": _Operator(
        "÷", "out_i = ⌊input_i / other_i⌋", torch.floor_divide, "torch.floor_divide(input, other)"
    ),
    "pow": _Operator("^", "out_i = input_i ^ exponent_i", torch.pow, "torch.pow(input, exponent)"),
    "maximum": _Operator(
        "max", "out_i = max(input_i, other_i)", torch.maximum, "torch.maximum(input, other)"
    ),
    "minimum": _Operator(
        "min", "out_i = min(input_i, other_i)", torch.minimum, "torch.minimum(input, other)"
    ),
    "fmod": _Operator(
        "mod",
        "out_i = input_i − other_i · trunc(input_i / other_i)",
        torch.fmod,
        "torch.fmod(input, other)",
    ),
    "remainder": _Operator(
        "mod",
        "out_i = input_i − other_i · ⌊input_i / other_i⌋",
        torch.remainder,
        "torch.remainder(input, other)",
    ),
    "atan2": _Operator(
        "atan2",
        "out_i = arctan(input_i / other_i), by quadrant",
        torch.atan2,
        "torch.atan2(input, other)",
    ),
}

NAMES = tuple(_OPERATORS)


def elementwise(call: Call) -> Broken:
    """A value of an operation of two sides; a side may be a number, and sides broadcast."""
    operator = _OPERATORS[call.function]
    name = "exponent" if call.function == "pow" else "other"
    sides = [_side(call, "input"), _side(call, name)]
    alpha = call.arguments.get("alpha") if call.function in ("add", "sub") else None
    rounding = call.arguments.get("rounding_mode")
    values = [torch.tensor(side.value, dtype=torch.float64) for side in sides]
    given: dict[str, Any] = {}
    if alpha is not None:
        given["alpha"] = alpha
    if rounding is not None:
        given["rounding_mode"] = rounding
    value = float(operator.apply(*values, **given))
    reads: tuple[Read, ...] = ()
    snippet = Snippet(call)
    for side in sides:
        argument = call[side.name]
        if isinstance(argument, Operand) and side.index is not None:
            reads += call.read_of(argument, single(tuple(side.index)))
            snippet.tensor(side.name, argument, tuple(side.index))
        else:
            snippet.line(f"{side.name} = torch.tensor({side.value!r}, dtype=torch.float64)")
    written = operator.written
    if alpha not in (None, 1):
        written = f"torch.{call.function}(input, other, alpha={alpha!r})"
    if rounding is not None:
        written = f"torch.div(input, other, rounding_mode={rounding!r})"
    terms = ElementwiseTerms(
        operator=operator.sign,
        sides=sides,
        alpha=None if alpha is None else float(alpha),
        rounding_mode=rounding,
    )
    return Broken("elementwise", terms, value, operator.formula, reads, snippet.ending(written))


def _side(call: Call, name: str) -> Side:
    argument = call[name]
    if not isinstance(argument, Operand):
        if isinstance(argument, bool | int | float):
            return Side(name, None, None, None, True, float(argument))
        raise NotBrokenDown(f"{name} is neither a tensor nor a number")
    shape = argument.tensor.shape
    index = unbroadcast(call.index, shape)
    source = argument.parameter
    if argument.input is not None:
        source = call.node.inputs[argument.input]
    value = value_at(argument, index)
    return Side(name, source, list(shape), list(index), tuple(shape) != call.shape, value)
