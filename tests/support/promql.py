"""Which metrics, and which of their labels, an expression in PromQL asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
    | (?P<string>"(?:[^"\\]|\\.)*")
    | (?P<range>\[[^\]]*\])
    | (?P<number>\d+(?:\.\d+)?(?:e[+-]?\d+)?)
    | (?P<name>[A-Za-z_:$][\w:]*)
    | (?P<operator>=~|!~|!=|==|<=|>=|[-+*/%^<>=])
    | (?P<mark>[(){},])
    """,
    re.VERBOSE,
)
_OF_LABELS = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})
_OPERATORS = frozenset({"and", "or", "unless", "bool", "offset"})


@dataclass(frozen=True)
class Selector:
    """A metric, and what is asked of its labels: name, operator and value of each."""

    metric: str
    matchers: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Query:
    """What an expression asks for."""

    selectors: tuple[Selector, ...]
    grouped_by: frozenset[str]
    """Labels in a by, on or their kind."""


def tokens(expression: str) -> list[tuple[str, str]]:
    """The kind and the text of each token.

    Raises:
        ValueError: something that is none, or brackets that do not match.
    """
    found = []
    position = 0
    while position < len(expression):
        match = _TOKEN.match(expression, position)
        if match is None:
            raise ValueError(f"no token at {expression[position:]!r}")
        position = match.end()
        if match.lastgroup != "space":
            found.append((str(match.lastgroup), match.group()))
    opened = []
    for kind, text in found:
        if kind == "mark" and text in "({":
            opened.append({"(": ")", "{": "}"}[text])
        elif kind == "mark" and text in ")}" and (not opened or opened.pop() != text):
            raise ValueError(f"brackets do not match in {expression!r}")
    if opened:
        raise ValueError(f"brackets are left open in {expression!r}")
    return found


def query(expression: str) -> Query:
    """What an expression asks for; raises ValueError as ``tokens`` does."""
    found = [*tokens(expression), ("end", "")]
    selectors: list[Selector] = []
    grouped: set[str] = set()
    depth_of_labels = False
    inside = ""
    matchers: list[tuple[str, str, str]] = []
    for number, ((kind, text), (_, following)) in enumerate(pairwise(found)):
        if text == "{":
            inside = "matchers"
        elif text == "}":
            last = selectors.pop()
            selectors.append(Selector(last.metric, tuple(matchers)))
            matchers, inside = [], ""
        elif kind == "name" and inside == "matchers":
            matchers.append((text, following, found[number + 2][1].strip('"')))
        elif kind == "name" and text in _OF_LABELS:
            depth_of_labels = following == "("
        elif kind == "name" and depth_of_labels:
            grouped.add(text)
        elif text == ")":
            depth_of_labels = False
        elif kind == "name" and text not in _OPERATORS and following not in ("(", *_OF_LABELS):
            selectors.append(Selector(text, ()))
    return Query(tuple(selectors), frozenset(grouped))
