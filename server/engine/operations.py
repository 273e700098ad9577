"""What PyTorch functions and modules say about themselves: kind, configuration, what they write."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

PLAIN = frozenset({bool, int, float, str, type(None), torch.dtype, torch.device, slice})
"""Types of arguments that hold no tensor, for a quick look."""

SEQUENCES = (list, tuple)
"""Types of arguments that may hold some, one after another."""


def tensors_in(value: Any) -> list[Tensor]:
    """Every tensor in nested tuples, lists, mappings and dataclasses, in order."""
    found: list[Tensor] = []
    _collect(value, found)
    return found


def _collect(value: Any, found: list[Tensor]) -> None:
    if isinstance(value, Tensor):
        found.append(value)
    elif isinstance(value, SEQUENCES):
        for item in value:
            if type(item) not in PLAIN:
                _collect(item, found)
    elif type(value) in PLAIN:
        return
    elif isinstance(value, Mapping):
        for item in value.values():
            _collect(item, found)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            _collect(getattr(value, field.name), found)


@dataclasses.dataclass(frozen=True, slots=True)
class Function:
    """What there is to know of a PyTorch function, whatever it is given."""

    kind: str
    """Its plain name: see ``operation_kind``."""
    writes: bool
    """Whether it writes to its first argument."""
    escapes: bool
    """Whether it hands the values of its first argument to where nothing is recorded."""


ESCAPES = frozenset({"numpy", "__array__", "tolist", "__dlpack__", "data_ptr"})
"""Methods of tensors that do so."""


@functools.lru_cache(maxsize=4096)
def described(func: Callable[..., Any]) -> Function:
    """A function as PyTorch names it."""
    name = str(getattr(func, "__name__", ""))
    return Function(operation_kind(func), _writes(name), name in ESCAPES)


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
    function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> list[Tensor]:
    """The tensors that a call writes to: of ``add_``, ``x[...] = v``, ``inplace=`` and ``out=``."""
    if "out" in kwargs:
        return tensors_in(kwargs["out"])
    if function.writes or kwargs.get("inplace") is True:
        return tensors_in(args[:1])
    return []


def _writes(name: str) -> bool:
    in_place = name.endswith("_") and not name.endswith("__")
    # x += y is __iadd__; __int__ and __invert__ are no such operators: there is no __nt__.
    assignment = name.startswith("__i") and hasattr(Tensor, f"__{name[3:]}")
    return in_place or assignment or name == "__setitem__"


def module_hyperparameters(module: nn.Module) -> dict[str, Any]:
    """The configuration that a module declares as constant, such as kernel_size and stride."""
    kind = type(module)
    attributes = module.__dict__
    found: dict[str, Any] = {}
    for name in getattr(kind, "__constants__", ()):
        if name in attributes:
            value = attributes[name]
        elif hasattr(kind, name):
            value = getattr(module, name)
        else:
            continue  # such as a parameter
        if type(value) in _JSON:
            found[name] = value
        elif type(value) is tuple and _JSON.issuperset(map(type, value)):
            found[name] = list(value)
        elif _is_plain(value):
            found[name] = _as_json(value)
    if "bias" in module._parameters:
        found["bias"] = module._parameters["bias"] is not None
    return found


def operation_hyperparameters(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments that are not tensors: named ones by name, others in a list ``arguments``."""
    positional = [_as_json(value) for value in args if _is_plain(value)]
    named = {
        name: _as_json(value)
        for name, value in kwargs.items()
        if _is_plain(value) and not name.startswith("_")
    }
    return ({"arguments": positional} if positional else {}) | named


_JSON = frozenset({bool, int, str, type(None)})


def _is_plain(value: Any) -> bool:
    if type(value) in _JSON:
        return True
    if isinstance(value, SEQUENCES):
        return all(map(_is_plain, value))
    return isinstance(value, bool | int | float | str | slice | torch.dtype)


def _as_json(value: Any) -> Any:
    if type(value) in _JSON:
        return value
    if isinstance(value, SEQUENCES):
        return [_as_json(item) for item in value]
    if isinstance(value, slice | torch.dtype) or (
        isinstance(value, float) and not math.isfinite(value)
    ):
        return str(value)
    return value
