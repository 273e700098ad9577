"""One input of a model: its shape, its type of values, and the parameter that it is for."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from server.engine.example import Example, Input
from server.services.sources.unavailable import ModelUnavailable

MOST_VALUES = 2**28
"""More values than this in one input are taken for a mistake: 1 GiB in single precision."""

DTYPES = {
    name: getattr(torch, name)
    for name in (
        *("float16", "bfloat16", "float32", "float64", "complex64", "complex128"),
        *("int8", "uint8", "int16", "int32", "int64", "bool"),
    )
}

_WRITTEN = re.compile(
    r"(?:(?P<name>[^\W\d]\w*)=)?"
    r"(?:(?P<item>\d+(?:x\d+)*)|(?P<whole>\d+(?:,\d+)*,?))"
    r"(?::(?P<dtype>\w+))?"
)


@dataclass(frozen=True)
class InputForm:
    """One input: ``shape`` with the batch, first, in it."""

    shape: tuple[int, ...]
    dtype: torch.dtype | None = None
    """Type of its values; None: floating point, as the model's parameters are."""
    name: str | None = None
    """The parameter of forward that it is given by; None: by position."""

    def __str__(self) -> str:
        """As ``parse_input`` reads it, the batch left out where it is one item."""
        whole = ",".join(map(str, self.shape)) + ("," if len(self.shape) == 1 else "")
        item = "x".join(map(str, self.shape[1:])) if self.shape[:1] == (1,) else ""
        dtype = f":{str(self.dtype).removeprefix('torch.')}" if self.dtype else ""
        return (f"{self.name}=" if self.name else "") + (item or whole) + dtype

    def example(self) -> Input:
        """The shape; or, where a type is asked for, a tensor: of whole numbers zeros, which every
        table of embeddings has."""
        if self.dtype is None:
            return self.shape
        if self.dtype.is_floating_point or self.dtype.is_complex:
            generator = torch.Generator().manual_seed(0)
            values: Tensor = torch.rand(self.shape, generator=generator).to(self.dtype)
            return values
        return torch.zeros(self.shape, dtype=self.dtype)


def parse_input(text: str) -> InputForm:
    """Read an input as the command line has it: ``[NAME=]SIZES[:DTYPE]``.

    ``3x224x224`` are the sizes of one item; the batch of one is put in front. ``1,3,224,224`` is
    the whole shape, its batch too; ``16,`` one of a single axis, as Python writes it.

    Raises:
        ModelUnavailable: not of this form, an unknown type, no size of at least 1, or too large.
    """
    found = _WRITTEN.fullmatch(text.strip())
    if found is None:
        raise ModelUnavailable(
            f"--input {text!r} is not [NAME=]SIZES[:DTYPE], such as 3x224x224 (one item; the batch "
            "is added), 1,3,224,224 (the whole shape), tokens=16:int64."
        )
    if found["item"]:
        shape = (1, *map(int, found["item"].split("x")))
    else:
        shape = tuple(map(int, found["whole"].rstrip(",").split(",")))
    if min(shape) < 1:
        raise ModelUnavailable(f"--input {text!r} has a size of 0; sizes are 1 and more.")
    if math.prod(shape) > MOST_VALUES:
        raise ModelUnavailable(
            f"--input {text!r} has {math.prod(shape):,} values; {MOST_VALUES:,} are the most."
        )
    dtype = found["dtype"]
    if dtype is not None and dtype not in DTYPES:
        raise ModelUnavailable(f"--input {text!r}: {dtype!r} is none of {', '.join(DTYPES)}.")
    return InputForm(shape, DTYPES[dtype] if dtype else None, found["name"])


def parse_inputs(texts: Iterable[str]) -> tuple[InputForm, ...]:
    """Read several inputs: all by position, or all by name.

    Raises:
        ModelUnavailable: as ``parse_input``; or some have names and some not, or the same.
    """
    inputs = tuple(map(parse_input, texts))
    names = [form.name for form in inputs if form.name]
    if names and len(names) < len(inputs):
        raise ModelUnavailable("--input: name all of the inputs, or none of them.")
    if len(set(names)) < len(names):
        raise ModelUnavailable(f"--input: {max(names, key=names.count)} is given more than once.")
    return inputs


def as_example(inputs: Sequence[InputForm]) -> Example:
    """Inputs as ``trace_model`` takes them."""
    if all(form.name for form in inputs):
        return {str(form.name): form.example() for form in inputs}
    return tuple(form.example() for form in inputs)


def shapes_of(inputs: Sequence[InputForm]) -> str:
    """The shapes in words, for a message."""
    return " and ".join(str(list(form.shape)) for form in inputs)


def image(channels: int, *sizes: int) -> InputForm:
    """One item with channels and spatial sizes."""
    return InputForm((1, channels, *sizes))
