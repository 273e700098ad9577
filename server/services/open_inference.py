"""Models as the Open Inference Protocol has them: tensors in, logits and probabilities out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from server.errors import InvalidInput, LimitExceeded
from server.schemas.open_inference import (
    Datatype,
    InferenceRequest,
    InputTensor,
    ModelMetadata,
    RequestedOutput,
    TensorMetadata,
)
from server.services.catalog import Logits, Model
from server.services.inference import softmax
from server.services.lane import Lane
from server.services.tensor_data import datatype_of, from_bytes, from_json

INPUT = "input"
"""The tensor that a network takes: (N, channels, height, width), normalised."""
IMAGES = "images"
"""Taken in its place: levels of pixels, 0 to 255, uint8 (N, height, width), or with 3 behind."""
OUTPUTS = ("logits", "probabilities")
_FLOATS = ("FP16", "BF16", "FP32", "FP64")
_ANY = -1


@dataclass(frozen=True, eq=False)
class Output:
    """One output of an inference."""

    name: str
    datatype: Datatype
    values: NDArray[Any]
    """float32 (N, categories), or texts (N, classes)."""
    binary: bool


def describe(model: Model) -> ModelMetadata:
    """What a model takes and gives."""
    parameters: dict[str, str] = {}
    if model.preparation is not None:
        pixels = list(_image_shape(model))
        parameters[IMAGES] = (
            f"In the place of {INPUT}: UINT8 {[_ANY, *pixels]}, levels of pixels from 0 to 255"
            f"{', ink 255 on 0' if model.kind == 'doodle' else ''}."
        )
    outputs = [] if model.silence else list(OUTPUTS)
    return ModelMetadata(
        name=model.name,
        versions=[model.version],
        platform="pytorch",
        inputs=_inputs(model),
        outputs=[
            TensorMetadata(name=name, datatype="FP32", shape=[_ANY, len(model.categories)])
            for name in outputs
        ],
        parameters=parameters,
    )


class OpenInference:
    """Runs what requests of the protocol ask, with whatever else waits for the same model."""

    def __init__(self, lane: Lane, batch: int) -> None:
        self._lane = lane
        self._batch = batch

    def read(self, model: Model, request: InferenceRequest, raw: bytes) -> dict[str, NDArray[Any]]:
        """The tensors of a request, checked against what the model takes.

        Args:
            model: answers.
            request: says what there is.
            raw: the bytes behind the JSON.

        Raises:
            InvalidInput: names, types, shapes or values that do not fit.
            LimitExceeded: more items than one request may have.
        """
        if model.silence:
            raise InvalidInput(
                f"{model.title} makes no guesses. {model.silence}", pointer="model", value=None
            )
        self._check_names(model, request)
        for tensor in request.inputs:
            self._check_shape(model, tensor)
        found = dict(zip((each.name for each in request.inputs), _data(request, raw), strict=True))
        for name, values in found.items():
            if values.dtype.kind == "f" and not np.isfinite(values).all():
                raise InvalidInput(f"{name} has values that are not finite.", pointer=name)
        return found

    async def infer(
        self, model: Model, tensors: Mapping[str, NDArray[Any]], request: InferenceRequest
    ) -> list[Output]:
        """The outputs that a request asks for, in its order.

        Raises:
            Overloaded: too much is waiting for the network.
            InvalidInput: an output that would be no number in JSON.
        """
        logits = await self._logits(model, tensors)
        return [
            _output(model, wanted, logits, request.parameters.binary_data_output)
            for wanted in _wanted(request)
        ]

    async def _logits(self, model: Model, tensors: Mapping[str, NDArray[Any]]) -> Logits:
        if IMAGES in tensors and model.preparation is not None:
            images = tensors[IMAGES]
            return await self._lane.batched(model.logits, images, len(images))
        if model.preparation is not None:
            values = tensors[INPUT].astype(np.float32)
            return await self._lane.batched(model.logits_of_tensors, values, len(values))
        return await self._lane.forward(lambda: _example_logits(model, tensors), model)

    def _check_names(self, model: Model, request: InferenceRequest) -> None:
        taken = [each.name for each in _inputs(model)]
        given = [each.name for each in request.inputs]
        if model.preparation is not None and given == [IMAGES]:
            taken = [IMAGES]
        if sorted(given) != sorted(taken):
            also = f", or {IMAGES} alone" if model.preparation is not None else ""
            raise InvalidInput(
                f"{model.name} takes {', '.join(taken)}{also}; the request has {', '.join(given)}.",
                pointer="/inputs",
                value=given,
            )
        for wanted in request.outputs:
            if wanted.name not in OUTPUTS:
                raise InvalidInput(
                    f"{model.name} gives {' and '.join(OUTPUTS)}, not {wanted.name}.",
                    pointer="/outputs",
                    value=wanted.name,
                )
            if wanted.parameters.classification > len(model.categories):
                raise LimitExceeded(
                    f"{model.name} has {len(model.categories)} categories.",
                    pointer="/outputs",
                    value=wanted.parameters.classification,
                    limit=len(model.categories),
                )

    def _check_shape(self, model: Model, tensor: InputTensor) -> None:
        known: dict[str, tuple[list[int], tuple[str, ...]]] = {
            each.name: (each.shape, (each.datatype,)) for each in _inputs(model)
        }
        if model.preparation is not None:
            known[INPUT] = (known[INPUT][0], _FLOATS)
            known[IMAGES] = ([_ANY, *_image_shape(model)], ("UINT8",))
        shape, datatypes = known[tensor.name]
        if tensor.datatype not in datatypes:
            raise InvalidInput(
                f"{tensor.name} is {' or '.join(datatypes)}, not {tensor.datatype}.",
                pointer=tensor.name,
                value=tensor.datatype,
            )
        fits = len(tensor.shape) == len(shape) and all(
            size == wanted or wanted == _ANY
            for size, wanted in zip(tensor.shape, shape, strict=True)
        )
        if not fits or (shape and shape[0] == _ANY and tensor.shape[0] == 0):
            raise InvalidInput(
                f"{tensor.name} has shape {shape}, where -1 is any size from 1; "
                f"not {tensor.shape}.",
                pointer=tensor.name,
                value=tensor.shape,
            )
        if shape and shape[0] == _ANY and tensor.shape[0] > self._batch:
            raise LimitExceeded(
                f"{tensor.name} has {tensor.shape[0]} items; {self._batch} are allowed.",
                pointer=tensor.name,
                value=tensor.shape[0],
                limit=self._batch,
            )


def _inputs(model: Model) -> list[TensorMetadata]:
    if model.preparation is not None:
        shape = [_ANY, *model.input_shape]
        return [TensorMetadata(name=INPUT, datatype="FP32", shape=shape)]
    return [
        TensorMetadata(
            name=name, datatype=datatype_of(value.numpy().dtype), shape=list(value.shape)
        )
        for name, value in _example_tensors(model).items()
    ]


def _example_tensors(model: Model) -> dict[str, Tensor]:
    """The tensors of a model's first example, by name; one without names has numbers."""
    tensors = model.examples[0].tensors
    if isinstance(tensors, dict):
        return tensors
    return {f"{INPUT}_{number}": value for number, value in enumerate(tensors or ())}


