"""Inspections: forward passes kept for looking into, within a bound on memory."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from server.engine.encode import (
    LayerRange,
    Maps,
    as_maps,
    encode_atlas,
    encode_image,
    encode_npz,
    encode_png,
    layer_range,
)
from server.engine.given import Operand
from server.engine.node import Node
from server.errors import Gone, InvalidInput, NotFound, StoreTooSmall
from server.services.catalog import Model
from server.services.inputs import NetworkInput
from server.services.lane import Lane

ID_CHARACTERS = 32
ID_PATTERN = f"^[0-9a-f]{{{ID_CHARACTERS}}}$"

Forward = Callable[[Callable[[], Any], Model], Awaitable[Any]]
"""Runs a forward pass of a model in its turn, and gives what that gave."""


@dataclass(frozen=True, eq=False)
class KeptLayer:
    """What one node gave in one pass."""

    node: Node
    activation: NDArray[Any]
    """The exact output, batch first."""
    maps: Maps
    """The same as feature maps, float32 (channels, height, width)."""
    extent: LayerRange
    zero_fraction: float

    def channel(self, channel: int) -> NDArray[np.float32]:
        """One feature map (height, width); raises NotFound."""
        self._within("channel", channel, 0)
        values: NDArray[np.float32] = self.maps[channel]
        return values

    def unit(self, channel: int, y: int, x: int) -> float:
        """One value of one feature map; raises NotFound."""
        for axis, (name, index) in enumerate((("channel", channel), ("y", y), ("x", x))):
            self._within(name, index, axis)
        return float(self.maps[channel, y, x])

    def index(self, channel: int, y: int, x: int) -> tuple[int, ...]:
        """Where in the output, batch first, a value of a feature map is; raises NotFound."""
        self.unit(channel, y, x)
        place = np.ravel_multi_index((channel, y, x), self.maps.shape)
        shape = self.activation.shape
        rest = np.unravel_index(place, shape[1:])
        return (*((0,) if shape else ()), *map(int, rest))

    def with_output(self) -> Node:
        """The node with its output as in a trace that keeps outputs."""
        return dataclasses.replace(self.node, outputs=(torch.from_numpy(self.activation),))

    def _within(self, name: str, index: int, axis: int) -> None:
        count = self.maps.shape[axis]
        if not 0 <= index < count:
            raise NotFound(
                f"{self.node.name} has {name} 0 to {count - 1}, not {index}.",
                pointer=name,
                value=index,
                limit=count - 1,
            )


@dataclass(frozen=True, eq=False)
class KeptInspection:
    """One forward pass: the input, the logits, and every layer by name."""

    id: str
    model: Model
    input: NetworkInput
    logits: NDArray[np.float32] | None
    """Of one input (K,); None where the model gives none."""
    layers: dict[str, KeptLayer]

    @cached_property
    def size(self) -> int:
        """Memory that it takes, in bytes."""
        arrays: list[NDArray[Any]] = [] if self.logits is None else [self.logits]
        for layer in self.layers.values():
            arrays.append(layer.activation)
            if not np.shares_memory(layer.activation, layer.maps):
                arrays.append(layer.maps)
        arguments = {
            operand.tensor.data_ptr(): operand.tensor.nbytes
            for layer in self.layers.values()
            for operand in (layer.node.given.operands() if layer.node.given else ())
            if operand.parameter is None
        }
        for array in arrays:
            arguments.pop(array.ctypes.data, None)
        kept = sum(array.nbytes for array in arrays) + sum(arguments.values())
        return kept + self.input.nbytes

    def layer(self, name: str) -> KeptLayer:
        """The layer of that name; raises NotFound."""
        if name not in self.layers:
            raise NotFound(
                f"{self.model.name} has no layer of that name; the manifest lists them.",
                pointer="layer",
                value=name,
            )
        return self.layers[name]

    def atlas(self, names: list[str]) -> bytes:
        """The binary atlas of the layers named, or of all; raises NotFound."""
        chosen = [self.layer(name) for name in dict.fromkeys(names)] or list(self.layers.values())
        return encode_atlas(
            self.id, {layer.node.name: (layer.maps, layer.extent) for layer in chosen}
        )

    def png(self, name: str) -> bytes:
        """A picture of all channels of a layer; raises NotFound."""
        layer = self.layer(name)
        return encode_png(layer.maps, layer.extent)

    def input_png(self) -> bytes:
        """The input as a picture, pixel for pixel; raises NotFound where it is none."""
        if self.input.image is None:
            raise NotFound("The input is no picture; its values are in input.npz.", pointer="id")
        return encode_image(self.input.image)

    def npz(self, name: str) -> bytes:
        """The exact output of a layer; raises NotFound."""
        return encode_npz(self.model.name, name, self.layer(name).activation)


class InspectionStore:
    """The least recently used inspections go when ``limit_bytes`` would be exceeded."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._kept: OrderedDict[str, KeptInspection] = OrderedDict()
        self.size = 0

    def __len__(self) -> int:
        return len(self._kept)

    def forget(self, model: str) -> None:
        """Let go of all inspections of the model of that name."""
        for id in [id for id, kept in self._kept.items() if kept.model.name == model]:
            self.size -= self._kept.pop(id).size

    def get(self, id: str) -> KeptInspection | None:
        """The inspection, which counts as a use of it, or None."""
        if id in self._kept:
            self._kept.move_to_end(id)
        return self._kept.get(id)

    def put(self, inspection: KeptInspection) -> None:
        """Keep an inspection; raises StoreTooSmall when it alone is beyond the limit."""
        if inspection.size > self._limit:
            raise StoreTooSmall(
                f"One inspection of {inspection.model.name} takes {inspection.size} bytes; "
                f"all of them may take {self._limit}.",
                value=inspection.size,
                limit=self._limit,
            )
        if inspection.id in self._kept:
            self.size -= self._kept.pop(inspection.id).size
        while self.size + inspection.size > self._limit:
            self.size -= self._kept.popitem(last=False)[1].size
        self._kept[inspection.id] = inspection
        self.size += inspection.size


