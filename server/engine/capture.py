"""What every layer gives, at about the cost of the plain forward.

A trace that keeps outputs records every operator, which takes several times as long as a small
network. But a network that can be traced by its shapes alone does the same for every input: so its
graph is made once, and a capture only picks up what the same calls return when the model runs.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from server.engine.given import Given, Operand
from server.engine.node import Node
from server.engine.operations import described, mutated_tensors, tensors_in
from server.engine.preserved import preserved
from server.engine.trace import Trace


class Diverged(RuntimeError):
    """The model did something else than when its graph was made."""


@dataclass(frozen=True, eq=False)
class Captured:
    """One run: what the model returned, and its graph's nodes with what they gave and took."""

    output: Any
    """As the model returned it; not to be written to."""
    steps: Sequence[_Step]
    made: Sequence[Sequence[Tensor]]
    taken: Sequence[Sequence[Tensor]]

    @property
    def nodes(self) -> list[Node]:
        """The nodes as of a trace that keeps outputs. Put together at each call."""
        outputs = {step.node.name: made for step, made in zip(self.steps, self.made, strict=True)}
        return [
            step.filled(tuple(made), taken, outputs)
            for step, made, taken in zip(self.steps, self.made, self.taken, strict=True)
        ]


@dataclass(slots=True, eq=False)
class _Step:
    """A call that makes a node: of a module, or of a function."""

    node: Node
    given: Given
    module: nn.Module | None
    operands: tuple[int, ...]
    """Which of the tensors among its arguments are neither parameters nor kept outputs."""
    copies_made: bool = False
    """Whether something writes later to what it returns."""
    copies_taken: bool = False
    """Whether something, perhaps itself, writes later to those operands."""

    def filled(
        self,
        made: tuple[Tensor, ...],
        taken: Sequence[Tensor],
        outputs: dict[str, Sequence[Tensor]],
    ) -> Node:
        """The node with the tensors of one run."""
        rest = iter(taken)

        def operand(template: Operand) -> Operand:
            if template.parameter is not None:
                return template
            if template.kept is not None:
                name, number = template.kept
                return replace(template, tensor=outputs[name][number])
            return replace(template, tensor=next(rest))

        args, kwargs = self.given.replaced(operand)
        given = Given(self.given.function, args, kwargs)
        return replace(self.node, outputs=made, given=given)


class Capture:
    """Runs a model again and again, on inputs of the shape of those that its graph was made of."""

    def __init__(self, model: nn.Module, steps: Sequence[_Step]) -> None:
        self._model = model
        self._steps = steps

    def run(self, *args: Any) -> Captured:
        """What the model makes of an input, by node.

        Args:
            args: of the model's forward; of the shapes that the graph was made of, on its device.

        Raises:
            Diverged: it did something else than when its graph was made.
        """
        watch = _Watch(self._steps)
        with torch.inference_mode():
            output = watch.see(self._model, args)
        return Captured(output, self._steps, watch.made, watch.taken)


def capture_of(model: nn.Module, graph: Trace, kept: Trace, *args: Any) -> Capture | None:
    """A way to capture what ``kept`` holds; None where only a trace can be trusted.

    That is so where the graph may depend on values, where Python does not call what makes a node
    (ScriptModules), where the model changes itself or draws random numbers when it runs, and where
    a first capture gave anything else than the trace.

    Args:
        model: in eval mode.
        graph: a trace of its shapes alone.
        kept: a trace that keeps outputs.
        args: the arguments of forward that ``kept`` was made of.
    """
    steps = _steps_of(model, graph, kept)
    if steps is None:
        return None
    states = random_states()
    with preserved(model) as preservation, torch.inference_mode(False), torch.no_grad():
        watch = _Watch(steps)
        try:
            watch.see(model, args, versions=True)
        except Diverged:
            return None
        if preservation.changed or random_states() != states:
            return None
        watch.mark_overwritten([*model.parameters(), *model.buffers(), *tensors_in(args)])
        again = Capture(model, steps).run(*args)
    same = all(
        _same(one.outputs, other.outputs) and _same(_operands(one), _operands(other))
        for one, other in zip(again.nodes, kept.nodes, strict=True)
    )
    return Capture(model, steps) if same else None


