"""The tables in the docstrings of the networks, read: what each layer should be, worked by hand."""

from __future__ import annotations

import ast
import inspect
import operator
import re
from dataclasses import dataclass

from torch import nn

OPERATORS = {ast.Add: operator.add, ast.Mult: operator.mul}


@dataclass(frozen=True)
class Row:
    """A line of a table."""

    path: str
    call: int
    shape: tuple[int, ...]
    """Without the batch."""
    parameters: int
    multiply_accumulates: int


@dataclass(frozen=True)
class LayerTable:
    """The table of a network and the sums below it."""

    rows: tuple[Row, ...]
    parameters: int
    multiply_accumulates: int


def layer_table(network: nn.Module) -> LayerTable:
    """Read the table of a network's docstring; its sums must be those of its rows."""
    text = inspect.getdoc(type(network)) or ""
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    rows = tuple(_row([cell.strip() for cell in cells]) for cells in lines[2:])
    sums = re.search(r"In all: (\d+) parameters, (\d+) multiply-accumulates\.", text)
    assert sums, "the docstring has no sums"
    return LayerTable(rows, int(sums[1]), int(sums[2]))


def _row(cells: list[str]) -> Row:
    layer, shape, parameters, multiply_accumulates = cells
    path, _, call = layer.partition("@")
    assert shape.startswith("(N, ")
    return Row(
        path,
        int(call or 0),
        tuple(map(int, shape.strip("()").split(", ")[1:])),
        _number(parameters),
        _number(multiply_accumulates),
    )


def _number(cell: str) -> int:
    """The number of a cell; where it stands as ``sum = number``, the sum must give it."""
    arithmetic, _, number = cell.rpartition(" = ")
    if arithmetic:
        assert _value(ast.parse(arithmetic, mode="eval").body) == int(number), cell
    return int(number)


def _value(node: ast.expr) -> int:
    if isinstance(node, ast.BinOp):
        calculate = OPERATORS[type(node.op)]
        return int(calculate(_value(node.left), _value(node.right)))
    assert isinstance(node, ast.Constant)
    assert isinstance(node.value, int)
    return node.value
