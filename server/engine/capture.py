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

from server.engine.node import Node
from server.engine.operations import tensors_in
from server.engine.preserved import preserved
from server.engine.trace import Trace
from server.engine.unwritten import Looks
from server.engine.watch import Diverged, Step, Watch


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

    def __init__(self, model: nn.Module, steps: Sequence[Step]) -> None:
        self._model = model
        self._steps = steps
        self._watch = Watch(steps)

    def run(self, *args: Any) -> Captured:
        """What the model makes of an input, by node.

        Args:
            args: of the model's forward; of the shapes that the graph was made of, on its device.
                They are kept, and not to be written to afterwards.

        Raises:
            Diverged: it did something else than when its graph was made.
        """
        with torch.inference_mode():
            output, made, taken = self._watch.see(self._model, args)
        return Captured(output, self._steps, made, taken)


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
        watch = Watch(steps)
        try:
            _, made, taken = watch.see(model, args, versions=True)
        except Diverged:
            return None
        if preservation.changed or random_states() != states:
            return None
        if _put_apart(model, steps, args):
            watch = Watch(steps)
            _, made, taken = watch.see(model, args, versions=True)
        watch.mark_overwritten(made, taken, [*model.parameters(), *model.buffers()])
        again = Capture(model, steps).run(*args)
    same = all(
        _same(one.outputs, other.outputs) and _same(_operands(one), _operands(other))
        for one, other in zip(again.nodes, kept.nodes, strict=True)
    )
    return Capture(model, steps) if same else None


def _put_apart(model: nn.Module, steps: Sequence[Step], args: Any) -> bool:
    """Let steps that write give something new instead, where the model cannot tell.

    It can where it looks again at what would have been written to, be it as another view; those
    steps stay as they are. Returns whether any do not.
    """
    for step in steps:
        step.is_apart = step.can_be_apart
    while any(step.is_apart for step in steps):
        looks = Looks()
        try:
            with looks:
                output, *_ = Watch(steps).see(model, args, looks=looks)
            looks.look_at(tensors_in(output))
        except Exception:  # whatever a model does that is given another tensor than it expects
            for step in steps:
                step.is_apart = False
            return False
        if not looks.seen:
            return True
        modules = {id(steps[place].module) for place in looks.seen} - {id(None)}
        for place, step in enumerate(steps):
            if place in looks.seen or id(step.module) in modules:
                step.is_apart = False
    return False


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
        module = model.get_submodule(node.module_path) if given.function is None else None
        if isinstance(module, torch.jit.ScriptModule):
            return None
        steps.append(Step(node, given, module, operands))
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
