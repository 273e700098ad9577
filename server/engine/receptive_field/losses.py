"""Losses: with a reduction everything, without one the position."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from server.engine.receptive_field.memory import Mask
from server.engine.receptive_field.pointwise import pointwise
from server.engine.receptive_field.reads import Reads, arguments_read, everything
from server.engine.receptive_field.reductions import all_of
from server.engine.record import Operation, View

NONE = 0
"""The number by which operators know ``reduction="none"``."""


def elementwise(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """Of two tensors position by position."""
    rule = pointwise if operation.arguments["reduction"] == NONE else all_of
    return rule(operation, wanted)


def of_classes(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """Of scores (N, C, ...) at the targets (N, ...): any of the classes there."""
    source: View = operation.arguments["self"]
    losses = wanted[0]
    if operation.arguments["reduction"] != NONE or losses is None or len(source.shape) < 2:
        yield from all_of(operation, wanted)
        return
    for view in arguments_read(operation):
        if view is source:
            yield view, np.broadcast_to(np.expand_dims(losses, 1), source.shape)
        else:
            yield view, losses if view.shape == losses.shape else everything(view)
