"""Tensors as the Open Inference Protocol has them: in JSON, or as bytes behind it.

The types and both forms: https://github.com/kserve/open-inference-protocol (REST, "Tensor Data"),
and the binary tensor data extension, https://github.com/triton-inference-server/server,
docs/protocol/extension_binary_data.md: values row by row, little-endian, without padding; of BYTES
each element behind its length in four bytes.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from server.errors import InvalidInput
from server.schemas.open_inference import Datatype

_NUMPY: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype(np.bool_),
    **{f"{kind}{bits}": np.dtype(f"<{letter}{bits // 8}")
       for kind, letter in (("UINT", "u"), ("INT", "i")) for bits in (8, 16, 32, 64)},
    **{f"FP{bits}": np.dtype(f"<f{bits // 8}") for bits in (16, 32, 64)},
}  # fmt: skip
_BFLOAT16_BYTES = 2
_KINDS = {"b": "BOOL", "u": "whole numbers", "i": "whole numbers", "f": "numbers"}


def from_bytes(data: bytes, datatype: str, shape: Sequence[int], name: str) -> NDArray[Any]:
    """A tensor of its bytes; BF16 as float32, which holds all of its values.

    Raises:
        InvalidInput: not as many bytes as the shape and the type have, a BOOL that is neither 0 nor
            1, or BYTES, which no model takes.
    """
    size = math.prod(shape) * _item_bytes(datatype, name)
    if len(data) != size:
        raise InvalidInput(
            f"{name} has {len(data)} bytes; {datatype} of shape {list(shape)} has {size}.",
            pointer=name,
            value=len(data),
        )
    if datatype == "BF16":
        # The upper half of a float32.
        upper = np.frombuffer(data, "<u2").astype(np.uint32) << 16
        return upper.view(np.float32).reshape(shape)
    if datatype == "BOOL" and data.strip(b"\0\1"):
        raise InvalidInput(f"{name} has bytes that are neither 0 nor 1.", pointer=name)
    return np.frombuffer(data, _NUMPY[datatype]).reshape(shape)


def from_json(data: Any, datatype: str, shape: Sequence[int], name: str) -> NDArray[Any]:
    """A tensor of its values in JSON, nested as the shape is or in one list.

    Raises:
        InvalidInput: other values than the type has, or not as many as the shape.
    """
    dtype = np.dtype(np.float32) if datatype == "BF16" else _numpy_type(datatype, name)
    values = _flat(data, shape, name)
    wanted = math.prod(shape)
    if len(values) != wanted:
        raise InvalidInput(
            f"{name} has {len(values)} values; shape {list(shape)} has {wanted}.",
            pointer=name,
            value=len(values),
        )
    allowed = {"b": (bool,), "u": (int,), "i": (int,)}.get(dtype.kind, (int, float))
    for number, value in enumerate(values):
        # Python's own bool is an int.
        if not isinstance(value, allowed) or (isinstance(value, bool) and dtype.kind != "b"):
            raise _unfit(name, datatype, number, value)
    try:
        with np.errstate(over="raise"):
            return np.array(values, dtype).reshape(shape)
    except (OverflowError, FloatingPointError):
        raise InvalidInput(f"{name} has a value that {datatype} has not.", pointer=name) from None


def as_bytes(values: NDArray[Any], datatype: str) -> bytes:
    """The bytes of a tensor; of BYTES, an array of strings."""
    if datatype != "BYTES":
        return values.astype(_NUMPY[datatype]).tobytes()
    texts = (str(text).encode() for text in values.ravel())
    return b"".join(struct.pack("<I", len(text)) + text for text in texts)


def datatype_of(dtype: np.dtype[Any]) -> Datatype:
    """The type of an array's values as the protocol names it; raises KeyError for others."""
    names: dict[np.dtype[Any], Any] = {known: name for name, known in _NUMPY.items()}
    datatype: Datatype = names[dtype]
    return datatype


def _flat(data: Any, shape: Sequence[int], name: str) -> list[Any]:
    """All values in one list; what is nested must be nested as the shape is."""
    if not isinstance(data, list):
        raise InvalidInput(f"{name} has no data: a list of values.", pointer=name)
    if not data or not isinstance(data[0], list):
        return data
    level = data
    for axis, length in enumerate(shape):
        if axis == 0:
            if len(level) != length:
                raise _misshapen(name, shape)
            continue
        if any(not isinstance(row, list) or len(row) != length for row in level):
            raise _misshapen(name, shape)
        level = [value for row in level for value in row]
    return level


def _misshapen(name: str, shape: Sequence[int]) -> InvalidInput:
    return InvalidInput(f"The data of {name} is not nested as shape {list(shape)}.", pointer=name)


def _unfit(name: str, datatype: str, number: int, value: Any) -> InvalidInput:
    kind = _KINDS[_NUMPY[datatype].kind] if datatype in _NUMPY else "numbers"
    if kind == "BOOL":
        kind = "true and false"
    return InvalidInput(
        f"{name} is {datatype}, of {kind}; value {number} is not one.", pointer=name, value=value
    )


def _item_bytes(datatype: str, name: str) -> int:
    return _BFLOAT16_BYTES if datatype == "BF16" else _numpy_type(datatype, name).itemsize


def _numpy_type(datatype: str, name: str) -> np.dtype[Any]:
    if datatype not in _NUMPY:
        raise InvalidInput(f"{name} is {datatype}, which no model here takes.", pointer=name)
    return _NUMPY[datatype]
