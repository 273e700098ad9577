"""Calls that write to what they are given: made to give something new instead, and counted.

Where every layer's output is kept, an activation in place costs a copy of what it overwrites. The
same activation not in place costs less, and is the same to a model that never looks at the old
tensor again. Whether it does is seen in one run: a model whose graph its shapes decide does the
same in all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from server.engine.operations import tensors_in

_OPERATORS = ("add", "sub", "mul", "truediv")
_METHODS = ("add", "sub", "mul", "div", "relu", "sigmoid", "tanh", "clamp", "exp", "sqrt")

_INSTEAD: dict[Callable[..., Any], Callable[..., Any]] = {
    **{getattr(Tensor, f"__i{name}__"): getattr(Tensor, f"__{name}__") for name in _OPERATORS},
    **{getattr(Tensor, f"{name}_"): getattr(Tensor, name) for name in _METHODS},
    torch.relu_: torch.relu,
}


def writes_in_place(module: nn.Module) -> bool:
    """Whether it is a layer of PyTorch's own that does so, and does not with ``inplace=False``."""
    return type(module).__module__.startswith("torch.nn.modules.") and (
        vars(module).get("inplace") is True
    )


def not_in_place(function: Callable[..., Any], kwargs: dict[str, Any]) -> Callable[..., Any] | None:
    """What to call with the same arguments, ``inplace`` apart; None where nothing is known."""
    if kwargs.get("inplace") is True:
        return function
    return _INSTEAD.get(function)


class Looks(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes which of some tensors are looked at again, by whatever operator and view.

    Which tensors, is told with ``done_with``, each under a number.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._done: dict[int, tuple[Tensor, int]] = {}
        self.seen: set[int] = set()
        """The numbers of those that were."""

    def done_with(self, tensors: Iterable[Tensor], number: int) -> None:
        """From now on nothing should look at these. They are held on to, and so is their memory."""
        for tensor in tensors:
            self._done[tensor.untyped_storage()._cdata] = tensor, number

    def look_at(self, tensors: Iterable[Tensor]) -> None:
        """Something has to do with these."""
        for tensor in tensors:
            found = self._done.get(tensor.untyped_storage()._cdata)
            if found is not None:
                self.seen.add(found[1])

    def __torch_dispatch__(
        self,
        func: torch._ops.OpOverload,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if self._done:
            self.look_at(tensors_in((args, kwargs)))
        return func(*args, **kwargs)


class Writes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts what is written to the memory of tensors, by whatever operator and view.

    Unlike the version that a tensor has, it also knows what is written by way of ``x.data``, and
    what to tensors of the inference mode.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._written: dict[int, int] = {}

    def to(self, tensor: Tensor) -> int:
        """How often was written to a tensor's memory, if it has been there since the beginning."""
        return self._written.get(tensor.untyped_storage()._cdata, 0)

    def __torch_dispatch__(
        self,
        func: torch._ops.OpOverload,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        for place, argument in enumerate(func._schema.arguments):
            if argument.alias_info is None or not argument.alias_info.is_write:
                continue
            given = args[place] if place < len(args) else kwargs.get(argument.name)
            for tensor in tensors_in(given):
                memory = tensor.untyped_storage()._cdata
                self._written[memory] = self._written.get(memory, 0) + 1
        return result
