"""Leaving a model, and the random number generators, as they were found."""

from __future__ import annotations

import random
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from server.engine.operations import tensors_in
from server.engine.record import signature_of

SCALARS = frozenset({bool, int, float, complex, str, bytes, type(None), torch.dtype, tuple})
"""Types of attributes that hold nothing that can change."""

Container = dict[Any, Any] | list[Any] | set[Any] | deque[Any]


@contextmanager
def preserved(model: nn.Module, *, watching: bool = True) -> Iterator[Preservation]:
    """Whatever happens inside, the model is afterwards as it was before.

    That is: every module's attributes (training flags, hooks, parameters, buffers, submodules and
    plain ones, such as caches; of lists, dictionaries and sets the items, too), the values of
    parameters, buffers and other tensors among the attributes, each parameter's ``requires_grad``
    and ``grad``, the default type, and the state of the random number generators of Python, NumPy,
    the CPU and the model's devices. Objects of other classes among the attributes keep what is
    done to them.

    Values are copied when an operator is about to write to them, and not before.

    Args:
        model: may hold ScriptModules.
        watching: whether to look out for writes here. Else the caller calls ``about_to_write``.
    """
    kept = Preservation(model)
    dtype = torch.get_default_dtype()
    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=sorted(kept.devices)):
        try:
            with ExitStack() as stack:
                if watching:
                    stack.enter_context(_Watch(kept.about_to_write))
                yield kept
        finally:
            kept.restore()
            torch.set_default_dtype(dtype)
            random.setstate(python)
            np.random.set_state(numpy)


class Preservation:
    """What a model was, and the values that were written to since."""

    def __init__(self, model: nn.Module) -> None:
        every = list(model.modules())
        scripts = [module for module in every if isinstance(module, torch.jit.ScriptModule)]
        self._modules = [
            (module, _Attributes(vars(module)))
            for module in every
            if not isinstance(module, torch.jit.ScriptModule)  # its attributes are not Python's
        ]
        self._scripts = [
            (module, set(vars(module)), dict(_script_attributes(module))) for module in scripts
        ]
        self._parameters = [
            (parameter, parameter.requires_grad, parameter.grad)
            for parameter in _unique(module._parameters for module in every)
        ]
        self._tensors = [parameter for parameter, *_ in self._parameters]
        self._tensors += _unique(module._buffers for module in every)
        self._places = [(tensor, _place(tensor)) for tensor in self._tensors if not tensor.is_meta]
        self._watched: set[int] | None = None
        self._values: dict[int, tuple[torch.UntypedStorage, torch.UntypedStorage]] = {}
        self.devices = {tensor.device.index for tensor in self._tensors if tensor.is_cuda}

    def about_to_write(self, tensors: Iterable[Tensor]) -> None:
        """Keep the values of those tensors that are the model's."""
        for tensor in tensors:
            if tensor.is_meta:
                continue
            storage = _storage(tensor)
            if storage is None or storage._cdata in self._values:
                continue
            if self._watched is None:
                self._watched = set(self._addresses())
            if storage._cdata in self._watched:
                self._values[storage._cdata] = storage, _copied(storage)

    @property
    def changed(self) -> bool:
        """Whether the model, its parameters' flags and gradients apart, is not what it was."""
        return (
            bool(self._values)
            or any(attributes.changed(vars(module)) for module, attributes in self._modules)
            or any(
                place is not None and not _is_at(tensor, place) for tensor, place in self._places
            )
        )

    def restore(self) -> None:
        """Make the model what it was."""
        for module, attributes in self._modules:
            attributes.restore(vars(module))
        for script, names, before in self._scripts:
            for name in vars(script).keys() - names:
                del vars(script)[name]
            for name, value in before.items():
                if getattr(script, name) != value:
                    setattr(script, name, value)
        for parameter, requires_grad, grad in self._parameters:
            if parameter.requires_grad != requires_grad:
                parameter.requires_grad_(requires_grad)
            if parameter.grad is not grad:
                parameter.grad = grad
        for storage, values in self._values.values():
            if storage.nbytes() != values.nbytes():
                storage.resize_(values.nbytes())
            storage.copy_(values)
        for tensor, place in self._places:
            if place is not None and not _is_at(tensor, place):
                with torch.no_grad():
                    tensor.data = _at(tensor, place)

    def _addresses(self) -> Iterator[int]:
        """The pieces of memory of all tensors that are the model's."""
        held: list[Any] = [attributes.values for _, attributes in self._modules]
        grads = [grad for *_, grad in self._parameters if grad is not None]
        places = [place for _, place in self._places if place is not None]
        yield from (storage._cdata for storage, *_ in places)
        for tensor in (*grads, *tensors_in(held)):
            if not tensor.is_meta and (storage := _storage(tensor)) is not None:
                yield storage._cdata


