"""Concatenation and stacking: which of several tensors a value comes from."""

from __future__ import annotations

from dataclasses import dataclass

from server.engine.arithmetic.call import Call
from server.engine.arithmetic.parts import Broken, NotBrokenDown, single
from server.engine.arithmetic.snippet import Snippet
from server.engine.given import Operand


@dataclass(frozen=True)
class Part:
    """One of the tensors that are joined."""

    source: str | None
    """The layer or input that made it, or the model's parameter."""
    first: int
    """Where it begins along the axis of the result."""
    size: int
    """How many places it takes there."""


@dataclass(frozen=True)
class ConcatenationTerms:
    """A value of a concatenation."""

    axis: int
    parts: list[Part]
    part: int
    """The one that the value comes from."""
    index: list[int]
    """Its place there."""
    stacked: bool
    """Whether the axis is a new one, along which each tensor takes one place."""


def concatenation(call: Call) -> Broken:
    """A value of ``cat`` or ``stack``."""
    tensors = call["tensors"]
    if isinstance(tensors, Operand) or not all(isinstance(part, Operand) for part in tensors):
        raise NotBrokenDown("what is joined is no list of tensors")
    stacked = call.function == "stack"
    axis = int(call["dim"]) % len(call.shape)
    parts: list[Part] = []
    first = 0
    for operand in tensors:
        shape = operand.tensor.shape
        # Empty tensors of one axis are skipped, whatever the shape of the others.
        empty = not stacked and len(shape) == 1 and shape[0] == 0
        size = 1 if stacked else 0 if empty else shape[axis]
        source = operand.parameter if operand.input is None else call.node.inputs[operand.input]
        parts.append(Part(source, first, size))
        first += size
    place = call.index[axis]
    chosen = next(n for n, part in enumerate(parts) if part.first <= place < part.first + part.size)
    index = list(call.index)
    if stacked:
        del index[axis]
    else:
        index[axis] = place - parts[chosen].first
    operand = tensors[chosen]
    value = float(operand.tensor[tuple(index)].double())
    return Broken(
        "concatenation",
        ConcatenationTerms(axis, parts, chosen, index, stacked),
        value,
        "out = the tensors one after the other along dim",
        call.read_of(operand, single(tuple(index))),
        Snippet(call).tensor("part", operand, tuple(index)).ending("part"),
    )
