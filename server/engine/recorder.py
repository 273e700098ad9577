"""Keeps which module call or function made which tensor while a model runs."""

from __future__ import annotations

import dataclasses
import functools
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from server.engine.given import Given, Recollection
from server.engine.node import Node, SavedBytes, with_slots
from server.engine.operations import (
    described,
    module_hyperparameters,
    mutated_tensors,
    operation_hyperparameters,
    tensors_in,
)
from server.engine.record import Call, OperationRecorder, Slot

INPUT = "input"
"""Name of the first tensor given to the model; further ones are ``input@1``, ``input@2``, ..."""


SCRATCH = frozenset({"empty", "empty_strided", "empty_like"})
"""Operators that make room and compute nothing."""


@dataclass(slots=True)
class _Call:
    """A module that is running, or a function: where, what it was given, the costs before it."""

    path: str
    read: list[Tensor]
    slots: list[Slot]
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
        saved: SavedBytes | None = None,
    ) -> None:
        super().__init__()
        self.nodes: list[Node] = []
        self.modules: dict[tuple[str, int], Node] = {}
        """Every module's calls, those with modules inside them too."""
        self.stopped_at: str | None = None
        """The innermost module whose forward raised, where ``stopped_call`` counts its calls."""
        self.stopped_call = 0
        self.saved = saved
        """What tells later how much of each node autograd saves."""
        self._model = model
        self._recollection: Recollection | None = None
        if keep:
            named = (*model.named_parameters(), *model.named_buffers())
            self._recollection = Recollection({id(tensor): name for name, tensor in named})
        self._operations = operations
        operations.on_operator = self._operator
        self._running: list[_Call] = []
        self._leaf: nn.Module | None = None
        self._leaf_mutated: list[Tensor] = []
        self._calls: dict[str, int] = {}
        self._module_calls: dict[str, int] = {}
        self._parameters: dict[int, dict[int, int]] = {}
        """By a module's id: by their ids, the numbers of values of its parameters."""
        # Tensors are held until the end, so that no id is given twice.
        self._makers: dict[int, tuple[Tensor, str]] = {}
        self._sharing: dict[int, list[Tensor]] = {}
        """Of these tensors, those of each piece of memory."""
        self.input_names = tuple(self._unique(INPUT)[0] for _ in inputs)
        for tensor, name in zip(inputs, self.input_names, strict=True):
            self._make(tensor, name)

    @contextmanager
    def hooks(self) -> Iterator[None]:
        """Forward hooks on every module, which tell which one is running."""
        # Put where ``register_forward_hook`` puts them, which takes several times as long; and
        # ScriptModules have no such method. Only those that Python calls tell of it.
        key = id(self)
        hooked: list[nn.Module] = []
        try:
            for path, module in self._model.named_modules():
                leaf = is_layer(module)
                hooked.append(module)
                hooks: tuple[tuple[dict[int, Any], Any], ...] = (
                    (module._forward_pre_hooks, functools.partial(self._enter, path, leaf)),
                    (module._forward_pre_hooks_with_kwargs, True),
                    (module._forward_hooks, functools.partial(self._leave, path)),
                    (module._forward_hooks_with_kwargs, True),
                    (module._forward_hooks_always_called, True),
                )
                for place, hook in hooks:
                    place[key] = hook
            yield
        finally:
            for module in hooked:
                for place in (
                    *(module._forward_pre_hooks, module._forward_pre_hooks_with_kwargs),
                    *(module._forward_hooks, module._forward_hooks_with_kwargs),
                    module._forward_hooks_always_called,
                ):
                    place.pop(key, None)

    def result(self, output: Any) -> Any:
        """What the model returned, with slots in the place of tensors."""
        with torch._C.DisableTorchFunction():
            return with_slots(output, self._operations.slot)

    def _enter(self, path: str, leaf: bool, module: nn.Module, args: Any, kwargs: Any) -> None:
        if _transforming() is not None:
            return  # its operators are noted, each for all that is mapped
        self.stopped_at = None
        operations = self._operations
        with torch._C.DisableTorchFunction():
            read = tensors_in(args) + tensors_in(kwargs) if kwargs else tensors_in(args)
            slots = [operations.slot(tensor) for tensor in read]
            given = self._given(None, args, kwargs) if leaf else None
        self._running.append(_Call(path, read, slots, operations.multiply_accumulates, given))
        if leaf and path and self._leaf is None:
            self._leaf = module
            operations.inside += 1
            self._leaf_mutated = []

    def _leave(self, path: str, module: nn.Module, args: Any, kwargs: Any, output: Any) -> Any:
        if _transforming() is not None:
            return output
        if not self._running:  # entering it failed, as when recursion goes too deep
            self.stopped_at = path
            return output
        call = self._running.pop()
        number = self._module_calls.get(path, 0)
        # This is also called while an exception passes.
        if output is None and self.stopped_at is None and sys.exc_info()[1] is not None:
            self.stopped_at, self.stopped_call = path, number
        self._module_calls[path] = number + 1
        node: Node | None = None
        if self._leaf is module:
            self._leaf = None
            self._operations.inside -= 1
            output, node = self._record(
                base=path,
                kind=kind_of(module),
                call=call,
                output=output,
                mutated=self._leaf_mutated,
                parameters=sum(self._parameters_of(module).values()),
                hyperparameters=module_hyperparameters(module),
            )
        elif made := tensors_in(output):
            with torch._C.DisableTorchFunction():
                node = self._node(
                    name=f"{path}@{number}" if number else path,
                    kind=kind_of(module),
                    number=number,
                    call=call,
                    output=output,
                    made=made,
                    parameters=sum(self._parameters_of(module).values()),
                    hyperparameters=module_hyperparameters(module),
                )
        if node is not None:
            self.modules[path, number] = node
        return output

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if _transforming() is not None:
            return func(*args, **kwargs)  # what it is given is no tensor with memory
        function = described(func)
        operations = self._operations
        inside = self._leaf is not None
        mutated = mutated_tensors(function, args, kwargs)
        read: list[Tensor] = []
        slots: list[Slot] = []
        given: Given | None = None
        if not inside or function.escapes:
            with torch._C.DisableTorchFunction():
                read = tensors_in(args) + tensors_in(kwargs) if kwargs else tensors_in(args)
                slots = [operations.slot(tensor) for tensor in read]
                given = None if inside else self._given(func, args, kwargs)
        before = operations.multiply_accumulates
        operations.inside += 1
        try:
            result = func(*args, **kwargs)
        finally:
            operations.inside -= 1
        if function.escapes:
            with self._unrecorded():
                operations.escape(read[:1])
        if function.kind == "set":  # of an attribute, such as data
            operations.forget()
        if inside:
            self._leaf_mutated += mutated
            return result
        returned = tensors_in(result)
        if not returned and not mutated:
            return result
        kind = function.kind
        path = self._running[-1].path if self._running else ""
        recorded, _ = self._record(
            base=f"{path}.{kind}" if path else kind,
            kind=kind,
            call=_Call(path, read, slots, before, given),
            output=result if returned else mutated,
            mutated=mutated,
            parameters=sum(tensor.numel() for tensor in read if isinstance(tensor, nn.Parameter)),
            hyperparameters=operation_hyperparameters(args, kwargs),
        )
        return recorded if returned else result

    def _operator(self, call: Call) -> None:
        """Note an operator that Python did not call: a ScriptModule did, or ``vmap``."""
        mutated = call.signature.written(call.args, call.kwargs)
        returned = tensors_in(call.result)
        kind = call.signature.name.strip("_")
        if not (returned or mutated) or kind in SCRATCH:
            return
        path = self._running[-1].path if self._running else ""
        # Statistics and indices besides the first result are for the backward pass.
        main = returned[0] if kind.startswith("native_") or "_with_indices" in kind else call.result
        _, node = self._record(
            base=f"{path}.{kind}" if path else kind,
            kind=kind,
            call=_Call(path, call.read, call.slots, call.multiply_accumulates),
            output=main if returned else mutated,
            mutated=mutated or returned,
            parameters=sum(self._learnable.get(_memory(tensor), 0) for tensor in call.read),
            hyperparameters=operation_hyperparameters(call.args, call.kwargs),
        )
        for tensor in returned:
            if node is not None and not self._made(tensor):
                self._make(tensor, node.name)

    @functools.cached_property
    def _learnable(self) -> dict[int, int]:
        """The numbers of values of the parameters, by their memory."""
        return {_memory(tensor): tensor.numel() for tensor in self._model.parameters()}

    def _record(
        self,
        *,
        base: str,
        kind: str,
        call: _Call,
        output: Any,
        mutated: Sequence[Tensor],
        parameters: int,
        hyperparameters: dict[str, Any],
    ) -> tuple[Any, Node | None]:
        """Note a node, unless it returned no tensor; and the output, perhaps as a new object."""
        # What is passed through untouched (Identity, Dropout in eval, contiguous) becomes a
        # tensor object of its own: other readers of the original did not read this node.
        if id(output) in self._makers and not any(output is tensor for tensor in mutated):
            with self._unrecorded():
                output = self._renewed(output)
        made = tensors_in(output)
        if not made:
            return output, None
        with torch._C.DisableTorchFunction():
            name, number = self._unique(base)
            node = self._node(
                name=name,
                kind=kind,
                number=number,
                call=call,
                output=output,
                made=made,
                parameters=parameters,
                hyperparameters=hyperparameters,
            )
            if self._recollection is not None:
                with self._unrecorded():
                    outputs = tuple(tensor.clone() for tensor in made)
                node = dataclasses.replace(node, outputs=outputs, given=call.given)
                self._recollection.remember(name, made, outputs)
            for tensor in made:
                self._make(tensor, name)
            if mutated:
                self._overwrite(mutated, name)
        self.nodes.append(node)
        return output, node

    def _renewed(self, output: Tensor) -> Tensor:
        """The same tensor as another object."""
        return output.detach()

    def _node(
        self,
        *,
        name: str,
        kind: str,
        number: int,
        call: _Call,
        output: Any,
        made: Sequence[Tensor],
        parameters: int,
        hyperparameters: dict[str, Any],
    ) -> Node:
        inputs: list[str] = []
        reads: list[Slot] = []
        for tensor, slot in zip(call.read, call.slots, strict=True):
            known = self._makers.get(id(tensor))
            if known is not None:
                inputs.append(known[1])
                reads.append(slot)
        size = 0
        for tensor in made:
            size += tensor.numel() * tensor.element_size()
        operations = self._operations
        return Node(
            name=name,
            kind=kind,
            module_path=call.path,
            call=number,
            inputs=tuple(inputs),
            shape=tuple(made[0].shape),
            parameters=parameters,
            hyperparameters=hyperparameters,
            multiply_accumulates=operations.multiply_accumulates - call.multiply_accumulates,
            activation_bytes=size,
            reads=tuple(reads),
            result=with_slots(output, operations.slot),
            saved=self.saved,
        )

    def _given(
        self, function: Callable[..., Any] | None, args: Any, kwargs: dict[str, Any]
    ) -> Given | None:
        """The arguments of a call, if they are to be kept."""
        if self._recollection is None:
            return None
        with self._unrecorded():
            return self._recollection.given(function, args, kwargs, self._made)

    def _parameters_of(self, module: nn.Module) -> dict[int, int]:
        """The numbers of values of a module's parameters, by their ids: shared ones count once."""
        known = self._parameters.get(id(module))
        if known is None:
            if isinstance(module, torch.jit.ScriptModule):
                own = [*module.parameters()]
            else:
                own = [tensor for tensor in module._parameters.values() if tensor is not None]
            known = {}
            if own:
                with torch._C.DisableTorchFunction():
                    known = {id(tensor): tensor.numel() for tensor in own}
            for child in module._modules.values():
                if child is not None:
                    known |= self._parameters_of(child)
            self._parameters[id(module)] = known
        return known

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

    def _made(self, tensor: Tensor) -> bool:
        """Whether an input or a node gave it."""
        return id(tensor) in self._makers

    def _make(self, tensor: Tensor, name: str) -> None:
        """Note who made a tensor."""
        if id(tensor) not in self._makers:
            self._sharing.setdefault(_memory(tensor), []).append(tensor)
        self._makers[id(tensor)] = tensor, name

    def _overwrite(self, mutated: Sequence[Tensor], name: str) -> None:
        """Let every tensor that shares memory with one written to come from ``name``."""
        for memory in {_memory(tensor) for tensor in mutated if self._made(tensor)}:
            for tensor in self._sharing.get(memory, ()):
                self._makers[id(tensor)] = tensor, name

    def _unique(self, base: str) -> tuple[str, int]:
        """A name that no node bears yet, and the number of the call."""
        call = self._calls.get(base, 0)
        self._calls[base] = call + 1
        return (f"{base}@{call}" if call else base), call


def is_layer(module: nn.Module) -> bool:
    """Whether a call of it is one node, whatever happens inside: it has no modules in it.

    Of ScriptModules only those of PyTorch's own classes: others show what they do.
    """
    if any(True for child in module._modules.values() if child is not None):
        return False
    return not isinstance(module, torch.jit.ScriptModule) or hasattr(nn, kind_of(module))


def kind_of(module: nn.Module) -> str:
    """The name of a module's class; of ScriptModules, of what they were made from."""
    if isinstance(module, torch.jit.ScriptModule):
        return str(getattr(module, "original_name", type(module).__name__))
    return type(module).__name__


_transforming: Callable[[], Any] = torch._C._functorch.peek_interpreter_stack
"""Gives None unless ``vmap`` or the like is running."""


def _memory(tensor: Tensor) -> int:
    """Where a tensor's values are: the same for a tensor and its views, meta ones too."""
    return int(tensor.untyped_storage()._cdata)
