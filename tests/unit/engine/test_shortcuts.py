"""Shortcuts on the meta device give what PyTorch gives there, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from server.engine.shortcuts import batch_normalisation, concatenation

NORMALISE = torch.ops.aten.native_batch_norm.default
SETTINGS: Any = (0.1, 1e-5)
"""Momentum and epsilon."""

META = torch.device("meta")


def looks(tensors: Sequence[Tensor]) -> list[tuple[Any, ...]]:
    return [(t.shape, t.stride(), t.storage_offset(), t.dtype, t.device) for t in tensors]


@pytest.mark.parametrize("shape", [(2, 3), (1, 3, 5), (2, 3, 4, 5), (1, 3, 2, 1, 4), (0, 3, 2)])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("affine", [False, True])
def test_batch_normalisation_with_running_statistics(
    shape: tuple[int, ...], dtype: torch.dtype, affine: bool
) -> None:
    x = torch.empty(shape, dtype=dtype, device=META)
    for kept in (dtype, torch.float32):
        one = torch.empty(3, dtype=kept, device=META)
        weight = one if affine else None
        found = batch_normalisation(x, weight, weight, one, one, False, 0.1, 1e-5)
        assert found is not None
        assert looks(found) == looks(NORMALISE(x, weight, weight, one, one, False, 0.1, 1e-5))


def test_batch_normalisation_otherwise() -> None:
    x, one = torch.empty(2, 3, 4, device=META), torch.empty(3, device=META)
    two = torch.empty(2, device=META)
    given: list[tuple[Any, ...]] = [
        (x, one, one, one, one, True),
        (x, one, one, None, None, False),
        (x.transpose(0, 2), one, one, one, one, False),
        (x, two, one, one, one, False),
        (x, one, one, two, one, False),
        (torch.empty(2, 3), one, one, one, one, False),
        (two, two, two, two, two, False),
    ]
    assert [batch_normalisation(*each, *SETTINGS) for each in given] == [None] * len(
        given
    )


@pytest.mark.parametrize("dim", [0, 1, 2, -1, -3])
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.int64])
def test_concatenation(dim: int, dtype: torch.dtype) -> None:
    for lengths in ([2], [1, 3], [2, 0, 5]):
        tensors = []
        for length in lengths:
            shape = [3, 4, 5]
            shape[dim] = length
            tensors.append(torch.empty(shape, dtype=dtype, device=META))
        found = concatenation(tensors, dim)
        assert found is not None
        assert looks([found]) == looks([torch.ops.aten.cat.default(tensors, dim)])


def test_concatenation_otherwise() -> None:
    x = torch.empty(2, 3, device=META)
    given: list[tuple[list[Tensor], int]] = [
        ([x, x.double()], 0),
        ([x, torch.empty(3, 2, device=META).T], 0),
        ([x, torch.empty(2, 4, device=META)], 0),
        ([x, torch.empty(0, device=META)], 0),
        ([x, torch.empty(2, 3)], 0),
        ([x, x], 2),
        ([torch.empty((), device=META)], 0),
        ([], 0),
    ]
    assert [concatenation(*each) for each in given] == [None] * len(given)