class _Watch(TorchFunctionMode):
    """Picks up what the expected calls return, one after the other."""

    def __init__(self, steps: Sequence[_Step]) -> None:
        super().__init__()
        self.made: list[Sequence[Tensor]] = []
        self.taken: list[Sequence[Tensor]] = []
        self._steps = steps
        self._versions: list[tuple[list[int], list[int]]] | None = None
        self._expected: Callable[..., Any] | None = None
        self._on = False
        self._expect()

    def see(self, model: nn.Module, args: Any, *, versions: bool = False) -> Any:
        """Run the model, and return what it returns; with ``versions``, note what is written to.

        Raises:
            Diverged: not every expected call came, or one gave another shape.
        """
        self._versions = [] if versions else None
        modules = {id(step.module): step.module for step in self._steps if step.module is not None}
        key = id(self)
        for module in modules.values():
            module._forward_hooks[key] = self._left
            module._forward_hooks_with_kwargs[key] = True
        self._switch()
        try:
            output = model(*args)
        finally:
            if self._on:
                self.__exit__(None, None, None)  # type: ignore[no-untyped-call]
                self._on = False
            for module in modules.values():
                del module._forward_hooks[key]
                del module._forward_hooks_with_kwargs[key]
        if len(self.made) != len(self._steps):
            raise Diverged(f"{self._steps[len(self.made)].node.name} did not run.")
        for step, made in zip(self._steps, self.made, strict=True):
            if tuple(made[0].shape) != step.node.shape or len(made) != len(step.node.outputs):
                raise Diverged(f"{step.node.name} gave {tuple(made[0].shape)}.")
        return output

    def mark_overwritten(self, lasting: Iterable[Tensor]) -> None:
        """Let the steps copy what was written to since they saw it, and what is not of the run.

        Args:
            lasting: tensors that live on and may change after the run.
        """
        assert self._versions is not None, "the run did not note versions"
        places = {tensor.untyped_storage()._cdata for tensor in lasting}

        def passing(tensors: Sequence[Tensor], versions: list[int]) -> bool:
            return any(
                tensor._version != version or tensor.untyped_storage()._cdata in places
                for tensor, version in zip(tensors, versions, strict=True)
            )

        for step, made, taken, (then_made, then_taken) in zip(
            self._steps, self.made, self.taken, self._versions, strict=True
        ):
            step.copies_made = passing(made, then_made)
            step.copies_taken = passing(taken, then_taken)

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        expected = self._expected
        if expected is None or (func is not expected and func != expected):
            return func(*args, **kwargs) if kwargs else func(*args)
        kwargs = kwargs or {}
        taken, then = self._take(args, kwargs)
        result = func(*args, **kwargs)
        made = (result,) if type(result) is Tensor else tensors_in(result)
        if not made:  # as of an assignment to a slice
            made = mutated_tensors(described(func), args, kwargs)
        if made:
            self._note(made, taken, then)
        return result

    def _left(self, module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        """A forward hook: what is called with a module inside of a layer is part of the layer."""
        place = len(self.made)
        if place < len(self._steps) and self._steps[place].module is module:
            with torch._C.DisableTorchFunction():
                made = (output,) if type(output) is Tensor else tensors_in(output)
                if made:
                    self._note(made, *self._take(args, kwargs))
                    self._switch()

    def _take(self, args: Any, kwargs: Any) -> tuple[Sequence[Tensor], list[int]]:
        """The operands of a call that no other step keeps, and the writes to them so far."""
        step = self._steps[len(self.made)]
        if not step.operands:
            return (), []
        every = tensors_in(args) + tensors_in(kwargs)
        taken = [every[number] for number in step.operands if number < len(every)]
        then = [tensor._version for tensor in taken] if self._versions is not None else []
        with torch._C.DisableTorchFunction():
            return ([tensor.clone() for tensor in taken] if step.copies_taken else taken), then

    def _note(self, made: Sequence[Tensor], taken: Sequence[Tensor], then: list[int]) -> None:
        if self._versions is not None:
            self._versions.append(([tensor._version for tensor in made], then))
        if self._steps[len(self.made)].copies_made:
            with torch._C.DisableTorchFunction():
                made = [tensor.clone() for tensor in made]
        self.made.append(made)
        self.taken.append(taken)
        self._expect()

    def _switch(self) -> None:
        """Look at functions only where one is expected: it costs something at each of them."""
        wanted = self._expected is not None
        if wanted and not self._on:
            self.__enter__()  # type: ignore[no-untyped-call]
        elif self._on and not wanted:
            self.__exit__(None, None, None)  # type: ignore[no-untyped-call]
        self._on = wanted

    def _expect(self) -> None:
        """Look out for the next call."""
        place = len(self.made)
        self._expected = self._steps[place].given.function if place < len(self._steps) else None


def _steps_of(model: nn.Module, graph: Trace, kept: Trace) -> list[_Step] | None:
    """The calls that make the nodes, in order; None where they are not known for certain."""
    if graph.device.type != "meta" or len(graph.nodes) != len(kept.nodes):
        return None
    steps: list[_Step] = []
    for node, planned in zip(kept.nodes, graph.nodes, strict=True):
        given = node.given
        if given is None or (node.name, node.shape) != (planned.name, planned.shape):
            return None
        operands = tuple(
            number
            for number, operand in enumerate(given.operands())
            if operand.parameter is None and operand.kept is None
        )
        module = model.get_submodule(node.module_path) if given.function is None else None
        if isinstance(module, torch.jit.ScriptModule):
            return None
        steps.append(_Step(node, given, module, operands))
    return steps


def _operands(node: Node) -> list[Tensor]:
    return [operand.tensor for operand in node.given.operands()] if node.given else []


def _same(one: Sequence[Tensor], other: Sequence[Tensor]) -> bool:
    """Whether tensors hold the same values, NaN being like NaN."""
    return len(one) == len(other) and all(
        a.dtype == b.dtype
        and np.array_equal(
            a.detach().cpu().numpy(), b.detach().cpu().numpy(), equal_nan=a.is_floating_point()
        )
        for a, b in zip(one, other, strict=True)
    )


def random_states() -> tuple[Any, ...]:
    """The states of the generators of Python, NumPy and PyTorch's CPU, to be compared."""
    numpy: Any = np.random.get_state(legacy=False)
    return (
        random.getstate(),
        str(numpy["state"]["pos"]),
        numpy["state"]["key"].tobytes(),
        torch.get_rng_state().numpy().tobytes(),
    )
