"""Sums, means, products, maxima and minima over axes; and rows of an embedding."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from server.engine.arithmetic.call import Call
from server.engine.arithmetic.parts import Broken, NotBrokenDown, Rest, chosen, single
from server.engine.arithmetic.snippet import Snippet

VALUES = 1024
"""How many values are listed, unless asked otherwise."""

FORMULAS = {
    "sum": "out = Σ input",
    "mean": "out = 1/n · Σ input",
    "prod": "out = Π input",
    "amax": "out = max input",
    "amin": "out = min input",
    "max": "out = max input",
    "min": "out = min input",
}


@dataclass(frozen=True)
class ReducedValue:
    """One of the values that are put together."""

    index: list[int]
    value: float


@dataclass(frozen=True)
class ReductionTerms:
    """A value of a sum, mean, product, maximum or minimum."""

    function: str
    axes: list[int]
    """Of the input, which it runs over."""
    count: int
    values: list[ReducedValue]
    """The greatest absolute values, or the first."""
    rest: Rest | None
    """The others: their sum, product, maximum or minimum."""
    divisor: int
    """The count for a mean, else 1."""
    sum: float | None
    """Before the division; None where nothing is added."""


@dataclass(frozen=True)
class EmbeddingTerms:
    """A value of an embedding: one of the table's row."""

    row: int
    """What the input says."""
    column: int
    rows: int


def reduction(call: Call) -> Broken:
    """A value of ``mean``, ``sum``, ``prod``, ``max``, ``min``, ``amax`` or ``amin``."""
    operand, name = call.operand("input"), call.function
    shape = operand.tensor.shape
    dim = call["dim"]
    if dim is None or dim == () or dim == []:
        axes = list(range(len(shape)))
    elif isinstance(dim, int) or all(isinstance(axis, int) for axis in dim):
        axes = sorted(axis % len(shape) for axis in ([dim] if isinstance(dim, int) else dim))
    else:
        raise NotBrokenDown("its axes are no numbers")
    kept = list(call.index)
    cells: list[list[int]] = []
    keepdim = bool(call["keepdim"])
    for axis, size in enumerate(shape):
        if axis in axes:
            cells.append(list(range(size)))
            if keepdim:
                kept.pop(0)
        else:
            cells.append([kept.pop(0)])
    place = [slice(None) if axis in axes else cells[axis][0] for axis in range(len(shape))]
    values = operand.tensor[tuple(place)].detach().to("cpu", torch.float64).flatten()
    listed, rest = chosen(values, call.listed(VALUES), call.sort)
    functions: dict[str, Callable[..., Any]] = {
        "sum": torch.sum, "mean": torch.mean, "prod": torch.prod,
        "amax": torch.max, "max": torch.max, "amin": torch.min, "min": torch.min,
    }  # fmt: skip
    if rest is not None and name not in ("sum", "mean"):
        others = torch.ones(len(values), dtype=torch.bool)
        others[listed] = False
        rest = Rest(rest.count, float(functions[name](values[others])))
    value = float(functions[name](values))
    added = name in ("sum", "mean")
    sizes = [shape[axis] for axis in axes]
    terms = ReductionTerms(
        function=name,
        axes=axes,
        count=len(values),
        values=[
            ReducedValue(_place(number, axes, sizes, cells), float(values[number]))
            for number in listed
        ],
        rest=rest,
        divisor=len(values) if name == "mean" else 1,
        sum=float(values.sum()) if added else None,
    )
    written = {"amax": "max", "amin": "min"}.get(name, name)
    return Broken(
        "reduction",
        terms,
        value,
        FORMULAS[name],
        call.read("input", cells),
        Snippet(call).tensor("values", operand, tuple(place)).ending(f"values.{written}()"),
    )


def embedding(call: Call) -> Broken:
    """A value of an embedding."""
    *lead, column = call.index
    weight = call.operand("weight")
    row = int(call.operand("input").tensor[tuple(lead)])
    value = float(weight.tensor[row, column].double())
    if not math.isfinite(value):
        raise NotBrokenDown("the table holds no number there")
    return Broken(
        "embedding",
        EmbeddingTerms(row, column, weight.tensor.shape[0]),
        value,
        "out_i = weight[input_i]",
        call.read("input", single(tuple(lead))),
        Snippet(call).tensor("row", weight, (row,)).ending(f"row[{column}]"),
    )


def _place(number: int, axes: list[int], sizes: list[int], cells: list[list[int]]) -> list[int]:
    """The place in the input of one of the values."""
    index = [axis[0] if axis else 0 for axis in cells]
    for axis, size in zip(reversed(axes), reversed(sizes), strict=True):
        number, index[axis] = divmod(number, size)
    return index
