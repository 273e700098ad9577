"""What a run computed, in PyTorch's own operators, with the memory that each read and wrote.

Every function and module of PyTorch ends in calls of operators (``aten::convolution``), whose
schemas say which arguments they write to. Tensors are recorded as views of their memory. So
``view``, ``permute``, slices and writes into slices need no rule of their own: they are the same
memory, seen otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from server.engine.cost import counted_by
from server.engine.indices import INDICES
from server.engine.meta_leniency import DOUBTS, Doubtful
from server.engine.operations import PLAIN, SEQUENCES, tensors_in
from server.engine.shortcuts import SHORTCUTS

RELABELS = frozenset(
    {
        *("as_strided_", "transpose_", "t_", "swapaxes_", "swapdims_", "squeeze_", "unsqueeze_"),
        *("detach_", "resize_", "resize_as_", "set_", "rename_", "requires_grad_"),
    }
)
"""Operators that change how a tensor sees its memory, and write none of it."""


LOWEST = -3.3e38
"""Masks are filled with minus infinity or the least number of a type. Of these a softmax makes
exactly zero, whatever the other scores are."""

MASKING = frozenset({"add", "baddbmm", "where", "masked_fill"})
"""Operators that lay a mask on scores, perhaps."""

FILLING = frozenset({"where", "masked_fill", "tril", "triu"})
"""Operators that hide positions whatever they put there."""


UNDECLARED = dict.fromkeys(
    ("native_batch_norm", "cudnn_batch_norm", "miopen_batch_norm"),
    ("running_mean", "running_var"),
)
"""What operators update in training mode, though their schemas do not say so."""

TAKES_SHAPE = frozenset(
    {
        *("zeros_like", "ones_like", "empty_like", "full_like"),
        *("new_zeros", "new_ones", "new_empty", "new_full", "new_empty_strided"),
    }
)
"""Operators that take a tensor for its shape or type: what they make is a constant."""


class ValuesNeeded(RuntimeError):
    """An operator moves data by the values of a tensor, which a meta tensor does not have."""


# Not frozen, since that makes creating one several times slower; nobody writes to them.
@dataclass(slots=True, unsafe_hash=True)
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


@dataclass(slots=True, unsafe_hash=True)
class Storage:
    """A piece of memory: how many bytes of it are used, in elements of how many at the least."""

    size: int
    unit: int


@dataclass(slots=True, unsafe_hash=True)
class Slot:
    """A tensor at a time: its memory, and how many operations had been recorded by then."""

    view: View
    time: int


@dataclass(frozen=True, slots=True, eq=False)
class Masked:
    """What a fixed mask hides of an operation: see ``receptive_field.masked``."""

    constant: NDArray[np.bool_] | None
    """The positions of its result that are the same whatever the input is."""
    zeros: Mapping[str, NDArray[np.bool_]]
    """By argument, the positions that are zero, of a product of matrices."""
    lost: bool
    """Whether there may be more than is known."""


@dataclass(slots=True, eq=False)
class Operation:
    """One call of an operator that the model's input can reach, or that overwrites such memory."""

    name: str
    """Name of the operator, without its overload: ``add_``; of others than PyTorch ``x::add``."""
    function: Callable[..., Any] | None
    arguments: Mapping[str, Any]
    """Every argument by the name in the operator's schema, defaults too; tensors are views."""
    results: tuple[View, ...]
    """What it returned in memory of its own, in order."""
    written: tuple[View, ...]
    """The arguments that it wrote to."""
    outside: tuple[View, ...] = ()
    """Tensors whose values may have come to it through Python numbers or NumPy."""
    masked: Masked | None = None


