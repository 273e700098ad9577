"""The receptive field of a unit: the input positions whose values can change it."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from server.engine.node import Node, chosen_slot
from server.engine.receptive_field.axis_sets import combined, span
from server.engine.receptive_field.closed_form import Sweep
from server.engine.receptive_field.interval import Interval
from server.engine.receptive_field.memory import Mask, some
from server.engine.receptive_field.plan import region
from server.engine.receptive_field.reach import Form, Reach
from server.engine.receptive_field.reviews import Uncertain
from server.engine.receptive_field.rules import Status
from server.engine.receptive_field.walk import walk_back
from server.engine.record import Slot

if TYPE_CHECKING:
    from server.engine.trace import Trace

Box = tuple[tuple[int, int], ...]
"""One half-open range for each spatial axis."""

Places = tuple[int | None, ...]
"""A position along each axis, or None for all of that axis."""


@dataclass(frozen=True, eq=False)
class ReceptiveField:
    """What can change a unit, over all weights in general position.

    Constants of a model count as weights: multiplying by a fixed zero hides nothing.
    """

    box: Box | None
    """The smallest box around the positions, clipped to the input at every layer; None: nothing."""
    find_mask: Callable[[], Mask] = field(repr=False)
    """Finds ``mask``, as an array, when that is first asked for."""
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

    @functools.cached_property
    def mask(self) -> Tensor:
        """Bool, of the input's spatial shape (its axes after batch and channel).

        Holes are holes.
        """
        return torch.from_numpy(np.ascontiguousarray(self.find_mask()))


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
    places = _unit(node, slot.view.shape, channel, position)
    if not -len(trace.input_views) <= input < len(trace.input_views):
        raise IndexError(f"The model has {len(trace.input_views)} inputs; there is no {input}.")
    input %= len(trace.input_views)
    closed = _closed(trace.sweep(input), slot, position)
    source = trace.input_views[input].shape
    spatial = spatial_axes(source)
    try:
        items = trace.plan.back(slot, region(slot.view.shape, places), input)
    except Uncertain:
        return _walked(trace, slot, places, input, closed)
    sizes = tuple(source[axis] for axis in spatial)
    sets = [tuple([item[axis] for axis in spatial]) for item in items]
    box = None
    if sets:
        box = tuple(
            [span(functools.reduce(operator.or_, along)) for along in zip(*sets, strict=True)]
        )
    return ReceptiveField(box, lambda: combined(sets, sizes), "exact", (), **closed)


def _walked(
    trace: Trace, slot: Slot, places: Places, input: int, closed: dict[str, Any]
) -> ReceptiveField:
    """The receptive field by way of every position."""
    positions = np.zeros(slot.view.shape, bool)
    positions[tuple(slice(None) if p is None else slice(p, p + 1) for p in places)] = True
    reached = walk_back(trace.operations, trace.storages, trace.input_views, slot, positions)
    source = trace.input_views[input].shape
    spatial = spatial_axes(source)
    found = reached.inputs[input]
    if found is None:
        flat = np.zeros(tuple(source[axis] for axis in spatial), bool)
    else:
        flat = some(found, tuple(axis for axis in range(len(source)) if axis not in spatial))
    box = None if found is None else box_around(flat)
    return ReceptiveField(box, lambda: flat, reached.status, reached.causes, **closed)


def spatial_axes(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The axes after batch and channel; of a matrix of features those, of a vector its only one."""
    return tuple(range(min(2, max(0, len(shape) - 1)), len(shape)))


def _unit(
    node: Node,
    shape: tuple[int, ...],
    channel: int | None,
    position: tuple[int | None, ...] | None,
) -> Places:
    """The positions of a layer's output that are asked for: along each axis one, or all."""
    places: list[int | None] = [0, None][: len(shape)]
    if channel is not None:
        size = shape[1] if len(shape) > 1 else 0
        places[1:] = [_within(node, "channel", channel, size)]
    spatial = shape[2:]
    if position is None:
        return (*places, *[None] * len(spatial))
    if len(position) != len(spatial):
        raise IndexError(
            f"{node.name} gave {list(shape)}: a position has {len(spatial)} indices, "
            f"not {len(position)}."
        )
    for axis, (place, size) in enumerate(zip(position, spatial, strict=True)):
        places.append(None if place is None else _within(node, f"position[{axis}]", place, size))
    return tuple(places)


def _closed(sweep: Sweep, slot: Slot, position: tuple[int | None, ...] | None) -> dict[str, Any]:
    """The fields of the result that a layer's closed form gives."""
    result: dict[str, Any] = {}
    if closed := sweep.closed(slot):
        result |= {"size": closed.size, "stride": closed.stride, "start": closed.start}
    if form := sweep.of(slot):
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
    return index % size


def box_around(mask: Mask) -> Box:
    """The smallest box around the positions of a set that is not empty."""
    box: list[tuple[int, int]] = []
    for axis in range(mask.ndim):
        along = np.flatnonzero(mask.any(axis=tuple(a for a in range(mask.ndim) if a != axis)))
        box.append((int(along[0]), int(along[-1]) + 1))
    return tuple(box)
