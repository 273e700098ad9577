"""Recurrent layers that run as one operator, and the cells of which they are made."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from server.engine.receptive_field.memory import Mask, some
from server.engine.receptive_field.reads import Reads, views_in
from server.engine.record import Operation, View


def layer(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """One layer in one direction, (T, N, C): all steps until the position, of the same item."""
    given = operation.arguments
    source: View = given["input"]
    batch = 1
    output, hidden, cell = (*wanted, None, None)[:3]
    steps = np.zeros(source.shape[: batch + 1], bool)
    if output is not None:
        steps |= some(output, -1)
    if given["reverse"]:
        until = np.logical_or.accumulate(steps, axis=0)
    else:
        until = np.flip(np.logical_or.accumulate(np.flip(steps, 0), axis=0), 0)
    for state in (hidden, cell):
        if state is not None:
            until = until | some(state.reshape(-1, *state.shape[-2:]), (0, 2))[None]
    yield source, np.broadcast_to(until[..., None], source.shape)
    items = some(until, 0)
    for name in ("hx_", "cx_"):
        view: View = given[name]
        yield view, np.broadcast_to(items[:, None], view.shape)


def network(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """All layers at once: steps until the position, or all where some layer runs backwards."""
    given = operation.arguments
    source: View = given["input"]
    time = 1 if given["batch_first"] else 0
    output, *states = wanted
    steps = np.zeros(source.shape[:2], bool)
    if output is not None:
        steps |= some(output, -1)
        if given["bidirectional"]:
            steps = np.broadcast_to(some(steps, time, keepdims=True), steps.shape)
        steps = np.flip(np.logical_or.accumulate(np.flip(steps, time), axis=time), time)
    for state in states[:2]:
        if state is not None:
            steps = steps | np.expand_dims(some(state, (0, 2)), time)
    yield source, np.broadcast_to(steps[..., None], source.shape)
    items = some(steps, time)
    for name in ("hx", "cx"):
        if isinstance(view := given.get(name), View):
            yield view, np.broadcast_to(items[None, :, None], view.shape)


def cell(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """A step from the sums of its gates, (N, gates * H): each feature from its own of each."""
    masks = [mask for mask in wanted if mask is not None]
    features = masks[0].shape[-1]
    positions = np.logical_or.reduce(
        [some(mask.reshape(mask.shape[0], -1, features), 1) for mask in masks]
    )
    for name, value in operation.arguments.items():
        for view in views_in(value):
            rows = positions if "bias" not in name else some(positions, 0)
            repeated = np.tile(rows, view.shape[-1] // features)
            yield view, np.broadcast_to(repeated, view.shape)
