"""The receptive field of a unit: the input positions whose values can change it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from server.engine.node import Node, chosen_slot
from server.engine.receptive_field.closed_form import closed_form
from server.engine.receptive_field.interval import Interval
from server.engine.receptive_field.memory import Mask, some
from server.engine.receptive_field.reach import Form, Reach
from server.engine.receptive_field.rules import Status
from server.engine.receptive_field.walk import walk_back

if TYPE_CHECKING:
    from server.engine.trace import Trace

Box = tuple[tuple[int, int], ...]
"""One half-open range for each spatial axis."""


@dataclass(frozen=True)
class ReceptiveField:
    """What can change a unit, over all weights in general position.

    Constants of a model count as weights: multiplying by a fixed zero hides nothing.
    """

    box: Box | None
    """The smallest box around the positions, clipped to the input at every layer; None: nothing."""
    mask: Tensor = field(repr=False)
    """Bool, of the input's spatial shape (its axes after batch and channel): holes are holes."""
    status: Status
    """``exact``; ``bound``: perhaps too large; ``unsupported``: some operation is not known, and
    counts as reading everything that it was given. Never too small."""
    causes: tuple[str, ...]
    """The operators because of which the status is not exact."""
    unclipped: Box | None = None
    """The box without the input's border, around the fields of all channels: what hangs over is
    padding. None when there is no such box, or no closed form for it."""
    size: tuple[int, ...] | None = None
    """For each axis, the length of every unclipped box of the layer; None when they differ."""
    stride: tuple[int, ...] | None = None
    """How far the unclipped box moves from one unit to the next; None as for ``size``."""
    start: tuple[int, ...] | None = None
    """Where the unclipped box of the unit at 0 begins; None as for ``size``."""


def receptive_field(
    trace: Trace,
    layer: str,
    position: tuple[int | None, ...] | None = None,
    *,
    call: int = 0,
    channel: int | None = None,
    item: object = None,
    input: int = 0,
    pointwise_normalisation: bool = False,
) -> ReceptiveField:
    """The receptive field of one unit of a layer, for the first item of the batch.

    Args:
        trace: of the model.
        layer: path of a module, name of a node, or ``"<output>"``.
        position: index on each axis after batch and channel, None for all on that axis; without
            it, all positions of the layer.
        call: which call of the module.
        channel: index on axis 1; without it, the union over all.
        item: key, index, or tuple of those, of the tensor when the layer returns several.
        input: which input of the model, counted in the order of the example.
        pointwise_normalisation: whether the statistics of group, layer, instance and batch
            normalisation count as constants, so that each position reads itself only. They do not
            in truth: without it, such layers read all that the statistics are taken over.

    Raises:
        KeyError: no such layer or call.
        LookupError: no such item, or several tensors and no item.
        IndexError: a channel, position or input that is not there.
    """
    if pointwise_normalisation:
        trace = trace.with_constant_statistics
    node = trace.layer(layer, call)
    slot = chosen_slot(node, item)
    positions = _unit(node, slot.view.shape, channel, position)
    if not -len(trace.input_views) <= input < len(trace.input_views):
        raise IndexError(f"The model has {len(trace.input_views)} inputs; there is no {input}.")
    reached = walk_back(trace.operations, trace.storages, trace.input_views, slot, positions)
    spatial = spatial_axes(trace.input_views[input].shape)
    shape = tuple(trace.input_views[input].shape[axis] for axis in spatial)
    form = closed_form(trace.operations, trace.storages, trace.input_views[input], spatial, slot)
    closed = _closed(form, position) if form else {}
    found = reached.inputs[input]
    if found is None:
        empty = torch.zeros(shape, dtype=torch.bool)
        return ReceptiveField(None, empty, reached.status, reached.causes, **closed)
    flat = some(found, tuple(axis for axis in range(found.ndim) if axis not in spatial))
    mask = torch.from_numpy(np.ascontiguousarray(flat))
    return ReceptiveField(box_around(flat), mask, reached.status, reached.causes, **closed)


def spatial_axes(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The axes after batch and channel; of a matrix of features those, of a vector its only one."""
    return tuple(range(min(2, max(0, len(shape) - 1)), len(shape)))


def _unit(
    node: Node,
    shape: tuple[int, ...],
    channel: int | None,
    position: tuple[int | None, ...] | None,
) -> Mask:
    """The positions of a layer's output that are asked for."""
    index: list[int | slice] = []
    index += [slice(0, 1), slice(None)][: len(shape)]
    if channel is not None:
        index[1:] = [_within(node, "channel", channel, shape[1] if len(shape) > 1 else 0)]
    spatial = shape[2:]
    if position is not None:
        if len(position) != len(spatial):
            raise IndexError(
                f"{node.name} gave {list(shape)}: a position has {len(spatial)} indices, "
                f"not {len(position)}."
            )
        index += [
            slice(None) if place is None else _within(node, f"position[{axis}]", place, size)
            for axis, (place, size) in enumerate(zip(position, spatial, strict=True))
        ]
    positions = np.zeros(shape, bool)
    positions[tuple(index)] = True
    return positions


def _closed(form: Form, position: tuple[int | None, ...] | None) -> dict[str, Any]:
    """The fields of the result that a layer's closed form gives."""
    result: dict[str, Any] = {}
    movings = [reach.moving for reach in form.reaches if reach.moving and not reach.fixed]
    phases = [moving.phases[0] for moving in movings if len(moving.phases) == 1]
    if len(phases) == len(form.reaches) and None not in phases:
        some = [phase for phase in phases if phase]
        result["size"] = tuple(high - low for low, high in some)
        result["stride"] = tuple(moving.advance for moving in movings)
        result["start"] = tuple(low for low, _ in some)
    box = [_unclipped(form, reach, position) for reach in form.reaches]
    if None not in box:
        result["unclipped"] = tuple(box)
    return result


def _unclipped(
    form: Form, reach: Reach, position: tuple[int | None, ...] | None
) -> Interval | None:
    if reach.moving is None or reach.axis is None:
        return reach.fixed
    shape = form.view.shape
    place = position[reach.axis - 2] if position and reach.axis >= 2 else None
    places = range(shape[reach.axis]) if place is None else [place % shape[reach.axis]]
    return reach.settled(places).fixed


def _within(node: Node, name: str, index: int, size: int) -> int:
    if not -size <= index < size:
        raise IndexError(f"{node.name} has {name} 0 to {size - 1}, not {index}.")
    return index


def box_around(mask: Mask) -> Box:
    """The smallest box around the positions of a set that is not empty."""
    box: list[tuple[int, int]] = []
    for axis in range(mask.ndim):
        along = np.flatnonzero(mask.any(axis=tuple(a for a in range(mask.ndim) if a != axis)))
        box.append((int(along[0]), int(along[-1]) + 1))
    return tuple(box)