def _example_logits(model: Model, given: Mapping[str, NDArray[Any]]) -> Logits:
    """The logits (1, K) of a model that takes no pictures; on the torch lane."""
    example = model.examples[0]
    tensors = {name: torch.tensor(given[name]) for name in _example_tensors(model)}
    named = isinstance(example.tensors, dict)
    arguments = tensors if named else tuple(tensors.values())
    logits = model.logits_of(dataclasses.replace(example, tensors=arguments))
    assert logits is not None, "a model without logits is asked for no guesses"
    return logits[None]


def _image_shape(model: Model) -> tuple[int, ...]:
    channels, height, width = model.input_shape
    return (height, width) if channels == 1 else (height, width, channels)


def _data(request: InferenceRequest, raw: bytes) -> list[NDArray[Any]]:
    """The values of each input, in JSON or cut off the bytes behind it, one after another."""
    found = []
    begin = 0
    for tensor in request.inputs:
        size = tensor.parameters.binary_data_size
        if size is None:
            found.append(from_json(tensor.data, tensor.datatype, tensor.shape, tensor.name))
            continue
        if tensor.data is not None:
            raise InvalidInput(f"{tensor.name} has both data and bytes.", pointer=tensor.name)
        data = raw[begin : begin + size]
        found.append(from_bytes(data, tensor.datatype, tensor.shape, tensor.name))
        begin += size
    if begin != len(raw):
        raise InvalidInput(
            f"{len(raw)} bytes follow the JSON; its inputs have {begin}.",
            pointer="/inputs",
            value=len(raw),
        )
    return found


def _wanted(request: InferenceRequest) -> Sequence[RequestedOutput]:
    return request.outputs or [RequestedOutput(name=name) for name in OUTPUTS]


def _output(model: Model, wanted: RequestedOutput, logits: Logits, binary: bool) -> Output:
    own = wanted.parameters.binary_data
    binary = binary if own is None else own
    values = logits
    if wanted.name == "probabilities":
        values = np.stack([softmax(row) for row in logits]).astype(np.float32)
    if count := wanted.parameters.classification:
        return Output(wanted.name, "BYTES", _classes(values, model.categories, count), binary)
    if not binary and not np.isfinite(values).all():
        raise InvalidInput(
            f"{wanted.name} has values that are not finite, which JSON has not; ask for bytes.",
            pointer=wanted.name,
        )
    return Output(wanted.name, "FP32", values, binary)


def _classes(values: Logits, labels: Sequence[str], count: int) -> NDArray[Any]:
    """The ``count`` greatest values of each row as ``value:index:label``, the greatest first."""
    best = np.argsort(-values, axis=1, kind="stable")[:, :count]
    rows = [
        [f"{row[index]:f}:{index}:{labels[index]}" for index in chosen]
        for row, chosen in zip(values, best, strict=True)
    ]
    return np.array(rows, dtype=object)
