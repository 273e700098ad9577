"""Operations that hand a value on: identity, dropout, and everything that only moves values."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from server.engine.arithmetic.call import Call, value_at
from server.engine.arithmetic.parts import Broken, Index, NotBrokenDown, single
from server.engine.arithmetic.snippet import Snippet
from server.engine.given import Operand
from server.engine.operations import tensors_in

MOVING = frozenset(
    {
        *(
            "flatten",
            "reshape",
            "view",
            "view_as",
            "reshape_as",
            "permute",
            "transpose",
            "swapaxes",
        ),
        *("swapdims", "movedim", "moveaxis", "T", "mT", "H", "mH", "t", "squeeze", "unsqueeze"),
        *("expand", "expand_as", "broadcast_to", "repeat", "tile", "repeat_interleave", "flip"),
        *("fliplr", "flipud", "roll", "rot90", "getitem", "select", "narrow", "chunk", "split"),
        *("split_with_sizes", "tensor_split", "unbind", "unflatten", "unfold", "index_select"),
        *("gather", "take", "take_along_dim", "diagonal", "pad", "pixel_shuffle"),
        *("pixel_unshuffle", "channel_shuffle", "hstack", "vstack", "dstack", "column_stack"),
        *("setitem", "index_put", "copy", "tril", "triu", "masked_fill", "movement", "ravel"),
        *("native_channel_shuffle", "atleast_1d", "atleast_2d", "atleast_3d", "data", "real"),
    }
)
"""Functions that put values in other places, and perhaps constants among them."""

SAME = frozenset(
    {
        *("identity", "contiguous", "clone", "detach", "to", "float", "double", "half", "bfloat16"),
        *("cpu", "cuda", "type", "type_as", "requires_grad", "alias"),
    }
)
"""Functions that hand every value on, perhaps in another type."""

_CHANNELS = {"dropout1d", "dropout2d", "dropout3d"}


@dataclass(frozen=True)
class IdentityTerms:
    """A value that is handed on."""

    x: float


@dataclass(frozen=True)
class DropoutTerms:
    """A value that went through dropout."""

    x: float
    p: float
    keep_probability: float
    scale: float | None
    """By which values that are kept are multiplied in training: 1 / (1 - p). None: all go."""
    training: bool
    """Whether it ran as in training."""
    whole_channels: bool
    """Whether channels are dropped rather than single values."""
    kept: bool
    """Whether this value was kept; always, when it did not run as in training."""
    value_if_kept: float | None
    """What comes out in training when the value is kept."""


@dataclass(frozen=True)
class MovementTerms:
    """A value that comes from another place, or a constant that was put in."""

    source: str | None
    """The layer, input or parameter that it comes from; None: a constant."""
    argument: int | None
    """Which of the node's inputs that is."""
    index: list[int] | None
    """Its place there."""


def identity(call: Call) -> Broken:
    """A value that is handed on unchanged."""
    operand = call.operand("input")
    if tuple(operand.tensor.shape) != call.shape:
        raise NotBrokenDown("its shape is another")
    x = value_at(operand, call.index)
    value = float(torch.tensor(x, dtype=torch.float64).to(call.dtype).double())
    # In a narrower type the value is rounded, which is the arithmetic of a conversion.
    narrow = operand.tensor.dtype != call.dtype
    snippet = Snippet(call).tensor("input", operand, tuple(call.index))
    return Broken(
        "identity",
        IdentityTerms(x),
        value if narrow else x,
        "out_i = input_i",
        call.read("input", single(call.index)),
        snippet.ending(f"input.to({call.dtype})" if narrow else "input"),
    )


