"""What a pixel, or a cell of a layer, can change in all layers after it, for the API."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from server.engine.node import Node
from server.engine.receptive_field.projective import Reach, projective_fields
from server.errors import InvalidInput, NotFound
from server.schemas.fields import ProjectedLayer, ProjectiveField
from server.services.catalog import Model
from server.services.runs import as_map, box_and_mask

AXES = ("channel", "y", "x")


@dataclass(frozen=True)
class Source:
    """A place of an input or of a layer; with ``channel=None`` all channels there."""

    layer: str | None
    """None: the model's first input."""
    channel: int | None
    y: int | None
    x: int | None


def check_source(model: Model, source: Source) -> tuple[str, tuple[int | None, ...]]:
    """Name and index after the batch of a place.

    Raises:
        NotFound: there is no such layer or place.
        InvalidInput: it has no place on an axis of the layer.
    """
    name, shape = _named(model, source)
    sizes = shape[1:]
    if len(sizes) > len(AXES):
        raise InvalidInput(
            f"{name} is {list(shape)}: channel, y and x cannot name a place in it.",
            pointer="source",
            value=name,
        )
    # A list of values has channels alone; a row of cells channels and x.
    axes = {1: ("channel",), 2: ("channel", "x"), 3: AXES}.get(len(sizes), ())
    for axis in AXES:
        given: int | None = getattr(source, axis)
        if axis not in axes and given is not None:
            raise InvalidInput(
                f"{name} is {list(shape)}: it has no {axis}.", pointer=axis, value=given
            )
        if axis in axes and axis != "channel" and given is None:
            raise InvalidInput(f"{name} is {list(shape)}: {axis} is missing.", pointer=axis)
    for axis, size in zip(axes, sizes, strict=True):
        place: int | None = getattr(source, axis)
        if place is not None and not 0 <= place < size:
            raise NotFound(
                f"{name} has {axis} 0 to {size - 1}, not {place}.",
                pointer=axis,
                value=place,
                limit=size - 1,
            )
    return name, tuple(getattr(source, axis) for axis in axes)


def find_projective_field(model: Model, source: Source) -> ProjectiveField:
    """What a place that has been checked can change."""
    name, index = check_source(model, source)
    reached = projective_fields(model.graph, name, index)
    return ProjectiveField(
        model=model.name,
        version=model.version,
        source=name,
        channel=source.channel,
        y=source.y,
        x=source.x,
        source_shape=list(_named(model, source)[1]),
        layers=[_described(model.graph[layer], reach) for layer, reach in reached.items()],
    )


def _named(model: Model, source: Source) -> tuple[str, tuple[int, ...]]:
    graph = model.graph
    name = graph.inputs[0] if source.layer is None else source.layer
    if name in graph.inputs:
        return name, graph.input_views[graph.inputs.index(name)].shape
    if name not in graph or not graph[name].slots:
        raise NotFound(
            f"{model.name} has no layer or input of that name.", pointer="source", value=name
        )
    return name, graph[name].slots[0].view.shape


def _described(node: Node, reach: Reach) -> ProjectedLayer:
    cells = np.asarray(reach.cells)
    listed = cells.ndim == 0 and reach.mask.ndim == 1
    # Of a layer without rows and columns its values are the places.
    places = reach.mask if listed else cells
    shown = None if listed else as_map(cells)
    box, mask = (None, None) if shown is None else box_and_mask(shown)
    rest = tuple(range(1, reach.mask.ndim))
    return ProjectedLayer(
        layer=node.name,
        kind=node.kind,
        shape=list(node.shape),
        cells=int(places.sum()),
        of=int(places.size),
        channels=int(reach.mask.any(axis=rest).sum()),
        box=None if box is None else list(box),
        mask=mask,
        status=reach.status,
        causes=list(reach.causes),
    )
