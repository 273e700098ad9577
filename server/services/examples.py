"""Inputs that come with a model: those that its user gave, or one of values between 0 and 1."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from server.engine.example import Example, as_inputs
from server.schemas.preprocessing import Preprocessing, Step
from server.services.inputs import NetworkInput, Tensors
from server.services.preparation import Preparation, as_picture

MOST_EXAMPLES = 64
"""So many items of a batch are shown, each as an example of its own."""


def examples_of(
    model: nn.Module, example: Example, preparation: Preparation | None
) -> tuple[NetworkInput, ...]:
    """What ``trace_model`` takes as inputs of one item each, exactly as given.

    A single tensor with several items gives several inputs, the first ``MOST_EXAMPLES``; of several
    tensors there is one input, with all of their items.

    Raises:
        TypeError, ValueError: not an example, as ``as_inputs`` says.
    """
    given = as_inputs(example, model).to(torch.device("cpu"))
    tensors: Tensors = given.kwargs or given.args
    return tuple(
        NetworkInput(
            picture_of(item, preparation),
            Preprocessing(source="example", steps=[_step(item, number, count)]),
            _key(item),
            item,
        )
        for number, count, item in _items(tensors)
    )


def batch_of(examples: Sequence[NetworkInput]) -> NetworkInput:
    """The items of a batch put together again, as one example that is no picture."""
    batch = torch.cat([each.tensors[0] for each in examples if isinstance(each.tensors, tuple)])
    tensors = (batch,)
    preprocessing = Preprocessing(source="example", steps=[_step(tensors, 0, 1)])
    return NetworkInput(None, preprocessing, _key(tensors), tensors)


def picture_of(tensors: Tensors, preparation: Preparation | None) -> NDArray[np.uint8] | None:
    """What an input looks like: uint8 (height, width) or (height, width, 3).

    A picture is a single tensor (1, C, H, W) of C = 1 or 3 real channels. Values that are none of
    bytes are shown from the smallest, black, to the largest, white.
    """
    values = list(tensors.values() if isinstance(tensors, dict) else tensors)
    if len(values) != 1 or values[0].is_complex():
        return None
    shape = tuple(values[0].shape)
    if len(shape) != 4 or shape[0] != 1 or shape[1] not in (1, 3) or 0 in shape:
        return None
    array = values[0][0].double().numpy()
    picture = preparation.picture(array) if preparation else None
    return _stretched(array) if picture is None else picture


def _items(tensors: Tensors) -> Iterator[tuple[int, int, Tensors]]:
    """Each input with its number, and how many there are."""
    if isinstance(tensors, dict) or len(tensors) > 1 or tensors[0].ndim < 2:
        yield 0, 1, tensors
        return
    (batch,) = tensors
    if len(batch) < 2:
        yield 0, 1, tensors
        return
    for number in range(min(len(batch), MOST_EXAMPLES)):
        yield number, len(batch), (batch[number : number + 1],)


def _step(tensors: Tensors, number: int, count: int) -> Step:
    named = tensors.items() if isinstance(tensors, dict) else ((None, each) for each in tensors)
    parts = [
        (f"{name} " if name else "")
        + f"{list(tensor.shape)} of {str(tensor.dtype).removeprefix('torch.')}{_extent(tensor)}"
        for name, tensor in named
    ]
    which = f"Item {number} of {count}" if count > 1 else "The example"
    return Step(name="example", detail=f"{which}, exactly as given: {' and '.join(parts)}.")


def _extent(tensor: Tensor) -> str:
    if tensor.numel() == 0 or tensor.is_complex():
        return ""
    return f", values from {tensor.min().item():.6g} to {tensor.max().item():.6g}"


def _stretched(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    span = high - low or 1.0
    shares = np.nan_to_num((values - low) / span, nan=0.0, posinf=1.0, neginf=0.0)
    return as_picture(np.rint(shares.clip(0, 1) * 255).astype(np.uint8))


def _key(tensors: Tensors) -> bytes:
    digest = hashlib.sha256()
    named = (
        tensors.items()
        if isinstance(tensors, dict)
        else ((str(place), each) for place, each in enumerate(tensors))
    )
    for name, tensor in named:
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)} ".encode())
        digest.update(tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.digest()
