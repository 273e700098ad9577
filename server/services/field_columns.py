"""What one value reads of every layer on the way to it, for the API."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from server.engine.encode import as_maps
from server.engine.receptive_field.column import Part, column
from server.schemas.fields import ColumnPart, FieldColumn
from server.services.input_tensors import input_tensors
from server.services.inspections import KeptInspection
from server.services.runs import as_map, box_and_mask, ranges

Maps = NDArray[np.float32]


def find_column(kept: KeptInspection, layer: str, unit: tuple[int, int, int]) -> FieldColumn:
    """The column of the unit at (channel, y, x) of a layer; the graph has been made.

    Raises:
        NotFound: no such layer, channel or place.
    """
    index = kept.layer(layer).index(*unit)
    found = column(kept.model.graph, layer, index)
    inputs = {name: as_maps(tensor.float().numpy()) for name, tensor in input_tensors(kept).items()}
    return FieldColumn(
        layer=layer,
        channel=unit[0],
        y=unit[1],
        x=unit[2],
        status=found.status,
        causes=list(found.causes),
        parts=[
            _described(kept, part, inputs)
            for part in found.parts
            if part.name in kept.layers or part.name in inputs
        ],
    )


def _described(kept: KeptInspection, part: Part, inputs: dict[str, Maps]) -> ColumnPart:
    layer = kept.layers.get(part.name)
    maps = inputs[part.name] if layer is None else layer.maps
    read = np.zeros(max(len(maps), max(part.channels, default=0) + 1), np.bool_)
    read[list(part.channels) or slice(None)] = True
    cells = as_map(part.mask)
    box, mask = (None, None) if cells is None else box_and_mask(cells)
    channel = 0
    if cells is not None and cells.shape == maps.shape[1:]:
        channel = _strongest(maps, cells, np.flatnonzero(read))
    return ColumnPart(
        layer=part.name,
        kind="Input" if layer is None else layer.node.kind,
        depth=part.depth,
        inputs=[] if layer is None else list(layer.node.inputs),
        shape=list(maps.shape),
        box=None if box is None else list(box),
        mask=mask,
        cells=int(part.mask.sum()),
        channels=ranges(read),
        channel=channel,
    )


def _strongest(maps: Maps, cells: NDArray[np.bool_], channels: NDArray[np.intp]) -> int:
    """Of some channels that with the largest absolute finite value in the cells."""
    sizes = np.abs(np.nan_to_num(maps[channels][:, cells], nan=0.0, posinf=0.0, neginf=0.0))
    return int(channels[sizes.max(axis=1).argmax()])
