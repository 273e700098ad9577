"""Operations whose result reads, at each position, the same position of their arguments."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import torch

from server.engine.receptive_field.memory import Mask
from server.engine.receptive_field.reads import (
    Reads,
    arguments_read,
    everything,
    first,
    unbroadcast,
)
from server.engine.record import Operation, View

NAMES = frozenset(
    {
        *("_to_copy", "clone", "contiguous", "alias_copy", "detach_copy", "lift", "lift_fresh"),
        *("lift_fresh_copy", "dropout", "native_dropout", "alpha_dropout", "mish"),
        *("hardswish", "log_sigmoid_forward", "_prelu_kernel", "rrelu_with_noise", "polar"),
        *("complex", "masked_fill", "threshold", "view_as_real_copy", "view_as_complex_copy"),
        *("_conj_physical", "sigmoid", "nan_to_num", "poisson", "_add_relu", "floor_divide"),
    }
)
"""Those that PyTorch does not tag as pointwise."""

CONSTANT = frozenset(
    {
        *("zeros_like", "ones_like", "empty_like", "full_like", "rand_like", "randn_like"),
        *("randint_like", "new_zeros", "new_ones", "new_empty", "new_full", "new_empty_strided"),
        *("zero", "uniform", "random", "exponential", "geometric", "cauchy", "log_normal"),
        *("rand", "randn", "randint", "randperm", "normal_functional"),
    }
)
"""Those that take a tensor for its shape, or to overwrite it, and read no value of it."""


def is_pointwise(operation: Operation) -> bool:
    """Whether PyTorch, or the list above, says so."""
    tags = getattr(operation.function, "tags", ())
    name = operation.name.removesuffix("_")
    return torch.Tag.pointwise in tags or name in NAMES or _is_tagged(name)


@functools.lru_cache(maxsize=4096)
def _is_tagged(name: str) -> bool:
    """Whether the operator of that name is tagged, of which that in place is not, like ``abs_``."""
    packet = getattr(torch.ops.aten, name, None)
    overloads = packet.overloads() if packet is not None else []
    return any(torch.Tag.pointwise in getattr(packet, overload).tags for overload in overloads)


def pointwise(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """The same position, after broadcasting."""
    positions = first(wanted)
    for view in arguments_read(operation):
        try:
            np.broadcast_shapes(view.shape, positions.shape)
        except ValueError:  # such as one slope for each channel: no part of the picture
            yield view, np.ones(view.shape, bool)
        else:
            yield view, unbroadcast(positions, view.shape)


def copied(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """``copy_`` and ``fill_`` read their source, not what they overwrite."""
    source = operation.arguments.get("src", operation.arguments.get("value"))
    if hasattr(source, "shape"):
        yield source, unbroadcast(first(wanted), source.shape)


def drawn(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """Values drawn from distributions: what they are overwritten with reads their parameters."""
    given = operation.arguments
    in_place = operation.name.endswith("_")
    parameters = in_place or "mean" in given or "p" in given
    names = ("mean", "std", "p") if parameters else ("self",)
    for name in names:
        if isinstance(view := given.get(name), View):
            yield view, unbroadcast(first(wanted), view.shape)


def halves(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """``glu``: the position in both halves along an axis."""
    positions = first(wanted)
    axis = operation.arguments["dim"] % positions.ndim
    yield operation.arguments["self"], np.concatenate([positions, positions], axis)


def renormalised(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """Rows of a table, those of the indices scaled: the row; perhaps any index."""
    table: View = operation.arguments["self"]
    yield table, np.broadcast_to(first(wanted).any(axis=-1, keepdims=True), table.shape)
    yield operation.arguments["indices"], everything(operation.arguments["indices"])


def constant(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """Nothing is read."""
    return iter(())
