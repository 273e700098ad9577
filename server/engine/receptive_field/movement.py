"""Operations that move values and compute none: run again, on numbered positions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from server.engine.operations import tensors_in
from server.engine.receptive_field.memory import Mask
from server.engine.receptive_field.reads import Reads, first
from server.engine.record import Operation, View

NAMES = frozenset(
    {
        *("cat", "stack", "flip", "roll", "repeat", "rot90", "tril", "triu", "take", "gather"),
        *("pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "native_channel_shuffle"),
        *("im2col", "constant_pad_nd", "reflection_pad1d", "reflection_pad2d"),
        *("reflection_pad3d", "replication_pad1d", "replication_pad2d", "replication_pad3d"),
        *("index", "_unsafe_index", "index_select", "index_put", "_index_put_impl"),
        *("index_copy", "index_fill", "scatter", "slice_scatter", "select_scatter"),
        *("diagonal_scatter", "as_strided_scatter", "repeat_interleave", "diag_embed"),
        *("block_diag", "masked_select", "_unsafe_view", "_reshape_copy", "_reshape_alias"),
        *("view_copy", "permute_copy", "expand_copy", "slice_copy", "select_copy"),
        *("squeeze_copy", "unsqueeze_copy", "transpose_copy", "t_copy", "unfold_copy"),
        *("split_copy", "split_with_sizes_copy", "unbind_copy", "as_strided_copy"),
        *("unsafe_split", "unsafe_split_with_sizes", "unsafe_chunk", "diagonal_copy"),
        *("where", "masked_fill", "masked_scatter", "put", "max_unpool2d", "max_unpool3d"),
        *("_unsafe_index_put", "reflection_pad", "replication_pad", "_pad_circular"),
    }
)


def is_movement(operation: Operation) -> bool:
    """Whether it is listed, and does not add up what it puts in the same place."""
    given = operation.arguments
    sums = given.get("accumulate") or given.get("reduce")
    return operation.name.removesuffix("_") in NAMES and not sums


def movement(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """Each position reads the one whose number arrives there; 0 is no position."""
    numbered: list[tuple[View, int]] = []
    given = {
        name: 0 if _is_filling(name, value) else _numbered(value, numbered)
        for name, value in operation.arguments.items()
    }
    assert operation.function is not None
    result = operation.function(**given)
    total = numbered[-1][1] + math.prod(numbered[-1][0].shape) if numbered else 0
    read = np.zeros(total + 1, bool)
    arrived = list(tensors_in(result))
    # What writes in place returns what it wrote to, or nothing.
    for index, mask in enumerate(wanted):
        if mask is not None:
            numbers = arrived[index if index < len(arrived) else 0].numpy()
            read[numbers[mask].astype(np.int64)] = True
    for view, start in numbered:
        size = math.prod(view.shape)
        yield view, read[start + 1 : start + 1 + size].reshape(view.shape)


def folding(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """``fold`` sums columns: each position reads the entries that unfolding puts it in."""
    given = operation.arguments
    columns: Tensor = torch.ops.aten.im2col(
        torch.from_numpy(first(wanted)).double(),
        *(given[name] for name in ("kernel_size", "dilation", "padding", "stride")),
    )
    yield given["self"], columns.numpy() > 0


def _is_filling(name: str, value: Any) -> bool:
    """Whether an argument is a number that is put somewhere, and not one that says where."""
    return name in ("value", "self", "other") and isinstance(value, bool | int | float | complex)


def _numbered(value: Any, numbered: list[tuple[View, int]]) -> Any:
    """Arguments with numbers for values: 1, 2, ... through all tensors; an index stays itself."""
    if isinstance(value, View):
        if value.values is not None:
            return value.values.cpu()
        start = numbered[-1][1] + math.prod(numbered[-1][0].shape) if numbered else 0
        numbered.append((value, start))
        size = math.prod(value.shape)
        # float64 counts exactly far beyond any tensor, and every operator here takes it.
        numbers = torch.arange(start + 1, start + 1 + size, dtype=torch.float64)
        return numbers.reshape(value.shape)
    if isinstance(value, tuple):
        return [_numbered(item, numbered) for item in value]
    return value
