"""The parameters of a model's layers, described for the API: lists, pictures, exact arrays."""

from __future__ import annotations

import io
import weakref
import zipfile
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from server.engine.encode import encode_maps, layer_range
from server.engine.node import Node
from server.engine.statistics import usual_bound
from server.engine.weights import Parameter, ParameterIndex, Pictured, kernels, reduced
from server.errors import InvalidInput, LimitExceeded, NotFound
from server.schemas.weights import LayerParameter, LayerParameters, ParameterPicture
from server.services.catalog import Model
from server.services.lane import Lane
from server.services.statistics import finite

PICTURES = 512
"""The most pictures in one answer."""
PICTURED_VALUES = 2**22
"""The most values in the pictures of one answer."""
VALUES = 2**24
"""The most values of exact arrays in one answer."""
LISTED = 4096
"""The most values of a single row that are listed."""
COLOURS = 3

_indices: weakref.WeakKeyDictionary[Model, ParameterIndex] = weakref.WeakKeyDictionary()


@dataclass(frozen=True)
class LayerWeights:
    """A layer of a model and what it reads; made and read on the torch lane."""

    model: Model
    node: Node
    index: ParameterIndex

    @property
    def parameters(self) -> list[Parameter]:
        """All parameters and buffers with values, in order."""
        return [each for each in self.index.of(self.node.name) if each.tensor.numel()]

    def parameter(self, name: str | None) -> Parameter:
        """The parameter of that name, full or its last part; the first one if left out.

        Raises:
            NotFound: there is none.
        """
        every = self.parameters
        for each in every:
            if name is None or name in each.names or name == each.name.rpartition(".")[2]:
                return each
        names = ", ".join(each.name for each in every) or "none"
        raise NotFound(
            f"{self.node.name} has no parameter of that name; there are: {names}.",
            pointer="parameter",
            value=name,
        )


def check_version(model: Model, version: str | None) -> None:
    """Raise NotFound for another version than the model's."""
    if version is not None and version != model.version:
        raise NotFound(
            f"{model.name} has version {model.version} here.", pointer="version", value=version
        )


async def describe_parameters(lane: Lane, model: Model, layer: str) -> LayerParameters:
    """Everything that a layer reads besides its inputs; raises NotFound and Overloaded."""
    return await lane.alone(lambda: _described(_weights(model, layer)), model)


async def parameter_values(
    lane: Lane, model: Model, layer: str, parameter: str | None
) -> NDArray[np.floating]:
    """A parameter's values; raises NotFound and Overloaded."""
    return await lane.alone(
        lambda: _values(_weights(model, layer).parameter(parameter).tensor), model
    )


async def encode_pictures(
    lane: Lane,
    model: Model,
    layer: str,
    parameter: str | None,
    inputs: str,
    outputs: list[int] | None,
) -> bytes:
    """Pictures of a parameter as a binary atlas.

    Args:
        lane: parameters belong to the model.
        model: whose.
        layer: name of a node.
        parameter: its name; the first one if left out.
        inputs: number of an input channel, ``mean``, ``norm``, ``rgb`` (three pictures for each
            output) or ``all`` (one picture for each input channel of a single output).
        outputs: which outputs, in that order; the first ones if left out.

    Raises:
        NotFound: no such layer, parameter, or channel.
        InvalidInput: it has no pictures, or not those.
        LimitExceeded: too many values.
        Overloaded: too much is waiting for the network.
    """

    def pick() -> tuple[Parameter, Pictured, list[int], NDArray[np.float32]]:
        weights = _weights(model, layer)
        chosen = weights.parameter(parameter)
        seen = weights.index.pictured(weights.node, chosen)
        if seen.form == "vector":
            raise InvalidInput(
                f"{chosen.name} is a single row of values and has no pictures.",
                pointer="parameter",
                value=chosen.name,
            )
        wanted = _outputs(seen, inputs, outputs)
        pictures = kernels(_values(chosen.tensor), seen)[wanted]
        return chosen, seen, wanted, _reduced(pictures, seen, inputs)

    chosen, seen, wanted, maps = await lane.alone(pick, model)
    extent = layer_range(maps)
    header = {
        "model": model.name,
        "version": model.version,
        "layer": layer,
        "parameter": chosen.name,
        "form": seen.form,
        "inputs": inputs,
        "outputs": wanted,
    }
    return encode_maps(header, {chosen.name: (maps, extent)})


