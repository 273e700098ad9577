"""How much each value of a layer contributes to one of the model's outputs: gradient times value.

The contribution of a value a to an output z is a * dz/da, and that of a channel is the sum over its
values. Shrikumar, Greenside, Shcherbina, Kundaje, "Not Just a Black Box: Learning Important
Features Through Propagating Activation Differences", 2016 (section 2.2); what it shares with other
methods: Ancona, Ceolini, Oztireli, Gross, "Towards Better Understanding of Gradient-based
Attribution Methods for Deep Neural Networks", ICLR 2018.

Where everything after the layer is linear, the contributions and what z is when the layer gives
zeros (the biases) add up to z, exactly. Elsewhere it is a first-order answer: it tells how z
changes when a channel is scaled a little, and not what happens when it is taken away. What is
saturated contributes nothing by it, as a maximum that is far from being reached.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn

from server.engine.example import Example, as_inputs, device_of
from server.engine.node import Node
from server.engine.operations import tensors_in
from server.engine.preserved import preserved
from server.engine.rerun import Rerun
from server.engine.runnable import eagerly, unwrapped, whole


class NoGradient(ValueError):
    """Gradients do not tell how the output depends on the layer; the message says why."""


@dataclasses.dataclass(frozen=True)
class Contributions:
    """What every value of a layer contributes to one output."""

    values: Tensor = dataclasses.field(repr=False)
    """float64, of the shape of the layer's first output tensor, batch first."""
    output: float
    """The model's output that they contribute to."""
    reaches: bool
    """Whether any path leads from the layer to that output; if not, all values are 0."""


def contributions(
    model: nn.Module,
    example: Example,
    layer: str,
    output: int,
    *,
    chosen: Callable[[Any], Tensor] = lambda returned: returned,
) -> Contributions:
    """Gradient times value, for every value of the first tensor that a layer gives.

    It runs the model once, from the layer on with gradients, and goes back to the layer. The model
    is afterwards as it was, also when its forward raises.

    Args:
        model: run in eval mode; shared and functional operations, and those in place, all work.
        example: one item as a batch (N, ...); of several the first one's output is meant.
        layer: name of a node, as in a trace: a module's path, or ``<path>.<operation>``, with
            ``@k`` for the call k after the first.
        output: index along the last axis of what the model returns, of logits the class.
        chosen: gives the tensor (N, K) among what the model returns.

    Raises:
        KeyError: no such layer ran.
        IndexError: no such output.
        NoGradient: what the layer gives are not floating-point numbers, or the run cannot be
            followed.
    """
    model = unwrapped(model)
    with ExitStack() as stack:
        stack.enter_context(preserved(model))
        stack.enter_context(eagerly())
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        model.eval().requires_grad_(False)
        arguments = as_inputs(example, model).to(device_of(model))
        cut = _Cut(model, tuple(arguments.tensors()), layer)
        try:
            with cut.hooks(), cut:
                returned = chosen(whole(model(*arguments.args, **arguments.kwargs)))
        except RuntimeError as error:
            # Without gradients it did: some writes in place are only allowed then.
            raise NoGradient(f"With gradients the model does not run: {error}") from error
        if cut.leaf is None:
            raise KeyError(f"Nothing called {layer!r} ran.")
        first = returned[0] if returned.ndim > 1 else returned
        if first.ndim != 1 or not -len(first) <= output < len(first):
            raise IndexError(f"The model has no output {output}: it gave {list(returned.shape)}.")
        return _product(first[output], cut.leaf)


def _product(score: Tensor, leaf: Tensor) -> Contributions:
    gradient: Tensor | None = None
    if score.requires_grad:
        try:
            (gradient,) = torch.autograd.grad(score, leaf, allow_unused=True)
        except RuntimeError as error:
            # Such as of values that were overwritten in place: the model cannot be trained, either.
            raise NoGradient(f"Gradients cannot be followed: {error}") from error
    if gradient is None:
        values = torch.zeros(leaf.shape, dtype=torch.float64)
        return Contributions(values, float(score.detach()), reaches=False)
    # A zero contributes nothing, also where the function is infinitely steep there.
    product = gradient.double() * leaf.detach().double()
    return Contributions(
        product.masked_fill(leaf == 0, 0.0).cpu(), float(score.detach()), reaches=True
    )


class _Cut(Rerun):
    """Makes of what a layer gives a leaf: gradients are taken for it, and go no further back."""

    def __init__(self, model: nn.Module, inputs: tuple[Tensor, ...], layer: str) -> None:
        super().__init__(model, inputs)
        self._layer = layer
        self.leaf: Tensor | None = None

    def _record(self, **options: Any) -> tuple[Any, Node | None]:
        output, node = super()._record(**options)
        if node is None or node.name != self._layer:
            return output, node
        first = tensors_in(output)[0]
        if not first.is_floating_point():
            raise NoGradient(f"{self._layer} gives {first.dtype}, which has no gradient.")
        with self._unrecorded():
            self.leaf = first.detach().clone().requires_grad_()
            if any(first is tensor for tensor in options["mutated"]):
                # Written in place: whoever holds that memory, under any name, now reads the leaf.
                first.copy_(self.leaf)
                return output, node
            # Another tensor than what it may be a view of: only readers of this node read the leaf.
            fresh = self.leaf.clone()
            self._make(fresh, node.name)
            return _replaced(output, first, fresh), node


def _replaced(value: Any, old: Tensor, new: Tensor) -> Any:
    """Nested results with one tensor in the place of another."""
    if isinstance(value, Tensor):
        return new if value is old else value
    if isinstance(value, dict):
        # Copied, since subclasses are made in ways of their own.
        changed = copy.copy(value)
        for key, item in value.items():
            changed[key] = _replaced(item, old, new)
        return changed
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_replaced(item, old, new) for item in value))
    if isinstance(value, list | tuple):
        return type(value)(_replaced(item, old, new) for item in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        changes = {field.name: _replaced(getattr(value, field.name), old, new) for field in fields}
        return dataclasses.replace(value, **changes)
    return value
