"""Receptive fields of a model's units, for the API."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from server.engine import node as engine
from server.engine.node import chosen_slot
from server.engine.receptive_field import field as engine_field
from server.engine.receptive_field.field import Box
from server.errors import InvalidInput, NotFound
from server.schemas.receptive_fields import Range, ReceptiveField
from server.services.catalog import Model
from server.services.nodes import first_item

AXES = ("y", "x")
SHOWN_NAMES = 3
"""At most so many names like the one that is not there are told."""


@dataclass(frozen=True)
class Unit:
    """A unit, or with ``channel=None`` those of all channels at its place."""

    layer: str
    y: int | None
    x: int | None
    channel: int | None
    call: int
    pointwise_normalisation: bool = False


def check_unit(model: Model, unit: Unit) -> None:
    """Raise NotFound for a unit that is not there, InvalidInput for what names none."""
    node = _node(model, unit)
    shape = chosen_slot(node, first_item(node)).view.shape
    _check_position(unit, shape)
    for name, index, size in _indices(unit, shape):
        if not 0 <= index < size:
            raise NotFound(
                f"{unit.layer} has {name} 0 to {size - 1}, not {index}."
                if size
                else f"{unit.layer} has no {name}.",
                pointer=name,
                value=index,
                limit=size - 1,
            )


def find_field(model: Model, unit: Unit) -> ReceptiveField:
    """The receptive field of a unit that has been checked."""
    node = _node(model, unit)
    position = tuple(place for place in (unit.y, unit.x) if place is not None)
    found = model.graph.receptive_field(
        unit.layer,
        position,
        call=unit.call,
        channel=unit.channel,
        item=first_item(node),
        pointwise_normalisation=unit.pointwise_normalisation,
    )
    plane = _in_plane(found, unit)
    return ReceptiveField(
        model=model.name,
        version=model.version,
        layer=unit.layer,
        call=unit.call,
        channel=unit.channel,
        y=unit.y,
        x=unit.x,
        pointwise_normalisation=unit.pointwise_normalisation,
        input_shape=list(plane.mask.shape),
        status=found.status,
        causes=list(found.causes),
        box=None if plane.box is None else list(plane.box),
        mask=rows(plane.mask, plane.box),
        unclipped=None if plane.unclipped is None else list(plane.unclipped),
        size=None if plane.size is None else list(plane.size),
        stride=None if plane.stride is None else list(plane.stride),
        start=None if plane.start is None else list(plane.start),
    )


def _in_plane(found: engine_field.ReceptiveField, unit: Unit) -> engine_field.ReceptiveField:
    """A field in an input with rows and columns: a sequence is one row, a list of features a pixel.

    Raises:
        InvalidInput: the input has more than two axes after batch and channel.
    """
    mask = found.mask.numpy()
    if mask.ndim > len(AXES):
        raise InvalidInput(
            f"The input has {mask.ndim} axes after batch and channel; fields are shown on two.",
            pointer="layer",
            value=unit.layer,
        )
    more = len(AXES) - mask.ndim
    one: Box = ((0, 1),) * more
    return dataclasses.replace(
        found,
        find_mask=lambda: mask.reshape((1,) * more + mask.shape),
        box=None if found.box is None else (*one, *found.box),
        unclipped=None if found.unclipped is None else (*one, *found.unclipped),
        size=None if found.size is None else (*(1,) * more, *found.size),
        stride=None if found.stride is None else (*(1,) * more, *found.stride),
        start=None if found.start is None else (*(0,) * more, *found.start),
    )


def rows(mask: Tensor, box: Box | None) -> list[list[Range]]:
    """A mask (height, width) as half-open ranges of columns, for each row of the box."""
    if box is None:
        return []
    (first, stop), _ = box
    return [list(_runs(row)) for row in mask[first:stop]]


def _runs(row: Tensor) -> Iterator[Range]:
    """The ranges of True in a bool tensor of one axis."""
    closed = torch.zeros(len(row) + 2, dtype=torch.int8)
    closed[1:-1] = row
    edges: list[int] = closed.diff().nonzero().flatten().tolist()
    yield from zip(edges[::2], edges[1::2], strict=True)


def _node(model: Model, unit: Unit) -> engine.Node:
    if unit.call < 0:
        raise InvalidInput("Calls are counted from 0.", pointer="call", value=unit.call)
    try:
        if unit.layer:  # "" is the model, whose output has a name
            return model.graph.layer(unit.layer, unit.call)
    except KeyError:
        pass
    calls = sum(path == unit.layer for path, _ in model.graph.modules)
    if unit.layer and calls:
        raise NotFound(
            f"{unit.layer} ran {calls} times: it has call 0 to {calls - 1}, not {unit.call}.",
            pointer="call",
            value=unit.call,
            limit=calls - 1,
        )
    names = {path for path, _ in model.graph.modules if path}
    names.update(node.name for node in model.graph.nodes)
    close = difflib.get_close_matches(unit.layer, sorted(names), SHOWN_NAMES)
    raise NotFound(
        f"{model.name} has no layer of that name"
        + (f"; there is {', '.join(close)}." if close else "; its nodes and modules are layers."),
        pointer="layer",
        value=unit.layer,
    )


def _check_position(unit: Unit, shape: tuple[int, ...]) -> None:
    """Raise InvalidInput unless the position has an index for each axis after batch and channel."""
    spatial = shape[2:]
    if len(spatial) > len(AXES):
        raise InvalidInput(
            f"{unit.layer} gave {list(shape)}: y and x cannot name a unit of {len(spatial)} axes "
            "after batch and channel.",
            pointer="layer",
            value=unit.layer,
        )
    wanted = AXES[len(AXES) - len(spatial) :]
    for name in AXES:
        index: int | None = getattr(unit, name)
        if index is None and name in wanted:
            raise InvalidInput(
                f"{unit.layer} gave {list(shape)}: its units have {' and '.join(wanted)}, and "
                f"{name} is missing.",
                pointer=name,
            )
        if index is not None and name not in wanted:
            has = f"only {' and '.join(wanted)}" if wanted else "neither y nor x"
            raise InvalidInput(
                f"{unit.layer} gave {list(shape)}: its units have {has}.",
                pointer=name,
                value=index,
            )


def _indices(unit: Unit, shape: tuple[int, ...]) -> Iterator[tuple[str, int, int]]:
    """The name of each index that is given, the index, and how many there are."""
    if unit.channel is not None:
        yield "channel", unit.channel, shape[1] if len(shape) > 1 else 0
    spatial = shape[2:]
    for name, size in zip(AXES[len(AXES) - len(spatial) :], spatial, strict=True):
        yield name, getattr(unit, name), size
