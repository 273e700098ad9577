"""What autograd keeps of a forward pass until the backward pass: most of the memory of training.

Every operator saves the tensors that its derivative needs: a convolution its input, ReLU its
output, max pooling its input and the indices of the maxima. It is measured, not derived: the model
runs once more, with gradients, and ``saved_tensors_hooks`` see each tensor that is saved.

What is counted: the whole memory (storage) of every tensor saved, once, at the first node that
saves it: where ReLU has saved its output, the convolution that reads it adds nothing. The model's
input counts when something saves it. Parameters and buffers do not, nor views of them: they are
there anyway. Neither do Python numbers, which are saved as tensors of eight bytes.

How it runs: every parameter of a floating-point type requires gradients. All modules are in
training mode (batch normalisation keeps statistics of the batch, dropout its masks), unless the
forward then takes another path than the trace (auxiliary heads) or fails (batch normalisation of
single values): then modules without others in them are in training mode; and if that does not go
either, none. Nothing is computed where the model allows that: its tensors are fakes, which follow
their real device in which operators they choose, as meta tensors do not (attention in one kernel
keeps less than attention in five).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd.graph import saved_tensors_hooks

from server.engine.computed_once import computed_once
from server.engine.example import Inputs, device_of
from server.engine.node import Node
from server.engine.preserved import preserved
from server.engine.printing import held_printing
from server.engine.rerun import Rerun
from server.engine.runnable import eagerly, whole

Training: TypeAlias = Literal["all", "leaves", "none"]
"""Which modules are in training mode."""

RECURRENT = frozenset({"lstm", "gru", "rnn_tanh", "rnn_relu"})
"""Functions whose kernels save a workspace of a size that only a real run tells."""

Path: TypeAlias = tuple[tuple[str, str, tuple[int, ...]], ...]
"""Name, kind and shape of each node, in order."""


class _RealRunNeeded(RuntimeError):
    """Fakes do not tell how much this saves."""


@dataclass(frozen=True)
class _Measured:
    """Bytes that were saved first by each node, by each call of a module, and in all."""

    path: Path
    nodes: dict[str, int]
    modules: dict[tuple[str, int], int]
    total: int


class SavedForBackward:
    """Measures when it is first asked, and then for all nodes of a trace at once.

    That runs the model, which is afterwards as it was before: not while another thread uses it.

    Args:
        model: what was traced; it is measured as it is when it is first asked.
        inputs: what it was traced on.
        nodes: those of the trace; they may be added later.
    """

    def __init__(self, model: nn.Module, inputs: Inputs, nodes: Sequence[Node]) -> None:
        self.model = model
        self._inputs = inputs
        self._nodes = nodes

    @property
    def total(self) -> int | None:
        """What stays between forward and backward, in bytes; None if it cannot be measured."""
        return self._measured.total if self._measured else None

    def of(self, node: Node) -> int | None:
        """What a node, or a module with others in it, saves first; None as above."""
        if self._measured is None:
            return None
        if node.name in self._measured.nodes:
            return self._measured.nodes[node.name]
        return self._measured.modules.get((node.module_path, node.call))

    @computed_once
    def _measured(self) -> _Measured | None:
        expected = _path(self._nodes)
        choices: tuple[Training, ...] = ("all", "leaves", "none")
        for training in choices:
            for run in (self._pretended, self._real):
                try:
                    measured = run(training)
                except (Exception, SystemExit):
                    continue  # as in the docstring of this module; the next may do
                if measured.path == expected:
                    return measured
                break  # a real run would take the same other path
        return None

    def _pretended(self, training: Training) -> _Measured:
        device = device_of(self.model)
        given = self._inputs.to(torch.device("meta"))
        mode = FakeTensorMode(allow_non_fake_inputs=True)

        def fake(tensor: Tensor) -> Tensor:
            return torch.empty_strided(
                tensor.shape, tensor.stride(), dtype=tensor.dtype, device=device
            )

        with mode:
            args = tuple(map(fake, given.args))
            kwargs = {name: fake(tensor) for name, tensor in given.kwargs.items()}
        tensors = {name: mode.from_tensor(tensor) for name, tensor in _tensors(self.model)}
        with mode:
            return self._run(training, args, kwargs, tensors, pretended=True)

    def _real(self, training: Training) -> _Measured:
        given = self._inputs.to(device_of(self.model))
        tensors = {name: tensor.clone() for name, tensor in _tensors(self.model)}
        return self._run(training, given.args, given.kwargs, tensors, pretended=False)

    def _run(
        self,
        training: Training,
        args: tuple[Tensor, ...],
        kwargs: dict[str, Tensor],
        tensors: Mapping[str, Tensor],
        *,
        pretended: bool,
    ) -> _Measured:
        """One forward with gradients, with other tensors for the model's parameters and buffers."""
        for name, _ in self.model.named_parameters():
            if tensors[name].is_floating_point() or tensors[name].is_complex():
                tensors[name].requires_grad_()
        counter = _Counter(tensors.values())
        recorder = _Recorder(self.model, (*args, *kwargs.values()), counter, pretended)
        with ExitStack() as stack:
            stack.enter_context(held_printing())  # what it prints, the trace has printed
            stack.enter_context(eagerly())
            stack.enter_context(preserved(self.model))
            stack.enter_context(torch.inference_mode(False))
            stack.enter_context(torch.enable_grad())
            _set_training(self.model, training)
            stack.enter_context(recorder.hooks())
            stack.enter_context(saved_tensors_hooks(counter.count, _unpacked))
            stack.enter_context(recorder)
            whole(torch.func.functional_call(self.model, dict(tensors), args, kwargs))
        return _Measured(_path(recorder.nodes), recorder.by_node, recorder.by_module, counter.total)


