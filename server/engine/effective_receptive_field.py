"""How much each input position changes a unit, on average over inputs.

The gradient of the unit with respect to the input: Luo, Li, Urtasun, Zemel, "Understanding the
Effective Receptive Field in Deep Convolutional Neural Networks", NeurIPS 2016.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from server.engine.example import Example, as_inputs, device_of
from server.engine.node import Node, chosen, with_slots
from server.engine.operations import tensors_in
from server.engine.preserved import preserved
from server.engine.receptive_field.field import spatial_axes
from server.engine.rerun import Rerun
from server.engine.runnable import eagerly, unwrapped, whole

OUTPUT = "<output>"


class Stopped(RuntimeError):
    """The caller asked to stop before the last input."""


@dataclass(frozen=True)
class EffectiveField:
    """The mean over the inputs until now."""

    values: Tensor = field(repr=False)
    """float64, of the input's spatial shape, not negative."""
    inputs: int
    """How many inputs it is the mean of."""


@dataclass(frozen=True)
class Unit:
    """A unit of a layer, or the sum of those of all channels at its place."""

    layer: str
    """Path of a module, name of a node, or ``"<output>"``."""
    position: tuple[int, ...] | None = None
    """Index on each axis after batch and channel; None: the centre."""
    call: int = 0
    """Which call of the module."""
    channel: int | None = None
    """Index on axis 1, of logits the class; None: the sum over all."""
    item: Any = None
    """Key, index, or tuple of those, of the tensor when the layer returns several."""


