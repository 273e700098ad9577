"""Layers in a row: after each the shape, the cost, the receptive field, and where it breaks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from server.engine.shapes.layers import LAYERS, checked_input, output_shape
from server.engine.shapes.receptive_field import Fields, ReceptiveField
from server.engine.shapes.refusal import Refusal
from server.engine.shapes.repairs import MOST, Repair, repairs
from server.engine.shapes.result import ELEMENT_BYTES, LayerShape, Shape
from server.engine.shapes.upstream import after_changes, upstream

PRODUCERS = {
    "in_channels": "out_channels",
    "num_features": "out_channels",
    "in_features": "out_features",
}
"""Of a parameter that says what the input has, the one that made it so, in the layer before."""


@dataclass(frozen=True)
class StackLayer:
    """One layer of a stack."""

    type: str
    shape: LayerShape | None
    """None: it is refused, or stands behind one that is."""
    receptive_field: ReceptiveField | None = None
    saved_for_backward_bytes: int | None = None
    """What this layer adds to the memory kept for backward: what the one before keeps anyway is
    not counted twice."""


@dataclass(frozen=True)
class StackProblem:
    """Why a layer has no shape."""

    layer: int
    parameter: str
    detail: str
    value: Any = None
    repairs: tuple[Repair, ...] = ()


@dataclass(frozen=True)
class Stack:
    """What a list of layers makes of an input."""

    layers: tuple[StackLayer, ...]
    problems: tuple[StackProblem, ...]
    output_shape: Shape | None
    parameters: int
    """Of the layers that have a shape, as are the sums below."""
    multiply_accumulates: int
    activation_bytes: int
    saved_for_backward_bytes: int | None


def apply_stack(
    input_shape: Sequence[int],
    layers: Sequence[tuple[str, Mapping[str, Any]]],
    *,
    training: bool = False,
    with_repairs: bool = True,
) -> Stack:
    """Each layer applied to what the one before gave.

    The layer that is refused, and those behind it, have no shape; there is a problem for each, with
    repairs for the first.

    Args:
        input_shape: of the first layer's input.
        layers: type and parameters of each, as ``output_shape`` takes them.
        training: as ``output_shape`` takes it.
        with_repairs: whether to look for repairs.

    Raises:
        Refusal: ``input_shape`` is none.
    """
    shape = checked_input(input_shape)
    fields = Fields.of_input(shape, _axes_of_space(shape, layers))
    made: list[StackLayer] = []
    kept = _Kept()
    pair: int | None = None
    for index, (kind, parameters) in enumerate(layers):
        try:
            if pair is not None and kind != "Identity":
                raise _of_a_pair(layers[pair][0], kind)
            result = output_shape(kind, parameters, shape, training=training)
        except Refusal as refusal:
            found: tuple[Repair, ...] = ()
            if with_repairs:
                given = [*(layer.shape.input_shape for layer in made if layer.shape), shape]
                found = (
                    _repairs(layers, index, given, refusal, training)
                    if pair is None
                    else _single(layers, pair, index, given, training)
                )
            problem = StackProblem(index, refusal.parameter, refusal.detail, refusal.value, found)
            return _summed(made, layers, (problem, *_behind(layers, index)), None)
        if parameters.get("return_indices") is True:
            pair = index
        fields = fields.after(result)
        made.append(StackLayer(kind, result, fields.uniform, kept.by(result)))
        shape = result.output_shape
    return _summed(made, layers, (), shape)


def _behind(layers: Sequence[tuple[str, Mapping[str, Any]]], broken: int) -> list[StackProblem]:
    return [
        StackProblem(
            index,
            "input_shape",
            f"{layers[index][0] if layers[index][0] in LAYERS else 'This layer'} gets no input, as "
            f"layer {broken} is refused.",
        )
        for index in range(broken + 1, len(layers))
    ]


def _summed(
    made: list[StackLayer],
    layers: Sequence[tuple[str, Mapping[str, Any]]],
    problems: tuple[StackProblem, ...],
    shape: Shape | None,
) -> Stack:
    shapes = [layer.shape for layer in made if layer.shape]
    saved = [layer.saved_for_backward_bytes for layer in made]
    without = [StackLayer(kind, None) for kind, _ in layers[len(made) :]]
    return Stack(
        layers=(*made, *without),
        problems=problems,
        output_shape=shape,
        parameters=sum(result.parameters for result in shapes),
        multiply_accumulates=sum(result.multiply_accumulates for result in shapes),
        activation_bytes=sum(result.activation_bytes for result in shapes),
        saved_for_backward_bytes=None
        if None in saved
        else sum(bytes_ for bytes_ in saved if bytes_ is not None),
    )


@dataclass
class _Kept:
    """Whether the tensor between two layers is kept already, as layers come."""

    kept: bool = False

    def by(self, result: LayerShape) -> int | None:
        """The bytes that one more layer keeps."""
        saved = result.saved
        if saved is None:
            self.kept = False
            return None
        count = saved.other_bytes
        if saved.input and not self.kept:
            count += ELEMENT_BYTES * math.prod(result.input_shape)
        if saved.view:
            self.kept |= saved.input
            return count
        self.kept = saved.output
        return count + (result.activation_bytes if saved.output else 0)


def _of_a_pair(before: str, kind: str) -> Refusal:
    return Refusal(
        "input_shape",
        f"{before} with return_indices gives two tensors, the maxima and where they are, and "
        f"{kind if kind in LAYERS else 'this layer'} takes one.",
    )


def _single(
    layers: Sequence[tuple[str, Mapping[str, Any]]],
    pair: int,
    index: int,
    shapes: Sequence[Shape],
    training: bool,
) -> tuple[Repair, ...]:
    """The layer that gives two tensors without the second, if what follows then fits."""
    kind, parameters = layers[index]
    try:
        made = output_shape(kind, parameters, shapes[index], training=training).output_shape
    except Refusal:
        return ()
    text = f"Set return_indices of layer {pair} to false."
    return (Repair({"return_indices": False}, text, made, layer=pair, cost=1),)


def _repairs(
    layers: Sequence[tuple[str, Mapping[str, Any]]],
    index: int,
    shapes: Sequence[Shape],
    refusal: Refusal,
    training: bool,
) -> tuple[Repair, ...]:
    """Of the refused layer, of the one before that made what does not fit, and of those between."""
    kind, parameters = layers[index]
    found = [
        replace(repair, layer=index)
        for repair in repairs(kind, parameters, shapes[index], training=training)
    ]
    if kind in LAYERS:
        found += upstream(layers, index, shapes, training=training)
    name = PRODUCERS.get(refusal.parameter)
    wanted = parameters.get(refusal.parameter)
    if name is not None and isinstance(wanted, int):
        found += _produced(layers, name, wanted, index, shapes, training)
    return tuple(sorted(found, key=lambda repair: repair.cost))[:MOST]


def _produced(
    layers: Sequence[tuple[str, Mapping[str, Any]]],
    name: str,
    wanted: int,
    index: int,
    shapes: Sequence[Shape],
    training: bool,
) -> Iterator[Repair]:
    """The layer before that has a parameter makes as many as are wanted."""
    for before in range(index - 1, -1, -1):
        if name in layers[before][1]:
            changes = {name: wanted}
            result = after_changes(layers, before, changes, index, shapes[before], training)
            if result is not None:
                text = f"Set {name} of layer {before} to {wanted}."
                yield Repair(changes, text, result, layer=before, cost=1.5)
            return


def _axes_of_space(shape: Shape, layers: Sequence[tuple[str, Mapping[str, Any]]]) -> int:
    """How many of the input's last axes are space, as the first layer that works on some says."""
    for kind, _ in layers:
        layer = LAYERS.get(kind)
        if layer is not None and layer.axes:
            return min(layer.axes, len(shape))
        if kind in ("Flatten", "Unflatten"):
            break
    # As in the traces of models: what comes after batch and channel, or the features.
    return max(0, len(shape) - 2) if len(shape) > 2 else min(1, len(shape))
