"""Keeps which module call or function made which tensor while a model runs."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from server.engine.given import Given, Recollection
from server.engine.node import Node, with_slots
from server.engine.operations import (
    module_hyperparameters,
    mutated_tensors,
    operation_hyperparameters,
    operation_kind,
    tensors_in,
)
from server.engine.record import OperationRecorder, Slot

INPUT = "input"
"""Name of the first tensor given to the model; further ones are ``input@1``, ``input@2``, ..."""

ESCAPES = frozenset({"numpy", "__array__", "tolist", "__dlpack__", "data_ptr"})
"""Methods of tensors that hand values to where nothing is recorded."""


@dataclass(frozen=True)
class _Call:
    """A module that is running: where, what it was given, and the costs before it."""

    path: str
    read: tuple[Tensor, ...]
    slots: tuple[Slot, ...]
    multiply_accumulates: int
    given: Given | None = None


class NodeRecorder(TorchFunctionMode):
    """Sees every PyTorch function that runs outside of leaf modules, and by hooks the modules."""

    def __init__(
        self,
        model: nn.Module,
        inputs: Sequence[Tensor],
        operations: OperationRecorder,
        keep: bool,
    ) -> None:
        super().__init__()
        self.nodes: list[Node] = []
        self.modules: dict[tuple[str, int], Node] = {}
        """Every module's calls, those with modules inside them too."""
        self.stopped_at: str | None = None
        self._model = model
        self._keep = keep
        named = (*model.named_parameters(), *model.named_buffers())
        self._recollection = Recollection({id(tensor): name for name, tensor in named})
        self._operations = operations
        self._running: list[_Call] = []
        self._leaf: nn.Module | None = None
        self._leaf_mutated: list[Tensor] = []
        self._calls: Counter[str] = Counter()
        self._module_calls: Counter[str] = Counter()
        # Tensors are held until the end, so that no id is given twice.
        self._makers: dict[int, tuple[Tensor, str]] = {}
        self.input_names = tuple(self._unique(INPUT)[0] for _ in inputs)
        for tensor, name in zip(inputs, self.input_names, strict=True):
            self._makers[id(tensor)] = tensor, name

    @contextmanager
    def hooks(self) -> Iterator[None]:
        """Forward hooks on every module, which tell which one is running."""
        with ExitStack() as stack:
            for path, module in self._model.named_modules():
                if isinstance(module, torch.jit.ScriptModule):
                    continue  # takes no hooks: its operations are the enclosing module's
                enter = functools.partial(self._enter, path)
                leave = functools.partial(self._leave, path)
                handles = (
                    module.register_forward_pre_hook(enter, with_kwargs=True),
                    module.register_forward_hook(leave, with_kwargs=True, always_call=True),
                )
                for handle in handles:
                    stack.callback(handle.remove)
            yield

    def result(self, output: Any) -> Any:
        """What the model returned, with slots in the place of tensors."""
        with self._unrecorded():
            return with_slots(output, self._operations.slot)

    def _enter(self, path: str, module: nn.Module, args: Any, kwargs: Any) -> None:
        self.stopped_at = None
        read = tuple(tensors_in((args, kwargs)))
        with self._unrecorded():
            slots = tuple(map(self._operations.slot, read))
            given = None if any(module.children()) else self._given(None, args, kwargs)
        counted = self._operations.multiply_accumulates
        self._running.append(_Call(path, read, slots, counted, given))
        if self._leaf is None and path and not any(module.children()):
            self._leaf = module
            self._leaf_mutated = []

    def _leave(self, path: str, module: nn.Module, args: Any, kwargs: Any, output: Any) -> Any:
        call = self._running.pop()
        if output is None and self.stopped_at is None:  # as when its forward raised
            self.stopped_at = path
        leaf = self._leaf is module
        if leaf:
            self._leaf = None
            output = self._record(
                base=path,
                kind=type(module).__name__,
                call=call,
                output=output,
                mutated=self._leaf_mutated,
                learnable=module.parameters(),
                hyperparameters=module_hyperparameters(module),
            )
        key = path, self._module_calls[path]
        self._module_calls[path] += 1
        if leaf and self.nodes and self.nodes[-1].module_path == path:
            self.modules[key] = self.nodes[-1]
        elif any(True for _ in tensors_in(output)):
            with self._unrecorded():
                self.modules[key] = self._node(
                    name=f"{path}@{key[1]}" if key[1] else path,
                    kind=type(module).__name__,
                    number=key[1],
                    call=call,
                    output=output,
                    learnable=module.parameters(),
                    hyperparameters=module_hyperparameters(module),
                    keep=False,
                )
        return output

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        mutated = mutated_tensors(func, args, kwargs)
        read = tuple(tensors_in((args, kwargs)))
        with self._unrecorded():
            slots = tuple(map(self._operations.slot, read)) if self._leaf is None else ()
            given = self._given(func, args, kwargs) if self._leaf is None else None
        before = self._operations.multiply_accumulates
        result = func(*args, **kwargs)
        if getattr(func, "__name__", "") in ESCAPES:
            with self._unrecorded():
                self._operations.escape(read[:1])
        if self._leaf is not None:
            self._leaf_mutated.extend(mutated)
            return result
        returns = next(tensors_in(result), None) is not None
        if not returns and not mutated:
            return result
        kind = operation_kind(func)
        path = self._running[-1].path if self._running else ""
        recorded = self._record(
            base=f"{path}.{kind}" if path else kind,
            kind=kind,
            call=_Call(path, read, slots, before, given),
            output=result if returns else mutated,
            mutated=mutated,
            learnable=(tensor for tensor in read if isinstance(tensor, nn.Parameter)),
            hyperparameters=operation_hyperparameters(args, kwargs),
        )
        return recorded if returns else result

    def _record(
        self,
        *,
        base: str,
        kind: str,
        call: _Call,
        output: Any,
        mutated: Sequence[Tensor],
        learnable: Iterable[Tensor],
        hyperparameters: dict[str, Any],
    ) -> Any:
        with self._unrecorded():
            # What is passed through untouched (Identity, Dropout in eval, contiguous) becomes a
            # tensor object of its own: other readers of the original did not read this node.
            if self._made(output) and not any(output is tensor for tensor in mutated):
                output = output.detach()
            if not any(True for _ in tensors_in(output)):
                return output
            name, number = self._unique(base)
            node = self._node(
                name=name,
                kind=kind,
                number=number,
                call=call,
                output=output,
                learnable=learnable,
                hyperparameters=hyperparameters,
                keep=self._keep,
            )
            for tensor in tensors_in(output):
                self._makers[id(tensor)] = tensor, name
            if self._keep:
                self._recollection.remember(name, tensors_in(output), node.outputs)
            self._overwrite(mutated, name)
            self.nodes.append(node)
        return output

    def _node(
        self,
        *,
        name: str,
        kind: str,
        number: int,
        call: _Call,
        output: Any,
        learnable: Iterable[Tensor],
        hyperparameters: dict[str, Any],
        keep: bool,
    ) -> Node:
        made = tuple(tensors_in(output))
        known = [
            (self._makers[id(tensor)][1], slot)
            for tensor, slot in zip(call.read, call.slots, strict=True)
            if self._made(tensor)
        ]
        counted = self._operations.multiply_accumulates - call.multiply_accumulates
        return Node(
            name=name,
            kind=kind,
            module_path=call.path,
            call=number,
            inputs=tuple(maker for maker, _ in known),
            shape=tuple(made[0].shape),
            parameters=sum(tensor.numel() for tensor in learnable),
            hyperparameters=hyperparameters,
            multiply_accumulates=counted,
            activation_bytes=sum(tensor.numel() * tensor.element_size() for tensor in made),
            reads=tuple(slot for _, slot in known),
            result=with_slots(output, self._operations.slot),
            outputs=tuple(tensor.clone() for tensor in made) if keep else (),
            given=call.given if keep else None,
        )

    def _given(
        self, function: Callable[..., Any] | None, args: Any, kwargs: dict[str, Any]
    ) -> Given | None:
        """The arguments of a call, if they are to be kept."""
        if not self._keep:
            return None
        return self._recollection.given(function, args, kwargs, self._made)

    @contextmanager
    def _unrecorded(self) -> Iterator[None]:
        """What happens inside is bookkeeping."""
        paused = self._operations.paused
        self._operations.paused = True
        try:
            with torch._C.DisableTorchFunction():
                yield
        finally:
            self._operations.paused = paused

    def _made(self, value: object) -> bool:
        """Whether it is a tensor that an input or a node gave."""
        return id(value) in self._makers

    def _overwrite(self, mutated: Sequence[Tensor], name: str) -> None:
        """Let every tensor that shares memory with one written to come from ``name``."""
        written = {_memory(tensor) for tensor in mutated if self._made(tensor)}
        if written:
            for key, (tensor, _) in self._makers.items():
                if _memory(tensor) in written:
                    self._makers[key] = tensor, name

    def _unique(self, base: str) -> tuple[str, int]:
        """A name that no node bears yet, and the number of the call."""
        call = self._calls[base]
        self._calls[base] += 1
        return (f"{base}@{call}" if call else base), call


def _memory(tensor: Tensor) -> int:
    """Where a tensor's values are: the same for a tensor and its views, meta ones too."""
    return int(tensor.untyped_storage()._cdata)