def dropout(call: Call) -> Broken:
    """A value of dropout: in eval mode handed on, in training dropped or scaled."""
    operand, p, training = call.operand("input"), float(call["p"]), bool(call["training"])
    if training and "alpha" in call.function:
        raise NotBrokenDown("alpha dropout draws its values in training")
    x = value_at(operand, call.index)
    scale = 1 / (1 - p) if p < 1 else None
    kept = not training or call.network_value != 0 or (x == 0 and p < 1)
    scaled = x * scale if scale is not None else None
    value = x if not training else scaled if kept and scaled is not None else 0.0
    kind = getattr(call.module, "__class__", object).__name__.lower()
    terms = DropoutTerms(
        x=x,
        p=p,
        keep_probability=1 - p,
        scale=scale,
        training=training,
        whole_channels=call.function in _CHANNELS or kind in _CHANNELS or "feature" in kind,
        kept=kept,
        value_if_kept=None if "alpha" in call.function else scaled,
    )
    snippet = Snippet(call).tensor("input", operand, tuple(call.index))
    ending = f"F.dropout(input, {p!r}, training=False)"
    if training:
        ending = f"input * {scale!r}" if kept else "input * 0"
    return Broken(
        "dropout",
        terms,
        value,
        "eval: out_i = input_i; training: out_i = input_i / (1 − p) with probability 1 − p, else 0",
        call.read("input", single(call.index)),
        snippet.ending(ending),
    )


def movement(call: Call) -> Broken:
    """Where a value comes from: the same function is run on numbered places."""
    numbered: list[tuple[Operand, int]] = []
    first = _arrived(call, numbered, 0)
    total = sum(operand.tensor.numel() for operand, _ in numbered)
    # Numbers that are higher by so much: what differs by that is a place, what does not differ is
    # a constant, and anything else a sum.
    second = _arrived(call, [], total)
    # A constant may be infinite, or no number.
    apart = int(second - first) if math.isfinite(first) and math.isfinite(second) else 0
    if apart and apart == total:
        number = int(first)
        for operand, start in numbered:
            if start < number <= start + operand.tensor.numel():
                return _moved(call, operand, _unravelled(number - start - 1, operand.tensor.shape))
    if apart:
        raise NotBrokenDown("several values arrive in the same place")
    constant = call.network_value
    return Broken(
        "movement",
        MovementTerms(None, None, None),
        constant,
        "out_i = a constant",
        (),
        Snippet(call).ending(f"torch.tensor({constant!r}, dtype=torch.float64)")
        if math.isfinite(constant)
        else Snippet(call).ending(f'torch.tensor(float("{constant}"))'),
    )


def _moved(call: Call, operand: Operand, index: Index) -> Broken:
    source = operand.parameter
    if operand.input is not None:
        source = call.node.inputs[operand.input]
    return Broken(
        "movement",
        MovementTerms(source, operand.input, list(index)),
        value_at(operand, index),
        "out_i = input_j: the same value in another place",
        call.read_of(operand, single(index)),
        Snippet(call).tensor("input", operand, tuple(index)).ending("input"),
    )


def _arrived(call: Call, numbered: list[tuple[Operand, int]], above: int) -> float:
    """What arrives at the unit when all values are numbers: ``above`` + 1, + 2, ..."""

    def numbers(operand: Operand) -> Tensor:
        tensor = operand.tensor.detach().cpu()
        # Tensors of integers say where to; but the first may be what is moved.
        if not tensor.is_floating_point() and (numbered or operand.input is None):
            return tensor.clone()
        start = numbered[-1][1] + numbered[-1][0].tensor.numel() if numbered else 0
        numbered.append((operand, start))
        places = torch.arange(above + start + 1, above + start + 1 + tensor.numel())
        return places.to(torch.float64).reshape(tensor.shape)

    args, kwargs = call.given.replaced(numbers)
    function: Callable[..., Any] | None = call.given.function
    if function is None:
        if call.module is None:
            raise NotBrokenDown("its layer is not there")
        function = call.module.forward
    with torch.no_grad():
        result = function(*args, **kwargs)
    # What works in place may return nothing.
    arrived = list(tensors_in(result)) or list(tensors_in(args[:1]))
    if not arrived or tuple(arrived[0].shape) != call.shape:
        raise NotBrokenDown("its places cannot be followed")
    return float(arrived[0][call.index])


def _unravelled(number: int, shape: tuple[int, ...]) -> Index:
    index: list[int] = []
    for size in reversed(shape):
        number, place = divmod(number, size)
        index.append(place)
    return tuple(reversed(index))
