"""The receptive fields of all layers of a graph: of their units alike, or else of one of each."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from server.engine.node import Node
from server.engine.receptive_field.field import Box, ReceptiveField, spatial_axes
from server.engine.receptive_field.plan import region
from server.engine.receptive_field.reviews import Uncertain
from server.engine.trace import Trace
from server.services.nodes import first_item

WALKED = 2**32
"""So many positions of tensors are walked through for all nodes together: about half a minute."""


@dataclass(frozen=True)
class LayerField:
    """The fields of a node's units in the first input, and that of its unit in the middle."""

    middle: ReceptiveField | None
    """Of the unit in the middle of each axis of its first tensor, for the first of the batch. It
    has size, stride and start where those of all units are alike. None: it can only be found by
    way of more positions than were left."""
    covers: bool
    """Whether that one's box is the whole input."""

    @property
    def is_uniform(self) -> bool:
        """Whether one size, stride and start hold for all units."""
        return self.middle is not None and self.middle.size is not None


def layer_fields(
    trace: Trace, advance: Callable[[int], None] = lambda done: None
) -> dict[str, LayerField]:
    """The field of every node, by its name; ``advance`` is told how many nodes are done."""
    trace.plan.note_coverage()
    fields: dict[str, LayerField] = {}
    whole = _whole(trace)
    sizes = (sum(math.prod(view.shape) for view in each.results) for each in trace.operations)
    until = [0, *itertools.accumulate(sizes)]
    left = WALKED
    for done, node in enumerate(trace.nodes, start=1):
        quick = _is_quick(trace, node)
        if not quick:
            left -= until[node.slots[0].time]
        middle = _middle(trace, node) if quick or left >= 0 else None
        fields[node.name] = LayerField(middle, middle is not None and middle.box == whole)
        advance(done)
    return fields


def _is_quick(trace: Trace, node: Node) -> bool:
    """Whether sets along the axes tell the field."""
    slot = node.slots[0]
    shape = slot.view.shape
    if 0 in shape:
        return True
    try:
        trace.plan.back(
            slot, region(shape, [0, *(size // 2 for size in shape[1:])][: len(shape)]), 0
        )
    except Uncertain:
        return False
    return True


def uncertain(fields: Mapping[str, LayerField]) -> Iterator[tuple[str, str, str]]:
    """Each operator because of which fields are not exact: what it makes them, and from which node
    on."""
    seen: set[str] = set()
    for name, layer in fields.items():
        for cause in layer.middle.causes if layer.middle else ():
            if layer.middle and cause not in seen:
                seen.add(cause)
                yield cause, layer.middle.status, name


def _middle(trace: Trace, node: Node) -> ReceptiveField:
    shape = node.shape
    return trace.receptive_field(
        node.name,
        tuple(size // 2 for size in shape[2:]) if 0 not in shape else None,
        channel=shape[1] // 2 if len(shape) > 1 and 0 not in shape else None,
        item=first_item(node),
    )


def _whole(trace: Trace) -> Box:
    shape = trace.input_views[0].shape
    return tuple((0, shape[axis]) for axis in spatial_axes(shape))