async def encode_arrays(lane: Lane, model: Model, layer: str) -> bytes:
    """The exact parameters of a layer as NumPy's .npz, under their names in the model.

    Raises:
        NotFound: no such layer.
        LimitExceeded: too many values for one answer.
        Overloaded: too much is waiting for the network.
    """

    def pick() -> dict[str, NDArray[np.floating]]:
        every = _weights(model, layer).parameters
        count = sum(each.tensor.numel() for each in every)
        if count > VALUES:
            raise LimitExceeded(
                f"{layer} has {count} values; at most {VALUES} are sent at once.",
                pointer="layer",
                value=count,
                limit=VALUES,
            )
        return {each.name: _values(each.tensor).copy() for each in every}

    arrays = await lane.alone(pick, model)
    file = io.BytesIO()
    # Not by savez: a parameter may have the name of one of its arguments.
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, values in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, values, allow_pickle=False)
    return file.getvalue()


def _weights(model: Model, layer: str) -> LayerWeights:
    if layer not in model.graph:
        raise NotFound(
            f"{model.name} has no layer of that name; the model's nodes are listed with it.",
            pointer="layer",
            value=layer,
        )
    if model not in _indices:
        _indices[model] = ParameterIndex(model.module, model.graph)
    return LayerWeights(model, model.graph[layer], _indices[model])


def _described(weights: LayerWeights) -> LayerParameters:
    return LayerParameters(
        model=weights.model.name,
        version=weights.model.version,
        layer=weights.node.name,
        parameters=[_parameter(weights, each) for each in weights.parameters],
    )


def _parameter(weights: LayerWeights, parameter: Parameter) -> LayerParameter:
    values = _values(parameter.tensor)
    seen = weights.index.pictured(weights.node, parameter)
    known = np.isfinite(values)
    some = bool(known.any())
    vector = seen.form == "vector" and values.size <= LISTED
    bound = usual_bound(values)
    return LayerParameter(
        name=parameter.name,
        shape=list(parameter.tensor.shape),
        dtype=str(parameter.tensor.dtype).removeprefix("torch."),
        learnable=parameter.learnable,
        values=values.size,
        minimum=float(values[known].min()) if some else 0.0,
        maximum=float(values[known].max()) if some else 0.0,
        bound=bound,
        beyond=int(np.count_nonzero(known & (np.abs(values) > bound))),
        zeros=int(values.size - np.count_nonzero(values)),
        non_finite=int(values.size - np.count_nonzero(known)),
        names=list(parameter.names),
        layers=list(parameter.layers),
        picture=None if seen.form == "vector" else _picture(seen),
        vector=finite(values.reshape(-1).tolist()) if vector else None,
    )


def _picture(seen: Pictured) -> ParameterPicture:
    assert seen.form != "vector"
    return ParameterPicture(
        form=seen.form,
        outputs=seen.outputs,
        inputs=seen.inputs,
        height=seen.height,
        width=seen.width,
        by_channel=seen.by_channel,
        groups=seen.groups,
    )


def _outputs(seen: Pictured, inputs: str, outputs: list[int] | None) -> list[int]:
    """Which outputs are pictured; raises as ``encode_pictures``."""
    each = seen.inputs if inputs == "all" else COLOURS if inputs == "rgb" else 1
    most = min(PICTURES // each if each < PICTURES else 1, seen.outputs)
    wanted = list(range(most)) if outputs is None else outputs
    for output in wanted:
        if not 0 <= output < seen.outputs:
            raise NotFound(
                f"There are outputs 0 to {seen.outputs - 1}, not {output}.",
                pointer="outputs",
                value=output,
                limit=seen.outputs - 1,
            )
    size = len(wanted) * each * seen.height * seen.width
    if len(wanted) * each > max(PICTURES, seen.inputs) or size > PICTURED_VALUES:
        raise LimitExceeded(
            f"That is {len(wanted) * each} pictures of {seen.height * seen.width} values; at most "
            f"{PICTURES} pictures and {PICTURED_VALUES} values are sent at once.",
            pointer="outputs",
            value=len(wanted),
            limit=most,
        )
    return wanted


def _reduced(pictures: NDArray[np.floating], seen: Pictured, inputs: str) -> NDArray[np.float32]:
    if inputs in {"mean", "norm"}:
        return reduced(pictures, inputs)
    if inputs == "all" or (inputs == "rgb" and seen.inputs == COLOURS):
        joined = pictures.reshape(-1, seen.height, seen.width)
        return np.ascontiguousarray(joined, dtype=np.float32)
    if not inputs.isdecimal() or int(inputs) >= seen.inputs:
        rgb = ", rgb" if seen.inputs == COLOURS else ""
        raise InvalidInput(
            f"inputs is a channel from 0 to {seen.inputs - 1}, mean, norm, all{rgb}.",
            pointer="inputs",
            value=inputs,
        )
    return reduced(pictures, int(inputs))


def _values(tensor: Tensor) -> NDArray[np.floating]:
    """A tensor's values, as float32 where NumPy has no such type."""
    values = tensor.detach().cpu()
    if values.dtype.is_floating_point and values.dtype.itemsize < 4:
        values = values.float()
    array: NDArray[np.floating] = values.numpy()
    return array