class _Signature:
    """What an operator's schema says, read once for all its calls."""

    def __init__(self, function: Any) -> None:
        schema = function._schema
        # Operators of others keep their namespace, lest they be taken for PyTorch's of that name.
        self.name = str(schema.name).removeprefix("aten::")
        arguments = schema.arguments
        self.positional = tuple(item.name for item in arguments if not item.kwarg_only)
        self.defaults = {item.name: item.default_value for item in arguments
                         if item.has_default_value()}  # fmt: skip
        self.order = tuple(item.name for item in arguments)
        self.writes = tuple(
            item.name
            for item in arguments
            if schema.is_mutable and item.alias_info is not None and item.alias_info.is_write
        )
        self.updates = UNDECLARED.get(self.name, ())
        self.count = counted_by(self.name)
        self.indices = INDICES.get(self.name.removesuffix("_"), ())
        # What differs from run to run is no constant, though no input reaches it.
        self.random = torch.Tag.nondeterministic_seeded in function.tags
        self.masking = self.name.removesuffix("_") in MASKING
        self.filling = self.name.removesuffix("_") in FILLING
        self.relabels = self.name in RELABELS
        self.takes_shape = self.name in TAKES_SHAPE
        # What is written to ``out=`` may be resized.
        self.resizes = self.relabels or any(item.kwarg_only and item.name in self.writes
                                            for item in arguments)  # fmt: skip
        self.shortcut = SHORTCUTS.get(function)
        self.doubt = DOUBTS.get(self.name)

    def named(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Arguments by name, in the order of the schema, with its defaults."""
        if len(args) == len(self.order):
            return dict(zip(self.order, args, strict=True))
        named = {**dict(zip(self.positional, args, strict=False)), **kwargs}
        return {
            name: named[name] if name in named else self.defaults[name]
            for name in self.order
            if name in named or name in self.defaults
        }

    def written(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Tensor]:
        """The tensors that a call writes to, those too of which the schema does not say so."""
        if not self.writes and not self.updates:
            return []
        named = self.named(args, kwargs)
        names = (*self.writes, *(self.updates if named.get("training") else ()))
        return [tensor for name in names for tensor in tensors_in(named.get(name))]


_SIGNATURES: dict[Any, _Signature] = {}
"""By overload."""


def signature_of(function: Any) -> _Signature:
    """What an operator's schema says."""
    signature = _SIGNATURES.get(function)
    if signature is None:
        signature = _SIGNATURES[function] = _Signature(function)
    return signature


@dataclass(slots=True)
class Call:
    """One call of an operator that no function called in Python ended in."""

    signature: _Signature
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    read: list[Tensor]
    slots: list[Slot]
    """Of these, before the call."""
    multiply_accumulates: int
    """Of all before it."""
    result: Any = None


class OperationRecorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records operators while it is active; ``inputs`` are the tensors given to the model."""

    def __init__(self, inputs: Iterable[Tensor], constants: Iterable[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations: list[Operation] = []
        self.storages: dict[int, Storage] = {}
        """By number."""
        self.paused = False
        self.multiply_accumulates = 0
        self._constants = [tensor for tensor in constants if tensor.layout is torch.strided]
        self._numbers: dict[int, int] = {}
        self._views: dict[int, View] = {}
        """Of every tensor that has been seen, by its id."""
        self._alive: list[Tensor] = []
        """These tensors, so that no id and no address is given twice."""
        self._reached: set[int] = set()
        self.about_to_write: Callable[[Iterable[Tensor]], None] = lambda tensors: None
        """Called before an operator writes to tensors."""
        self.inside = 0
        """How many functions called in Python, or layers, are running."""
        self.on_operator: Callable[[Call], None] | None = None
        """Called with each operator that ran in none of those, such as a ScriptModule's."""
        self.masks = False
        """Whether some operation hides positions behind a fixed mask."""
        self._low: set[int] = set()
        """Constants that hide what they are added to."""
        self._escaped: list[View] = []
        self._scalars: list[View] = []
        self._inputs = [self.view(tensor) for tensor in inputs]
        self._reached.update(view.storage for view in self._inputs)

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled while it is active; telling that at each call takes as long as it."""
        return False

    @property
    def inputs(self) -> tuple[View, ...]:
        """The model's inputs as views."""
        return tuple(self._inputs)

    def view(self, tensor: Tensor, *, values: bool = False) -> View:
        """A tensor as a view of memory."""
        known = self._views.get(id(tensor))
        if known is not None and not values:
            return known
        # data_ptr() would be 0 for every meta tensor.
        key = tensor.untyped_storage()._cdata
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._numbers)
        itemsize = tensor.element_size()
        shape, stride = tuple(tensor.shape), tensor.stride()
        offset = int(tensor.storage_offset())
        extent = 0
        if 0 not in shape:
            last = offset
            for size, step in zip(shape, stride, strict=True):
                last += (size - 1) * step
            extent = (last + 1) * itemsize
        storage = self.storages.get(number)
        if storage is None:
            self.storages[number] = Storage(extent, itemsize)
        elif extent > storage.size or itemsize < storage.unit:
            self.storages[number] = Storage(max(storage.size, extent), min(storage.unit, itemsize))
        floating = tensor.is_floating_point() or tensor.is_complex()
        if values:
            kept = tensor.detach().clone()
            return View(number, shape, stride, offset, itemsize, floating, kept)
        view = View(number, shape, stride, offset, itemsize, floating)
        self._views[id(tensor)] = view
        self._alive.append(tensor)
        return view

    def slot(self, tensor: Tensor) -> Slot:
        """A tensor as it is now."""
        # Before the time is read: a tensor from nowhere is noted as an operation.
        view = self._views.get(id(tensor)) or self._adopted(tensor)
        return Slot(view, len(self.operations))

    def forget(self, tensors: Iterable[Tensor] | None = None) -> None:
        """Look at tensors anew, or at all of them: they may see their memory otherwise now."""
        if tensors is None:
            self._views.clear()
        else:
            for tensor in tensors:
                self._views.pop(id(tensor), None)

    def escape(self, tensors: Iterable[Tensor]) -> None:
        """The values of tensors go to where nothing is recorded, such as NumPy, and may change."""
        tensors = list(tensors)
        self.about_to_write(tensors)
        for tensor in tensors:
            view = self.view(tensor)
            if view.storage in self._reached:
                if not self._escaped:
                    # From now on, memory that is not known may hold these values.
                    for constant in self._constants:
                        self.view(constant)
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
        signature = _SIGNATURES.get(func) or signature_of(func)
        if signature.writes or signature.updates:
            self.about_to_write(signature.written(args, kwargs))
        # A ScriptModule's operators would be given to an active TorchFunctionMode here.
        with torch._C.DisableTorchFunction():
            call: Call | None = None
            if not self.inside and not self.paused and self.on_operator is not None:
                read = tensors_in((args, kwargs))
                slots = [self.slot(tensor) for tensor in read]
                call = Call(signature, args, kwargs, read, slots, self.multiply_accumulates)
            shortcut = signature.shortcut
            result = shortcut(*args, **kwargs) if shortcut is not None else None
            if result is None:
                result = func(*args, **kwargs)
            if not self.paused:
                self._note(func, signature, args, kwargs, result)
            if call is not None and self.on_operator is not None:
                call.result = result
                self.on_operator(call)
        return result

    def _note(
        self,
        func: Any,
        signature: _Signature,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        result: Any,
    ) -> None:
        read = tensors_in(args)
        if kwargs:
            read += tensors_in(kwargs)
        if signature.resizes:
            self.forget(read)
        reads_input = signature.random
        reached = self._reached
        for tensor in read:
            view = self._views.get(id(tensor)) or self._adopted(tensor)
            if view.storage in reached and not signature.takes_shape:
                reads_input = True
        if signature.relabels:
            return
        named = signature.named(args, kwargs)
        if signature.doubt is not None and read[0].is_meta and signature.doubt(named):
            raise Doubtful(signature.name)
        if signature.count is not None:
            self.multiply_accumulates += signature.count(named, result)
        if signature.name == "_local_scalar_dense":
            self._scalars += [
                self.view(tensor) for tensor in read if reads_input and tensor.is_floating_point()
            ]
            return
        outside = tuple(self._scalars) if self._scalars and _has_float((args, kwargs)) else ()
        fresh = self._fresh(result)
        if not (reads_input or outside):
            if _has_lowest((args, kwargs)) or any(map(self._is_low, read)):
                written = [t for name in signature.writes for t in tensors_in(named.get(name))]
                self.hides((*tensors_in(result), *written))
            return
        writes: tuple[View, ...] = ()
        if signature.writes:
            written = [t for name in signature.writes for t in tensors_in(named.get(name))]
            writes = tuple(self.view(tensor) for tensor in written)
        if not fresh and not writes:
            return
        indices, masking = signature.indices, signature.masking
        self.masks |= signature.filling
        arguments = {
            name: value if type(value) in PLAIN else self._recorded(value, name in indices, masking)
            for name, value in named.items()
        }
        for view in fresh:
            reached.add(view.storage)
        for view in writes:
            reached.add(view.storage)
        self.operations.append(Operation(signature.name, func, arguments, fresh, writes, outside))

    def _fresh(self, result: Any) -> tuple[View, ...]:
        """Views of those results whose memory is new: others are arguments, or views of some."""
        if isinstance(result, Tensor):
            if result.untyped_storage()._cdata in self._numbers:
                return ()
            return (self.view(result),)
        return tuple(
            [
                self.view(tensor)
                for tensor in tensors_in(result)
                if tensor.untyped_storage()._cdata not in self._numbers
            ]
        )

    def _recorded(self, value: Any, values: bool, masking: bool = False) -> Any:
        """An argument with its tensors as views; with values where an operator goes by those."""
        if isinstance(value, Tensor):
            constant = (values or masking) and self.view(value).storage not in self._reached
            if constant and not values:
                constant = self._is_low(value)
                self.masks |= constant
            if constant and value.is_meta:
                raise ValuesNeeded
            return self.view(value, values=constant)
        if isinstance(value, SEQUENCES):
            return tuple(
                [item if type(item) in PLAIN else self._recorded(item, values) for item in value]
            )
        return value

    def hides(self, constants: Iterable[Tensor]) -> None:
        """Note constants in which some values are so low that they hide what they are added to."""
        self._low.update(self.view(tensor).storage for tensor in constants)

    def _is_low(self, tensor: Tensor) -> bool:
        """Whether there are such values in a constant."""
        if tensor.is_meta:
            return self.view(tensor).storage in self._low
        return tensor.ndim != 1 and is_hiding(tensor)

    def _adopted(self, tensor: Tensor) -> View:
        """A tensor seen for the first time; one from nowhere may hold what left for NumPy."""
        if self._escaped and tensor.untyped_storage()._cdata not in self._numbers:
            view = self.view(tensor)
            self._reached.add(view.storage)
            self.operations.append(Operation("numpy", None, {}, (view,), (), tuple(self._escaped)))
            return view
        return self.view(tensor)


def is_hiding(tensor: Tensor) -> bool:
    """Whether a tensor holds values so low that they hide what they are added to."""
    return tensor.is_floating_point() and bool((tensor <= LOWEST).any())


def _has_lowest(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_has_lowest, value))
    if isinstance(value, dict):
        return any(map(_has_lowest, value.values()))
    return isinstance(value, float) and value <= LOWEST


def _has_float(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_has_float, value))
    if isinstance(value, dict):
        return any(map(_has_float, value.values()))
    return isinstance(value, float)
