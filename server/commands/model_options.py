"""Options that belong to the ``--model`` before them on the command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from typer import BadParameter

from server.settings import ServedModel

OPTIONS = ("name", "weights", "inputs", "labels", "normalise")
"""Parameters of the command that say something of a model."""


def served_models(
    order: Sequence[str], values: Mapping[str, Sequence[Any]]
) -> tuple[ServedModel, ...]:
    """The models of a command line, each with the options that stand behind it.

    Where there is one model, its options may stand before it as well.

    Args:
        order: names of the parameters in the order in which they were given.
        values: of ``model`` and of each of ``OPTIONS``, those that were given, in order.

    Raises:
        BadParameter: an option without a model or given twice for one, or a wrong name.
    """
    rest: dict[str, Iterator[Any]] = {name: iter(given) for name, given in values.items()}
    said: list[dict[str, Any]] = [{"model": model} for model in values["model"]]
    current = 0 if len(said) == 1 else -1
    for parameter in order:
        if parameter == "model":
            current += len(said) > 1
        elif parameter in OPTIONS:
            if current < 0:
                raise BadParameter(
                    "it stands before the --model that it belongs to"
                    if said
                    else "it says something of a --model, and none is given",
                    param_hint=_option(parameter),
                )
            _add(said[current], parameter, next(rest[parameter]))
    return tuple(map(_validated, said))


def _add(said: dict[str, Any], parameter: str, value: Any) -> None:
    if parameter == "inputs":
        said["input"] = (*said.get("input", ()), value)
    elif parameter in said:
        raise BadParameter(
            f"it is given twice for {said['model']}: {said[parameter]} and {value}",
            param_hint=_option(parameter),
        )
    else:
        said[parameter] = value


def _validated(said: dict[str, Any]) -> ServedModel:
    try:
        return ServedModel(**said)
    except ValidationError as error:
        (first, *_) = error.errors()
        raise BadParameter(
            f"{first['input']!r} is no name: letters, digits, '.', '-' and '_', 100 at most",
            param_hint=_option(str(first["loc"][0])),
        ) from error


def _option(parameter: str) -> str:
    return "--input" if parameter == "inputs" else f"--{parameter}"
