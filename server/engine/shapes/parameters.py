"""The parameters of layers as ``torch.nn`` names them, and how their values are read."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from server.engine.shapes.refusal import Refusal, listed

LARGEST = 2**63 - 1
"""PyTorch's integers have 64 bits."""

LONGEST = 64
"""PyTorch's tensors have at most so many axes."""

SHOWN = 40
"""Characters of a wrong value that are repeated."""

NOT_FOR_SHAPES = ("device", "dtype")
"""What constructors take besides; neither changes a shape."""


class Kind(StrEnum):
    """What values a parameter takes."""

    INTEGER = "integer"
    OPTIONAL_INTEGER = "integer or null"
    SIZES = "integer, or one for each axis"
    OPTIONAL_SIZES = "integer, one for each axis, or null"
    SIZES_OR_NULLS = "integer, or an integer or null for each axis"
    PADDING = "integer, one for each axis, same or valid"
    SHAPE = "integer or list of integers"
    LIST = "list of integers"
    FLAG = "true or false"
    OPTIONAL_FLAG = "true, false or null"
    NUMBER = "number"
    OPTIONAL_NUMBER = "number or null"
    FACTORS = "number, one for each axis, or null"
    TEXT = "text"


class Required:
    """The default of a parameter that has none."""

    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED = Required()


@dataclass(frozen=True)
class Parameter:
    """One parameter of a layer's constructor."""

    name: str
    kind: Kind
    default: Any = REQUIRED
    choices: tuple[str, ...] = ()
    """Of a text, all that PyTorch takes."""


def read_parameters(
    type_name: str, parameters: Sequence[Parameter], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Every parameter's value, with defaults; lists become tuples.

    Raises:
        Refusal: unknown, missing, or of a kind that the parameter does not take.
    """
    known = {parameter.name: parameter for parameter in parameters}
    for name in given:
        if name not in known:
            raise _unknown(type_name, name, list(known))
    values: dict[str, Any] = {}
    for name, parameter in known.items():
        if name in given:
            values[name] = _read(parameter, given[name])
        elif parameter.default is REQUIRED:
            raise Refusal(name, f"{type_name} needs {name}.")
        else:
            values[name] = parameter.default
    return values


def closest(word: str, words: Sequence[str]) -> str | None:
    """The likeliest of words for one that is none of them."""
    lower = {known.lower(): known for known in words}
    found = difflib.get_close_matches(word[:SHOWN].lower(), lower, 1, 0.6)
    return lower[found[0]] if found else None


def close_match(word: str, words: Sequence[str]) -> str:
    """A sentence that names the likeliest of words, or an empty one."""
    found = closest(word, words)
    return f" Did you mean {found}?" if found else ""


def _unknown(type_name: str, name: str, known: list[str]) -> Refusal:
    if name in NOT_FOR_SHAPES:
        return Refusal(name, f"Leave {name} out: it changes no shape.")
    takes = f"it takes {', '.join(known)}" if known else "it takes no parameters"
    text = f"{type_name} has no parameter {_short(name)}; {takes}."
    return Refusal(_short(name), text + close_match(name, known))


def _read(parameter: Parameter, value: Any) -> Any:
    name, kind = parameter.name, parameter.kind
    if isinstance(value, list | tuple) and len(value) > LONGEST:
        raise Refusal(name, f"{name} has at most {LONGEST} numbers, as a tensor has axes.")
    if value is None and kind in _NULLABLE:
        return None
    match kind:
        case Kind.FLAG | Kind.OPTIONAL_FLAG:
            if not isinstance(value, bool):
                raise _wrong(parameter, value)
            return value
        case Kind.INTEGER | Kind.OPTIONAL_INTEGER:
            return _integer(parameter, value)
        case Kind.NUMBER | Kind.OPTIONAL_NUMBER:
            return _number(parameter, value)
        case Kind.FACTORS:
            if isinstance(value, list | tuple):
                return tuple(_number(parameter, item) for item in value)
            return _number(parameter, value)
        case Kind.TEXT:
            if value not in parameter.choices:
                raise Refusal(
                    name,
                    f"{name} is {listed(parameter.choices)}, not {_short(value)}.",
                    value=value,
                )
            return value
        case Kind.PADDING if isinstance(value, str):
            if value not in ("same", "valid"):
                text = f'{name} is a number, one for each axis, "same" or "valid", not '
                raise Refusal(name, f"{text}{_short(value)}.", value=value)
            return value
    if isinstance(value, list | tuple):
        null = kind is Kind.SIZES_OR_NULLS
        return tuple(None if null and item is None else _integer(parameter, item) for item in value)
    if kind is Kind.LIST:
        raise _wrong(parameter, value)
    return _integer(parameter, value)


_NULLABLE = frozenset(
    {
        Kind.OPTIONAL_INTEGER,
        Kind.OPTIONAL_SIZES,
        Kind.OPTIONAL_FLAG,
        Kind.OPTIONAL_NUMBER,
        Kind.FACTORS,
    }
)


def _integer(parameter: Parameter, value: Any) -> int:
    name = parameter.name
    if isinstance(value, bool) or not isinstance(value, int):
        if isinstance(value, float) and abs(value) <= LARGEST:
            raise Refusal(name, f"{name} is a whole number, not {_short(value)}.", value=value)
        if not isinstance(value, float):
            raise _wrong(parameter, value)
    if not abs(value) <= LARGEST:
        raise Refusal(name, f"{name} is at most {LARGEST}.", limit=LARGEST)
    return int(value)


def _number(parameter: Parameter, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(parameter, value)
    if isinstance(value, int) and abs(value) > LARGEST:
        raise Refusal(parameter.name, f"{parameter.name} is at most {LARGEST}.", limit=LARGEST)
    if not math.isfinite(value):
        raise Refusal(parameter.name, f"{parameter.name} is a finite number.")
    return value


def _wrong(parameter: Parameter, value: Any) -> Refusal:
    text = f"{parameter.name} is {_ARTICLES.get(parameter.kind, '')}{parameter.kind.value}"
    return Refusal(parameter.name, f"{text}, not {_short(value)}.")


_ARTICLES: dict[Kind, str] = {
    kind: "an " if kind.value.startswith("integer") else "a "
    for kind in Kind
    if kind not in (Kind.FLAG, Kind.OPTIONAL_FLAG)
}


def _short(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, Mapping):
        return "an object"
    text = str(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
