"""What a call was given: its arguments, with the values that the tensors had at that time."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Operand:
    """A tensor among the arguments of a call."""

    tensor: Tensor = field(repr=False)
    """Its values when the call began, on the device of the model; of a parameter the tensor."""
    input: int | None
    """Which of the node's ``inputs`` it is; None for a constant, such as a weight."""
    kept: tuple[str, int] | None = None
    """The node, and the number of its output, whose kept clone this is. None: a copy of its own,
    since the tensor is another view of that memory, or was written to in between."""
    parameter: str | None = None
    """Its name among the parameters and buffers of the model."""


@dataclass(frozen=True)
class Given:
    """The arguments of one call, with operands in the place of tensors."""

    function: Callable[..., Any] | None
    """What was called; None for a leaf module, whose ``forward`` was."""
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def operands(self) -> Iterator[Operand]:
        """Every tensor, in the order of the arguments."""
        yield from operands_in((self.args, self.kwargs))

    def replaced(self, replace: Callable[[Operand], Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with something else in the place of each operand."""
        args, kwargs = replaced((self.args, self.kwargs), Operand, replace)
        return args, kwargs


class Recollection:
    """Knows what tensors hold, so that arguments need copies only where no clone is kept.

    A clone stands for a tensor as long as PyTorch's version counter of its memory says that
    nothing was written to it, through whichever view.
    """

    def __init__(self, names: Mapping[int, str]) -> None:
        self._names = names
        """Names of parameters and buffers by their id."""
        self._known: dict[int, tuple[Tensor, int, Tensor, tuple[str, int] | None]] = {}

    def remember(self, name: str, tensors: Iterable[Tensor], clones: Iterable[Tensor]) -> None:
        """Clones of what a node returned."""
        for number, (tensor, clone) in enumerate(zip(tensors, clones, strict=True)):
            self._known[id(tensor)] = tensor, _version(tensor), clone, (name, number)

    def given(
        self,
        function: Callable[..., Any] | None,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        made: Callable[[Tensor], bool],
    ) -> Given:
        """The arguments of a call that is about to begin; ``made`` tells inputs from constants."""
        count = itertools.count()

        def operand(tensor: Tensor) -> Operand:
            if not made(tensor) and (name := self._names.get(id(tensor))):
                return Operand(tensor.detach(), None, parameter=name)
            values, kept = self._values(tensor)
            return Operand(values, next(count) if made(tensor) else None, kept)

        args, kwargs = replaced((args, kwargs), Tensor, operand)
        return Given(function, args, kwargs)

    def _values(self, tensor: Tensor) -> tuple[Tensor, tuple[str, int] | None]:
        version = _version(tensor)
        if id(tensor) in self._known:
            _, then, clone, kept = self._known[id(tensor)]
            if then == version >= 0:
                return clone, kept
        clone = tensor.detach().clone()
        self._known[id(tensor)] = tensor, version, clone, None
        return clone, None


def operands_in(value: Any) -> Iterator[Operand]:
    """Every operand in nested arguments, in order."""
    if isinstance(value, Operand):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from operands_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from operands_in(item)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for attribute in dataclasses.fields(value):
            yield from operands_in(getattr(value, attribute.name))


def replaced(value: Any, type_: type, replace: Callable[[Any], Any]) -> Any:
    """Nested arguments with something else in the place of every value of a type."""
    if isinstance(value, type_):
        return replace(value)
    if isinstance(value, Mapping):
        return {key: replaced(item, type_, replace) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(replaced(item, type_, replace) for item in value))
    if isinstance(value, list | tuple):
        items = [replaced(item, type_, replace) for item in value]
        return items if isinstance(value, list) else tuple(items)
    if dataclasses.is_dataclass(value) and not isinstance(value, type | Operand):
        return {
            attribute.name: replaced(getattr(value, attribute.name), type_, replace)
            for attribute in dataclasses.fields(value)
        }
    return value


def _version(tensor: Tensor) -> int:
    """PyTorch's count of writes to the tensor's memory; -1 where none is kept."""
    return -1 if tensor.is_inference() else tensor._version