def effective_receptive_field(
    model: nn.Module,
    inputs: Iterable[Example],
    layer: str,
    position: tuple[int, ...] | None = None,
    *,
    call: int = 0,
    channel: int | None = None,
    item: Any = None,
    input: int = 0,
    progress: Callable[[int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Tensor:
    """The mean absolute gradient of a unit, summed over the input's channels.

    Args:
        model: with a floating-point input.
        inputs: batches (N, C, *spatial), or what ``trace_model`` takes where there are several
            inputs; the mean is over all items of all batches.
        layer: path of a module, name of a node, or ``"<output>"``.
        position: index on each axis after batch and channel; without it, the centre.
        call: which call of the module.
        channel: index on axis 1, of logits the class; without it, the sum over all channels.
        item: key, index, or tuple of those, of the tensor when the layer returns several.
        input: which input of the model, counted in the order of the example.
        progress: told after every batch how many items there have been.
        should_stop: asked before every batch; ``running_fields`` gives what there is until then.

    Returns:
        float64 of the input's spatial shape (its axes after batch and channel), not negative.

    Raises:
        KeyError: no such layer, or it did not run so often.
        LookupError: no such item, or several tensors and no item.
        IndexError: the unit or the input is not there.
        ValueError: no inputs, they differ in shape, the input has no gradient, as integers, or the
            model no values.
        Stopped: ``should_stop`` said so.
    """
    unit = Unit(layer, position, call, channel, item)
    mean: EffectiveField | None = None
    batches = _until(inputs, should_stop)
    for mean in running_fields(model, batches, unit, input=input):
        if progress:
            progress(mean.inputs)
    if mean is None:
        raise ValueError("There are no inputs to average over.")
    return mean.values


def running_fields(
    model: nn.Module, inputs: Iterable[Example], unit: Unit, *, input: int = 0
) -> Iterator[EffectiveField]:
    """The effective receptive field after each batch: whoever has enough takes no more.

    During a batch the model is in eval mode; whenever there is a result, it is as it was before.
    Raises as ``effective_receptive_field`` does.
    """
    model = unwrapped(model)
    total: Tensor | None = None
    count = 0
    for batch in inputs:
        size, items = _gradient(model, batch, unit, input)
        if total is not None and total.shape != size.shape:
            raise ValueError(f"Inputs differ in shape: {total.shape} and {size.shape}.")
        if not items:
            continue
        total = size if total is None else total + size
        count += items
        yield EffectiveField(total / count, count)


def _until(inputs: Iterable[Example], should_stop: Callable[[], bool] | None) -> Iterator[Example]:
    for batch in inputs:
        if should_stop and should_stop():
            raise Stopped("Stopped before the last input.")
        yield batch


def _gradient(model: nn.Module, batch: Example, unit: Unit, input: int) -> tuple[Tensor, int]:
    """The absolute gradients of the units of a batch, summed over items and channels; the items."""
    with ExitStack() as stack:
        stack.enter_context(preserved(model))
        stack.enter_context(eagerly())
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        model.eval().requires_grad_(False)
        device = device_of(model)
        if device.type == "meta":
            raise ValueError("The model is on the meta device: it has no values.")
        given = as_inputs(batch, model).to(device)
        leaf, args, kwargs = _with_gradient(given.args, given.kwargs, input)
        output = _output_of(model, unit, args, kwargs)
        value = _value(unit, output)
        spatial = spatial_axes(tuple(leaf.shape))
        rest = tuple(axis for axis in range(leaf.ndim) if axis not in spatial)
        items = len(leaf) if leaf.ndim > 1 else 1
        if not value.requires_grad:
            return torch.zeros([leaf.shape[axis] for axis in spatial], dtype=torch.float64), items
        (gradient,) = torch.autograd.grad(value, leaf)
        size = gradient.abs().double()
        return (size.sum(rest) if rest else size).cpu(), items


def _with_gradient(
    args: tuple[Tensor, ...], kwargs: dict[str, Tensor], input: int
) -> tuple[Tensor, tuple[Tensor, ...], dict[str, Tensor]]:
    """The input that gradients are taken for, and the arguments with it."""
    given = [*args, *kwargs.values()]
    if not -len(given) <= input < len(given):
        raise IndexError(f"The model has {len(given)} inputs; there is no {input}.")
    leaf = given[input]
    if not (leaf.is_floating_point() or leaf.is_complex()):
        raise ValueError(f"An input of type {leaf.dtype} has no gradient.")
    leaf.requires_grad_()
    # A clone, for the model may write to its input in place.
    given[input] = leaf.clone()
    return leaf, tuple(given[: len(args)]), dict(zip(kwargs, given[len(args) :], strict=True))


def _output_of(
    model: nn.Module, unit: Unit, args: tuple[Tensor, ...], kwargs: dict[str, Tensor]
) -> Tensor:
    """What the unit's layer gives, with its gradient."""
    watch = _Watch(model, (*args, *kwargs.values()), unit)
    try:
        with watch.hooks(), watch:
            output = whole(model(*args, **kwargs))
    except _Reached as reached:
        output = reached.output
    else:
        if unit.layer not in (OUTPUT, ""):
            raise KeyError(watch.missing())
        if unit.call:
            raise KeyError(f"{unit.layer!r} ran 1 times, so there is no call {unit.call}.")
    return chosen(with_slots(output, lambda tensor: tensor), unit.item, unit.layer, Tensor)


class _Reached(BaseException):
    """The layer has given its output: what follows need not run. No model catches this."""

    def __init__(self, output: Any) -> None:
        super().__init__()
        self.output = output


class _Watch(Rerun):
    """Stops the run when a layer has given its output."""

    def __init__(self, model: nn.Module, inputs: tuple[Tensor, ...], unit: Unit) -> None:
        super().__init__(model, inputs)
        self._unit = unit

    def missing(self) -> str:
        """Why the layer did not give an output."""
        layer, call = self._unit.layer, self._unit.call
        times = sum(path == layer for path, _ in self.modules)
        if times:
            return f"{layer!r} ran {times} times, so there is no call {call}."
        return f"Nothing called {layer!r} ran."

    def _leave(self, path: str, module: nn.Module, args: Any, kwargs: Any, output: Any) -> Any:
        number = self._module_calls.get(path, 0)
        output = super()._leave(path, module, args, kwargs, output)
        if path and (path, number) == (self._unit.layer, self._unit.call) and tensors_in(output):
            raise _Reached(output)
        return output

    def _record(self, **options: Any) -> tuple[Any, Node | None]:
        output, node = super()._record(**options)
        if node is not None and self._unit.call == 0 and node.name == self._unit.layer:
            raise _Reached(output)
        return output, node


def _value(unit: Unit, output: Tensor) -> Tensor:
    """The sum of the unit's values over the batch."""
    sizes = tuple(output.shape[2:])
    place = tuple(size // 2 for size in sizes) if unit.position is None else unit.position
    if len(place) != len(sizes):
        raise IndexError(
            f"{unit.layer} gave {list(output.shape)}: a position has {len(sizes)} indices, "
            f"not {len(place)}."
        )
    for axis, (index, size) in enumerate(zip(place, sizes, strict=True)):
        _check(unit, f"position[{axis}]", index, size)
        output = output.select(2, index)
    if unit.channel is not None:
        _check(unit, "channel", unit.channel, output.shape[1] if output.ndim > 1 else 0)
        output = output.select(1, unit.channel)
    return output.sum()


def _check(unit: Unit, name: str, index: int, size: int) -> None:
    if not -size <= index < size:
        raise IndexError(f"{unit.layer} has {name} 0 to {size - 1}, not {index}.")