class _Counter:
    """Adds up the memory that is saved, each piece once; ``constants`` are not counted."""

    def __init__(self, constants: Iterable[Tensor]) -> None:
        self.total = 0
        # Held, so that no address is given twice.
        self._seen = {storage._cdata: storage for storage in map(_storage, constants)}

    def count(self, tensor: Tensor) -> Tensor:
        """Note that autograd saves a tensor."""
        storage = _storage(tensor)
        if storage._cdata not in self._seen:
            self._seen[storage._cdata] = storage
            self.total += storage.nbytes()
        return tensor


class _Recorder(Rerun):
    """Tells to which node, and to which calls of modules, new bytes belong."""

    def __init__(
        self, model: nn.Module, inputs: Sequence[Tensor], counter: _Counter, pretended: bool
    ) -> None:
        super().__init__(model, inputs)
        self.by_node: dict[str, int] = {}
        self.by_module: dict[tuple[str, int], int] = {}
        self._counter = counter
        self._pretended = pretended
        self._counted = 0
        self._before: list[int] = []

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if self._pretended and getattr(func, "__name__", "") in RECURRENT:
            raise _RealRunNeeded
        return super().__torch_function__(func, types, args, kwargs)

    def _enter(self, path: str, leaf: bool, module: nn.Module, args: Any, kwargs: Any) -> None:
        super()._enter(path, leaf, module, args, kwargs)
        self._before.append(self._counter.total)

    def _leave(self, path: str, module: nn.Module, args: Any, kwargs: Any, output: Any) -> Any:
        call = path, self._module_calls.get(path, 0)
        self.by_module[call] = self._counter.total - self._before.pop()
        return super()._leave(path, module, args, kwargs, output)

    def _record(self, **options: Any) -> tuple[Any, Node | None]:
        output, node = super()._record(**options)
        if node is not None:
            self.by_node[node.name] = self._counter.total - self._counted
            self._counted = self._counter.total
        return output, node


def _tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Parameters and buffers by name, without their gradients' history."""
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        yield name, tensor.detach()


def _set_training(model: nn.Module, training: Training) -> None:
    model.train(training == "all")
    if training == "leaves":
        for module in model.modules():
            if not any(module.children()):
                module.train()


def _path(nodes: Iterable[Node]) -> Path:
    return tuple((node.name, node.kind, node.shape) for node in nodes)


def _storage(tensor: Tensor) -> torch.UntypedStorage:
    return tensor.untyped_storage()


def _unpacked(tensor: Tensor) -> Tensor:
    return tensor
