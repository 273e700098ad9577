"""What a run computed, in PyTorch's own operators, with the memory that each read and wrote.

Every function and module of PyTorch ends in calls of operators (``aten::convolution``), whose
schemas say which arguments they write to. Tensors are recorded as views of their memory. So
``view``, ``permute``, slices and writes into slices need no rule of their own: they are the same
memory, seen otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from server.engine.cost import multiply_accumulates
from server.engine.operations import tensors_in

USES_VALUES = frozenset(
    {
        *("index", "_unsafe_index", "index_select", "gather", "take", "masked_select", "nonzero"),
        *("index_put", "index_put_", "_index_put_impl_", "_unsafe_index_put"),
        *("index_add", "index_add_", "index_copy", "index_copy_", "index_fill", "index_fill_"),
        *("scatter", "scatter_", "scatter_add", "scatter_add_", "repeat_interleave"),
    }
)
"""Operators that move data to where an integer tensor says."""

RELABELS = frozenset(
    {
        *("as_strided_", "transpose_", "t_", "swapaxes_", "swapdims_", "squeeze_", "unsqueeze_"),
        *("detach_", "resize_", "resize_as_", "set_", "rename_", "requires_grad_"),
    }
)
"""Operators that change how a tensor sees its memory, and write none of it."""


class ValuesNeeded(RuntimeError):
    """An operator moves data by the values of a tensor, which a meta tensor does not have."""


@dataclass(frozen=True, slots=True)
class View:
    """A tensor as a view of memory; strides and offset count elements of ``itemsize`` bytes."""

    storage: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int
    itemsize: int
    floating: bool
    values: Tensor | None = field(default=None, compare=False, repr=False)
    """Its values, of an index that moves data."""


@dataclass(frozen=True, slots=True)
class Storage:
    """A piece of memory: how many bytes of it are used, in elements of how many at the least."""

    size: int
    unit: int


@dataclass(frozen=True, slots=True)
class Slot:
    """A tensor at a time: its memory, and how many operations had been recorded by then."""

    view: View
    time: int


@dataclass(frozen=True, slots=True)
class Operation:
    """One call of an operator that the model's input can reach, or that overwrites such memory."""

    name: str
    """Name of the operator without its namespace and overload: ``convolution``, ``add_``."""
    function: Callable[..., Any] | None
    arguments: Mapping[str, Any]
    """Every argument by the name in the operator's schema, defaults too; tensors are views."""
    results: tuple[View, ...]
    """What it returned in memory of its own, in order."""
    written: tuple[View, ...]
    """The arguments that it wrote to."""
    outside: tuple[View, ...] = ()
    """Tensors whose values may have come to it through Python numbers or NumPy."""


class OperationRecorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records operators while it is active; ``inputs`` are the tensors given to the model."""

    def __init__(self, inputs: Iterable[Tensor], constants: Iterable[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations: list[Operation] = []
        self.storages: dict[int, Storage] = {}
        """By number."""
        self.paused = False
        self.multiply_accumulates = 0
        self._numbers: dict[int, int] = {}
        self._alive: list[Any] = []
        self._reached: set[int] = set()
        self._escaped: list[View] = []
        self._scalars: list[View] = []
        for tensor in constants:
            if tensor.layout is torch.strided:
                self.view(tensor)
        self._inputs = [self.view(tensor) for tensor in inputs]
        self._reached.update(view.storage for view in self._inputs)

    @property
    def inputs(self) -> tuple[View, ...]:
        """The model's inputs as views."""
        return tuple(self._inputs)

    def view(self, tensor: Tensor, *, values: bool = False) -> View:
        """A tensor as a view of memory."""
        number, _ = self._number(tensor)
        itemsize = tensor.element_size()
        shape, stride = tuple(tensor.shape), tuple(tensor.stride())
        offset = int(tensor.storage_offset())
        last = offset + sum((size - 1) * step for size, step in zip(shape, stride, strict=True))
        extent = (last + 1) * itemsize if tensor.numel() else 0
        known = self.storages.get(number, Storage(0, itemsize))
        self.storages[number] = Storage(max(known.size, extent), min(known.unit, itemsize))
        kept = tensor.detach().clone() if values else None
        floating = tensor.is_floating_point() or tensor.is_complex()
        return View(number, shape, stride, offset, itemsize, floating, kept)

    def slot(self, tensor: Tensor) -> Slot:
        """A tensor as it is now."""
        return Slot(self.view(tensor), len(self.operations))

    def escape(self, tensors: Iterable[Tensor]) -> None:
        """The values of tensors go to where nothing is recorded, such as NumPy, and may change."""
        for tensor in tensors:
            view = self.view(tensor)
            if view.storage in self._reached:
                self._escaped.append(view)
                self.operations.append(
                    Operation("numpy", None, {}, (), (view,), tuple(self._escaped))
                )

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        # A ScriptModule's operators would be given to an active TorchFunctionMode here.
        with torch._C.DisableTorchFunction():
            result = func(*args, **kwargs)
            if not self.paused:
                self._note(func, args, kwargs, result)
        return result

    def _note(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        read = tuple(tensors_in((args, kwargs)))
        for tensor in read:
            self._adopt(tensor)
        name = str(func._schema.name).partition("::")[2]
        if name in RELABELS:
            return
        named = _named(func._schema, args, kwargs)
        self.multiply_accumulates += multiply_accumulates(name, named, result)
        reads_input = any(self._number(tensor)[0] in self._reached for tensor in read)
        if name == "_local_scalar_dense":
            self._scalars += [
                self.view(tensor) for tensor in read if reads_input and tensor.is_floating_point()
            ]
            return
        outside = tuple(self._scalars) if self._scalars and _has_float((args, kwargs)) else ()
        written = tuple(_written(func._schema, named))
        overwritten = {id(tensor) for tensor in written}
        fresh = [
            tensor
            for tensor in tensors_in(result)
            if id(tensor) not in overwritten and self._number(tensor)[1]
        ]
        if not (reads_input or outside) or not (fresh or written):
            return
        values = name in USES_VALUES and reads_input
        results = tuple(self.view(tensor) for tensor in fresh)
        writes = tuple(self.view(tensor) for tensor in written)
        self._reached.update(view.storage for view in (*results, *writes))
        arguments = {key: self._recorded(value, values) for key, value in named.items()}
        self.operations.append(Operation(name, func, arguments, results, writes, outside))

    def _recorded(self, value: Any, values: bool) -> Any:
        """An argument with its tensors as views."""
        if isinstance(value, Tensor):
            index = values and not (value.is_floating_point() or value.is_complex())
            if index and value.is_meta:
                raise ValuesNeeded
            return self.view(value, values=index)
        if isinstance(value, list | tuple):
            return tuple(self._recorded(item, values) for item in value)
        return value

    def _number(self, tensor: Tensor) -> tuple[int, bool]:
        """The number of a tensor's storage, and whether it is new."""
        storage = tensor.untyped_storage()
        # data_ptr() would be 0 for every meta tensor.
        key = storage._cdata
        new = key not in self._numbers
        if new:
            self._numbers[key] = len(self._numbers)
            self._alive.append(storage)  # so that no address is given twice
        return self._numbers[key], new

    def _adopt(self, tensor: Tensor) -> None:
        """Note a tensor; one from nowhere may hold whatever left for NumPy before."""
        number, new = self._number(tensor)
        if new and self._escaped:
            self._reached.add(number)
            view = self.view(tensor)
            self.operations.append(Operation("numpy", None, {}, (view,), (), tuple(self._escaped)))


def _named(schema: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Arguments by name, with the defaults of the schema."""
    named: dict[str, Any] = {}
    for index, argument in enumerate(schema.arguments):
        if index < len(args) and not argument.kwarg_only:
            named[argument.name] = args[index]
        elif argument.name in kwargs:
            named[argument.name] = kwargs[argument.name]
        elif argument.has_default_value():
            named[argument.name] = argument.default_value
    return named


def _written(schema: Any, named: Mapping[str, Any]) -> Iterator[Tensor]:
    """The tensors that a call writes to, as its schema says."""
    if not schema.is_mutable:
        return
    for argument in schema.arguments:
        if argument.alias_info is not None and argument.alias_info.is_write:
            yield from tensors_in(named.get(argument.name))


def _has_float(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_has_float, value))
    if isinstance(value, dict):
        return any(map(_has_float, value.values()))
    return isinstance(value, float)
