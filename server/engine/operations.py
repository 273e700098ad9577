"""What PyTorch functions and modules say about themselves: kind, configuration, what they write."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Every tensor in nested tuples, lists, mappings and dataclasses, in order."""
    if isinstance(value, Tensor):
        yield value
    elif dataclasses.is_dataclass(value) and not isinstance(value, Mapping | type):
        for field in dataclasses.fields(value):
            yield from tensors_in(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from tensors_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from tensors_in(item)


def operation_kind(func: Callable[..., Any]) -> str:
    """The plain name of a function: ``add`` for ``torch.add``, ``+``, ``+=`` and ``add_``."""
    name = str(getattr(func, "__name__", type(func).__name__))
    if name == "__get__":  # a property, such as x.T
        name = str(getattr(getattr(func, "__self__", None), "__name__", name))
    if name.startswith("__") and name.endswith("__"):
        name = name.strip("_")
        return name[1:] if name[0] in "ri" and hasattr(Tensor, f"__{name[1:]}__") else name
    return name.strip("_")


def mutated_tensors(
    func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Tensor, ...]:
    """The tensors that a call writes to: of ``add_``, ``x[...] = v``, ``inplace=`` and ``out=``."""
    if "out" in kwargs:
        return tuple(tensors_in(kwargs["out"]))
    name = str(getattr(func, "__name__", ""))
    in_place = name.endswith("_") and not name.endswith("__")
    # x += y is __iadd__; __int__ and __invert__ are no such operators: there is no __nt__.
    assignment = name.startswith("__i") and hasattr(Tensor, f"__{name[3:]}")
    if in_place or assignment or name == "__setitem__" or kwargs.get("inplace") is True:
        return tuple(tensors_in(args[:1]))
    return ()


def module_hyperparameters(module: nn.Module) -> dict[str, Any]:
    """The configuration that a module declares as constant, such as kernel_size and stride."""
    names = getattr(type(module), "__constants__", ())
    values = {name: getattr(module, name) for name in names if hasattr(module, name)}
    plain = {name: value for name, value in values.items() if _is_plain(value)}
    if "bias" in module._parameters:
        plain["bias"] = module._parameters["bias"] is not None
    return {name: _as_json(value) for name, value in plain.items()}


def operation_hyperparameters(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments that are not tensors: named ones by name, others in a list ``arguments``."""
    positional = [_as_json(value) for value in args if _is_plain(value)]
    named = {
        name: _as_json(value)
        for name, value in kwargs.items()
        if _is_plain(value) and not name.startswith("_")
    }
    return ({"arguments": positional} if positional else {}) | named


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str | slice | torch.dtype)


def _as_json(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_as_json(item) for item in value]
    if isinstance(value, slice | torch.dtype) or (
        isinstance(value, float) and not math.isfinite(value)
    ):
        return str(value)
    return value
