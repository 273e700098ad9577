"""The receptive field of a unit in every tensor between the input and it: a column of boxes.

What a unit reads of the layer before it is read of the layer before that, and so on to the input.
Where paths divide, such as around a residual connection, the positions of a tensor are those that
reach the unit by any of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from server.engine.node import Node
from server.engine.receptive_field.axis_sets import combined
from server.engine.receptive_field.field import Box, box_around
from server.engine.receptive_field.memory import Mask, Memory, some
from server.engine.receptive_field.plan import region
from server.engine.receptive_field.reviews import Uncertain
from server.engine.receptive_field.rules import Status
from server.engine.receptive_field.walk import walk_back
from server.engine.record import Slot

if TYPE_CHECKING:
    from server.engine.trace import Trace


@dataclass(frozen=True, eq=False)
class Part:
    """What a unit can be changed by in one tensor on the way to it."""

    name: str
    """Of the node, or of the model's input."""
    depth: int
    """Steps from the inputs, by the longest path; an input has 0."""
    channels: tuple[int, ...]
    """The indices on axis 1 that are read; of a tensor without that axis none."""
    mask: Mask = field(repr=False)
    """Of the tensor's spatial shape (its axes after batch and channel): union over channels."""
    box: Box
    """The smallest box around the positions."""


@dataclass(frozen=True)
class Column:
    """The parts of all tensors from the unit's own down to the inputs, the deepest first."""

    parts: tuple[Part, ...]
    status: Status
    """As of a receptive field: never too small."""
    causes: tuple[str, ...]


def column(trace: Trace, name: str, index: Sequence[int]) -> Column:
    """What one unit reads of every node on the way to it, and of the inputs.

    Args:
        trace: of the model.
        name: of a node.
        index: place in its first output, an index for each axis, that of the batch too.

    Raises:
        KeyError: no such node.
        IndexError: no such place.
    """
    node = trace[name]
    slot = node.slots[0]
    shape = slot.view.shape
    if len(index) != len(shape) or not all(
        0 <= place < size for place, size in zip(index, shape, strict=True)
    ):
        raise IndexError(f"{name} gave {list(shape)}; there is no {list(index)}.")
    depths = _depths(trace)
    tensors = dict(_on_the_way(trace, node))
    status: Status = "exact"
    causes: tuple[str, ...] = ()
    try:
        masks = _planned(trace, slot, index, tensors)
    except Uncertain:
        masks, status, causes = _walked(trace, slot, index, tensors)
    parts = [
        _part(tensor, depths[tensor], mask) for tensor, mask in masks.items() if mask is not None
    ]
    # Of equal depth in the order in which they ran.
    parts.sort(key=lambda part: -part.depth)
    return Column(tuple(parts), status, causes)


def _depths(trace: Trace) -> dict[str, int]:
    depths = dict.fromkeys(trace.inputs, 0)
    for node in trace.nodes:
        depths[node.name] = 1 + max((depths.get(source, 0) for source in node.inputs), default=0)
    return depths


def _on_the_way(trace: Trace, node: Node) -> Iterator[tuple[str, Slot]]:
    """The first tensors of a node, of all nodes that lead to it, and the inputs."""
    leading = {node.name}
    for before in reversed(trace.nodes):
        if before.name in leading:
            leading.update(before.inputs)
    for place, name in enumerate(trace.inputs):
        if name in leading:
            yield name, Slot(trace.input_views[place], 0)
    for before in trace.nodes:
        if before.name in leading and before.slots:
            yield before.name, before.slots[0]


def _planned(
    trace: Trace, slot: Slot, index: Sequence[int], tensors: dict[str, Slot]
) -> dict[str, Mask | None]:
    wanted = trace.plan.on_the_way(slot, region(slot.view.shape, index))
    masks: dict[str, Mask | None] = {}
    for name, tensor in tensors.items():
        items = trace.plan.at(tensor, wanted)
        masks[name] = combined(items, tensor.view.shape) if items else None
    return masks


def _walked(
    trace: Trace, slot: Slot, index: Sequence[int], tensors: dict[str, Slot]
) -> tuple[dict[str, Mask | None], Status, tuple[str, ...]]:
    """The same by way of every position."""
    masks: dict[str, Mask | None] = dict.fromkeys(tensors)
    at: dict[int, list[str]] = {}
    for name, tensor in tensors.items():
        at.setdefault(tensor.time, []).append(name)

    def visit(time: int, memory: Memory) -> None:
        for name in at.get(time, ()):
            masks[name] = memory.get(tensors[name].view)

    positions = np.zeros(slot.view.shape, bool)
    positions[tuple(index)] = True
    reached = walk_back(trace.operations, trace.storages, trace.input_views, slot, positions, visit)
    return masks, reached.status, reached.causes


def _part(name: str, depth: int, mask: Mask) -> Part:
    channels: tuple[int, ...] = ()
    if mask.ndim > 1:
        read: Any = some(mask, tuple(axis for axis in range(mask.ndim) if axis != 1))
        channels = tuple(np.flatnonzero(read).tolist())
    flat = some(mask, tuple(range(min(2, mask.ndim))))
    return Part(name, depth, channels, flat, box_around(flat))
