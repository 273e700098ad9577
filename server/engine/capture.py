"""What every layer gives, at about the cost of the plain forward.

A trace that keeps outputs records every operator, which takes several times as long as a small
network. But a network that can be traced by its shapes alone does the same for every input: so its
graph is made once, and a capture only picks up what the same calls return when the model runs.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

from server.engine.node import Node
from server.engine.operations import tensors_in
from server.engine.preserved import preserved
from server.engine.runnable import unwrapped
from server.engine.trace import Trace, trace_model
from server.engine.unwritten import Looks, Writes
from server.engine.watch import Diverged, Step, Watch

SPREAD = 100
"""A capture is tried with values that go from as large as the given ones to so many times that."""


@dataclass(slots=True, eq=False)
class Captured:
    """One run: what the model returned, and its graph's nodes with what they gave and took."""

    output: Any
    """As the model returned it; not to be written to."""
    steps: Sequence[Step]
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


class Capture:
    """Runs a model again and again, on inputs of the shape of those that its graph was made of."""

    def __init__(
        self, model: nn.Module, steps: Sequence[Step], given: Sequence[Tensor], writes_input: bool
    ) -> None:
        self._model = model
        self._watch = Watch(steps)
        self._steps = steps
        self._given = [(tensor.shape, tensor.stride()) for tensor in given]
        self._writes_input = writes_input

    def run(self, *args: Any) -> Captured:
        """What the model makes of an input, by node.

        Args:
            args: of the model's forward; of the shapes that the graph was made of, on its device.
                They are kept, and not to be written to afterwards.

        Raises:
            Diverged: it did something else than when its graph was made.
        """
        # Whether ``reshape`` gives a view, which can be written through, is a matter of strides.
        for tensor, (shape, stride) in zip(tensors_in(args), self._given, strict=True):
            if tensor.stride() != stride and tensor.shape == shape:
                raise Diverged("The input lies otherwise in memory.")
        with torch.inference_mode():
            given = _copied(args) if self._writes_input else args
            output, made, taken = self._watch.see(self._model, given)
        return Captured(output, self._steps, made, taken)


def capture_of(model: nn.Module, graph: Trace, kept: Trace, *args: Any) -> Capture | None:
    """A way to capture what ``kept`` holds; None where only a trace can be trusted.

    That is so where the graph may depend on values, where Python does not call what makes a node
    (ScriptModules), where the model changes itself or draws random numbers when it runs, and where
    captures of these arguments, or of others that are far from them, gave anything else than the
    trace, or failed.

    Args:
        model: in eval mode.
        graph: a trace of its shapes alone.
        kept: a trace that keeps outputs.
        args: the arguments of forward that ``kept`` was made of. They are not written to.
    """
    try:
        steps = _steps_of(model, graph, kept)
        capture = None if steps is None else _prepared(model, steps, args)
        if capture is None or not _agree(capture, kept, args):
            return None
        # What only happens to agree, such as a limit that no value of these reaches, or padding
        # that is as dark as the border, does not agree for others.
        others = _others(args)
        return capture if _agree(capture, trace_model(model, others, keep=True), others) else None
    except Exception:  # of whatever kind a model has that is watched: a trace does not need it
        return None


def _prepared(model: nn.Module, steps: Sequence[Step], args: Any) -> Capture | None:
    """A capture whose steps copy what has to be; None where the model changes itself."""
    states = random_states()
    with preserved(model) as preservation, torch.inference_mode(False), torch.no_grad():
        Watch(steps).see(model, _copied(args))
        if preservation.changed or random_states() != states:
            return None
        _put_apart(model, steps, args)
        watch, writes, given = Watch(steps), Writes(), _copied(args)
        with writes:
            _, made, taken = watch.see(model, given, writes=writes)
            writes_input = any(writes.to(tensor) for tensor in tensors_in(given))
            # What the next run writes to, these would not keep either.
            Watch(steps).see(model, _copied(args))
        watch.mark_overwritten(made, taken, writes, [*model.parameters(), *model.buffers()])
        return Capture(model, steps, tensors_in(args), writes_input)


def _agree(capture: Capture, trace: Trace, args: Any) -> bool:
    """Whether a capture of the arguments is what their trace has kept."""
    found = capture.run(*args).nodes
    return len(found) == len(trace.nodes) and all(
        _same(one.outputs, other.outputs) and _same(_operands(one), _operands(other))
        for one, other in zip(found, trace.nodes, strict=True)
    )


def _copied(args: Any) -> Any:
    """The arguments with copies of their tensors."""
    return tree_map_only(Tensor, Tensor.clone, args)


def _others(args: Any) -> Any:
    """Arguments like these with other values: real ones far and wide, others in another order."""
    source = torch.Generator().manual_seed(0)

    def other(tensor: Tensor) -> Tensor:
        changed = torch.empty_like(tensor)  # with the same strides
        if tensor.is_floating_point():
            largest = tensor.detach().abs().nan_to_num(posinf=1).amax() if tensor.numel() else 1
            far = SPREAD ** torch.rand(tensor.shape, generator=source)
            noise = torch.randn(tensor.shape, generator=source) * far
            return changed.copy_(noise.to(tensor.device) * (1 + largest))
        return changed.copy_(tensor.flatten().roll(1).view(tensor.shape))

    return tree_map_only(Tensor, other, args)


def _put_apart(model: nn.Module, steps: Sequence[Step], args: Any) -> None:
    """Let steps that write give something new instead, where the model cannot tell.

    It can where it looks again at what would have been written to, be it as another view; those
    steps stay as they are.
    """
    for step in steps:
        step.is_apart = step.can_be_apart
    while any(step.is_apart for step in steps):
        looks = Looks()
        try:
            with looks:
                output, *_ = Watch(steps).see(model, _copied(args), looks=looks)
            looks.look_at(tensors_in(output))
        except Exception:  # whatever a model does that is given another tensor than it expects
            for step in steps:
                step.is_apart = False
            return
        if not looks.seen:
            return
        modules = {id(steps[place].module) for place in looks.seen} - {id(None)}
        for place, step in enumerate(steps):
            if place in looks.seen or id(step.module) in modules:
                step.is_apart = False


def _steps_of(model: nn.Module, graph: Trace, kept: Trace) -> list[Step] | None:
    """The calls that make the nodes, in order; None where they are not known for certain."""
    if graph.device.type != "meta" or len(graph.nodes) != len(kept.nodes):
        return None
    steps: list[Step] = []
    for node, planned in zip(kept.nodes, graph.nodes, strict=True):
        given = node.given
        if given is None or (node.name, node.shape) != (planned.name, planned.shape):
            return None
        operands = tuple(
            number
            for number, operand in enumerate(given.operands())
            if operand.parameter is None and operand.kept is None
        )
        called = given.function is None
        module = unwrapped(model).get_submodule(node.module_path) if called else None
        if isinstance(module, torch.jit.ScriptModule):
            return None
        steps.append(Step(node, given, module, operands))
    return steps


def _operands(node: Node) -> list[Tensor]:
    return [operand.tensor for operand in node.given.operands()] if node.given else []


def _same(one: Sequence[Tensor], other: Sequence[Tensor]) -> bool:
    """Whether tensors hold the same values, NaN being like NaN."""
    return len(one) == len(other) and all(
        (a.dtype, a.shape) == (b.dtype, b.shape) and bool(((a == b) | ((a != a) & (b != b))).all())
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