class Inspections:
    """Makes, keeps and finds inspections."""

    def __init__(self, lane: Lane, store: InspectionStore) -> None:
        self._lane = lane
        self._store = store

    def __len__(self) -> int:
        return len(self._store)

    @property
    def size(self) -> int:
        """Memory that all of them take, in bytes."""
        return self._store.size

    async def create(
        self, model: Model, prepared: NetworkInput, forward: Forward | None = None
    ) -> tuple[KeptInspection, bool]:
        """The inspection of an input by a model, and whether it had to be made.

        ``forward`` runs the model in the place of the lane's own.

        Raises:
            Overloaded: too much is waiting for the network.
            StoreTooSmall: it does not fit into the memory for inspections.
        """
        id = inspection_id(model, prepared)
        if kept := self._store.get(id):
            return kept, False
        forward = forward or self._lane.forward
        run = await forward(lambda: _Pass(model, prepared), model)
        inspection = await asyncio.to_thread(run.inspection, id)
        self._store.put(inspection)
        return inspection, True

    def forget(self, model: str) -> None:
        """Let go of all inspections of the model of that name, which has changed."""
        self._store.forget(model)

    def get(self, id: str) -> KeptInspection:
        """A kept inspection; raises Gone."""
        if kept := self._store.get(id):
            return kept
        raise Gone(
            "This inspection is not kept (any more). Posting the same input again makes it anew, "
            "under the same id.",
            pointer="id",
            value=id,
        )


class _Pass:
    """One run, its tensors brought to the CPU; made on the torch lane."""

    def __init__(self, model: Model, prepared: NetworkInput) -> None:
        run = model.run(prepared)
        self._model = model
        self._input = prepared
        logits = model.logits_in(run.output)
        self._logits = None if logits is None else logits[0]
        # What is kept under several names is one array.
        arrays: dict[int, NDArray[Any]] = {}
        self._outputs = [
            (_with_arrays(node, arrays), _array(node.output, arrays)) for node in run.nodes
        ]

    def inspection(self, id: str) -> KeptInspection:
        layers: dict[str, KeptLayer] = {}
        for node, activation in self._outputs:
            if np.iscomplexobj(activation):  # nothing to paint: no order, no range
                continue
            maps = as_maps(activation)
            zeros = maps.size - np.count_nonzero(maps)
            share = zeros / maps.size if maps.size else 0.0
            layers[node.name] = KeptLayer(node, activation, maps, layer_range(maps), share)
        return KeptInspection(id, self._model, self._input, self._logits, layers)


def inspection_id(model: Model, prepared: NetworkInput) -> str:
    """The hash of a model's name and version and of an input."""
    digest = hashlib.sha256()
    for part in (model.name.encode(), model.version.encode(), prepared.key):
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()[:ID_CHARACTERS]


def check_id(id: str) -> None:
    """Raise InvalidInput for what cannot be an id."""
    if not re.fullmatch(ID_PATTERN, id):
        raise InvalidInput(
            f"An inspection's id is {ID_CHARACTERS} lower-case hexadecimal digits.",
            pointer="id",
            value=id,
        )


def _with_arrays(node: Node, arrays: dict[int, NDArray[Any]]) -> Node:
    """A node without its outputs, and with its arguments on the CPU, but for parameters."""

    def moved(operand: Operand) -> Operand:
        if operand.parameter is not None:
            return operand
        array = _array(operand.tensor, arrays)
        return dataclasses.replace(operand, tensor=torch.from_numpy(array))

    given = node.given
    if given is not None:
        args, kwargs = given.replaced(moved)
        given = dataclasses.replace(given, args=args, kwargs=kwargs)
    return dataclasses.replace(node, outputs=(), given=given, saved=None)


def _array(tensor: Tensor, arrays: dict[int, NDArray[Any]]) -> NDArray[Any]:
    """The values of a tensor that lives as long as ``arrays`` is used."""
    if id(tensor) not in arrays:
        arrays[id(tensor)] = np.ascontiguousarray(_readable(tensor).numpy())
    return arrays[id(tensor)]


def _readable(tensor: Tensor) -> Tensor:
    """The values on the CPU, of a type that NumPy has; the values stay the same."""
    values = tensor.detach().cpu()
    return values.float() if values.dtype is torch.bfloat16 else values