class _Attributes:
    """A module's attributes, and what the containers among them hold."""

    def __init__(self, attributes: Mapping[str, Any]) -> None:
        self.values = dict(attributes)
        self._containers: list[tuple[Container, Any]] = []
        for value in attributes.values():
            if type(value) in _DICTIONARIES and not value:  # as most of a module's are
                self._containers.append((value, _EMPTY))
            elif type(value) not in SCALARS:
                self._note(value)

    def changed(self, now: Mapping[str, Any]) -> bool:
        """Whether something is not as it was."""
        return (
            now.keys() != self.values.keys()
            or any(now[name] is not value for name, value in self.values.items())
            or any(not _same(container, items) for container, items in self._containers)
        )

    def restore(self, now: MutableMapping[str, Any]) -> None:
        """Put everything back."""
        if len(now) != len(self.values) or any(name not in self.values for name in now):
            for name in [name for name in now if name not in self.values]:
                del now[name]
        for name, value in self.values.items():
            if now.get(name, now) is not value:
                now[name] = value
        for container, items in self._containers:
            if (container or items) and not _same(container, items):
                _refill(container, items)

    def _note(self, value: Any) -> None:
        if isinstance(value, dict):
            self._containers.append((value, dict(value)))
            items: Iterable[Any] = value.values()
        elif isinstance(value, list | deque):
            self._containers.append((value, list(value)))
            items = value
        elif isinstance(value, set):
            self._containers.append((value, set(value)))
            return
        else:
            return
        for item in items:
            # Modules, tensors and functions are looked after elsewhere, or cannot change.
            if type(item) in _HOLDING and not any(item is seen for seen, _ in self._containers):
                self._note(item)


_HOLDING = frozenset({dict, list, set, deque})
_DICTIONARIES = frozenset({dict, OrderedDict})
_EMPTY: dict[Any, Any] = {}


def _same(container: Container, items: Any) -> bool:
    """Whether it still holds the same objects, in the same order where it has one."""
    if len(container) != len(items):
        return False
    if isinstance(container, dict):
        pairs = zip(container, items, strict=True)
        return all(a is b and container[a] is items[b] for a, b in pairs)
    if isinstance(container, set):
        return bool(container == items)
    return all(a is b for a, b in zip(container, items, strict=True))


def _refill(container: Container, items: Any) -> None:
    container.clear()
    if isinstance(container, dict | set):
        container.update(items)
    else:
        container.extend(items)


def _script_attributes(module: torch.jit.ScriptModule) -> Iterator[tuple[str, Any]]:
    """The plain attributes of a ScriptModule, such as whether it is in training mode."""
    known = getattr(module, "_concrete_type", None)  # not of frozen ones
    for name in known.get_attributes() if known is not None else ("training",):
        value = getattr(module, name, None)
        if isinstance(value, bool | int | float | str):
            yield name, value


def _unique(groups: Iterable[Mapping[str, Tensor | None]]) -> list[Tensor]:
    """The tensors of all modules, each once."""
    found = {id(tensor): tensor for group in groups for tensor in group.values()}
    return [tensor for tensor in found.values() if tensor is not None]


Place = tuple[torch.UntypedStorage, torch.Size, tuple[int, ...], int]
"""Where a tensor's values are: a piece of memory, shape, strides and offset."""


def _storage(tensor: Tensor) -> torch.UntypedStorage | None:
    """A tensor's memory; None where it has no such thing, as sparse ones."""
    try:
        return tensor.untyped_storage()
    except (NotImplementedError, RuntimeError):
        return None


def _copied(storage: torch.UntypedStorage) -> torch.UntypedStorage:
    copy = torch.empty(storage.nbytes(), dtype=torch.uint8, device=storage.device)
    return copy.untyped_storage().copy_(storage, False)


def _place(tensor: Tensor) -> Place | None:
    storage = _storage(tensor)
    if storage is None:
        return None
    return storage, tensor.shape, tensor.stride(), int(tensor.storage_offset())


def _is_at(tensor: Tensor, place: Place) -> bool:
    storage, *rest = place
    now = _place(tensor)
    return now is not None and now[0]._cdata == storage._cdata and list(now[1:]) == rest


def _at(tensor: Tensor, place: Place) -> Tensor:
    storage, shape, stride, offset = place
    empty = torch.empty(0, dtype=tensor.dtype, device=storage.device)
    return empty.set_(storage, offset, shape, stride)


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Tells which tensors an operator is about to write to."""

    def __init__(self, tell: Callable[[Iterable[Tensor]], None]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._tell = tell

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        self._tell(signature_of(func).written(args, kwargs))
        return func(*args, **kwargs)
