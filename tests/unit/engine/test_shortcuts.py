"""Shortcuts on the meta device give what PyTorch gives there, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from server.engine.shortcuts import (
    batch_normalisation,
    biased_product,
    concatenation,
    convolution,
    maxima,
)

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
    cases: list[tuple[Any, ...]] = [
        (x, one, one, one, one, True),
        (x, one, one, None, None, False),
        (x.transpose(0, 2), one, one, one, one, False),
        (x, two, one, one, one, False),
        (x, one, one, two, one, False),
        (torch.empty(2, 3), one, one, one, one, False),
        (two, two, two, two, two, False),
    ]
    assert [batch_normalisation(*each, *SETTINGS) for each in cases] == [None] * len(cases)


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
    cases: list[tuple[list[Tensor], int]] = [
        ([x, x.double()], 0),
        ([x, torch.empty(3, 2, device=META).T], 0),
        ([x, torch.empty(2, 4, device=META)], 0),
        ([x, torch.empty(0, device=META)], 0),
        ([x, torch.empty(2, 3)], 0),
        ([x, x], 2),
        ([torch.empty((), device=META)], 0),
        ([], 0),
    ]
    assert [concatenation(*each) for each in cases] == [None] * len(cases)


CONVOLVE = torch.ops.aten.convolution.default


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_convolution(data: st.DataObject) -> None:
    """It gives what PyTorch gives, and nothing where that refuses."""
    axes, integers = data.draw(st.integers(1, 3)), st.integers
    groups = data.draw(integers(1, 2))
    channels, filters = (groups * data.draw(integers(1, 3)) for _ in range(2))

    def each(low: int, high: int) -> list[int]:
        return [data.draw(integers(low, high)) for _ in range(axes)]

    batch = data.draw(integers(1, 2))
    dtype = data.draw(st.sampled_from([torch.float32, torch.bfloat16]))
    x = torch.empty(batch, channels, *each(1, 6), device=META, dtype=dtype)
    if axes == 2 and data.draw(st.booleans()):
        x = x.contiguous(memory_format=torch.channels_last)
    weight = torch.empty(filters, channels // groups, *each(1, 4), device=META, dtype=dtype)
    bias = data.draw(st.sampled_from([None, torch.empty(filters, device=META, dtype=dtype)]))
    rest: Any = (each(1, 3), each(0, 2), each(1, 2), False, [0] * axes, groups)
    found = convolution(x, weight, bias, *rest)
    try:
        expected = CONVOLVE(x, weight, bias, *rest)
    except RuntimeError:
        assert found is None
        return
    if found is not None:
        assert looks([found]) == looks([expected])
    else:
        assert not expected.numel() or x.is_contiguous(
            memory_format=LAST.get(axes, torch.contiguous_format)
        )


POOL = torch.ops.aten.max_pool2d_with_indices.default


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_maxima(data: st.DataObject) -> None:
    integers = st.integers
    x = torch.empty(
        [data.draw(integers(1, 3)) for _ in range(2)]
        + [data.draw(integers(1, 7)) for _ in range(2)],
        device=META,
    )
    if data.draw(st.booleans()):
        x = x.contiguous(memory_format=torch.channels_last)
    ranges = ((1, 4), (1, 3), (0, 2), (1, 2))
    settings_: Any = [[data.draw(integers(*each)) for _ in range(2)] for each in ranges]
    if data.draw(st.booleans()):
        settings_[1] = []
    found = maxima(x, *settings_)
    try:
        expected = POOL(x, *settings_)
    except RuntimeError:
        assert found is None
        return
    if found is not None:
        assert looks(found) == looks(expected)
    else:
        assert x.is_contiguous(memory_format=torch.channels_last)


LAST = {2: torch.channels_last, 3: torch.channels_last_3d}


def test_biased_product() -> None:
    for dtype in (torch.float16, torch.float32):
        bias, left, right = (
            torch.empty(shape, dtype=dtype, device=META) for shape in ((4,), (2, 3), (3, 4))
        )
        for first, second in ((left, right), (left.T.contiguous().T, right.T.contiguous().T)):
            found = biased_product(bias, first, second)
            assert found is not None
            assert looks([found]) == looks([torch.ops.aten.addmm.default(bias, first, second)])
        assert biased_product(bias[:3], left, right) is None
        assert biased_product(bias, right, left) is None
        assert biased_product(bias.double(), left, right) is None
        assert biased_product(bias.expand(2, 4), left, right) is None
