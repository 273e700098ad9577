"""Calls that write to what they are given, made to give something new instead.

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
