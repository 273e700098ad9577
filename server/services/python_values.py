"""Values that stand in Python source: numbers, texts, lists, and arithmetic on those."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from server.errors import shorten

LARGEST = 2**64
"""Of what arithmetic may come to; PyTorch's integers have 64 bits."""

DEEPEST = 50
"""Levels of operators."""

LONGEST = 64
"""Values of a list."""

LARGEST_POWER = 64

OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


class Unreadable(ValueError):
    """The value does not stand in the text; the message goes on after the name of what it is of."""


def read_value(node: ast.expr, names: Mapping[str, Any], depth: int = 0) -> Any:
    """The value of an expression, tuples as lists.

    Args:
        node: the expression.
        names: values of names that the text has assigned before.
        depth: how deep it is nested already.

    Raises:
        Unreadable: it is not made of numbers, texts and lists alone.
    """
    if depth > DEEPEST:
        raise Unreadable("is nested too deeply.")
    match node:
        case ast.Constant(value=None | bool() | int() | float() | str() as value):
            return _bounded(value)
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return _list([read_value(item, names, depth + 1) for item in items[: LONGEST + 1]])
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            value = _number(read_value(operand, names, depth + 1))
            return -value if isinstance(sign, ast.USub) else value
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            first = _number(read_value(left, names, depth + 1))
            second = _number(read_value(right, names, depth + 1))
            return _computed(OPERATORS[type(op)], first, second)
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.Name(id=name):
            raise Unreadable(f"is {shorten(name)}, whose value does not stand in the text.")
    raise Unreadable("is no number, text or list.")


def _list(values: list[Any]) -> list[Any]:
    # Names may stand for lists, so that lists in lists could grow beyond all bounds.
    if len(values) > LONGEST or any(isinstance(value, list) for value in values):
        raise Unreadable(f"is no plain list of at most {LONGEST} values.")
    return values


def _number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unreadable("computes with something that is no number.")
    return value


def _computed(compute: Callable[[Any, Any], Any], first: float, second: float) -> Any:
    if compute is operator.pow and second not in range(LARGEST_POWER + 1):
        raise Unreadable(f"has a power that is not a whole number of 0 to {LARGEST_POWER}.")
    try:
        value = compute(first, second)
    except (ZeroDivisionError, OverflowError) as error:
        raise Unreadable("cannot be computed.") from error
    return _bounded(value)


def _bounded(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool) and not abs(value) <= LARGEST:
        raise Unreadable("is too large a number.")
    return value
