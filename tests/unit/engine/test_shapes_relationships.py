"""The relationships of the convolution guide, by number.

V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning", arXiv 1603.07285.
Each test states the guide's formula itself, with its letters: input i, kernel k, stride s and
padding p; of a transposed convolution they are those of the convolution that it belongs to.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from server.engine.shapes import output_shape

INPUTS = range(1, 14)
KERNELS = range(1, 6)
STRIDES = range(1, 5)
PADDINGS = range(4)


def convolved(i: int, k: int, s: int = 1, p: int = 0) -> int:
    """The output size of Conv2d, along both axes."""
    numbers = {"kernel_size": k, "stride": s, "padding": p}
    made = output_shape("Conv2d", {"in_channels": 1, "out_channels": 1, **numbers}, [1, 1, i, i])
    assert made.output_shape[2] == made.output_shape[3]
    return made.output_shape[2]


def transposed(i: int, k: int, s: int = 1, p: int = 0, a: int = 0) -> int:
    """The output size of ConvTranspose2d, along both axes."""
    numbers = {"kernel_size": k, "stride": s, "padding": p, "output_padding": a}
    layer = {"in_channels": 1, "out_channels": 1, **numbers}
    made = output_shape("ConvTranspose2d", layer, [1, 1, i, i])
    assert made.output_shape[2] == made.output_shape[3]
    return made.output_shape[2]


def test_relationship_1_no_padding_unit_strides() -> None:
    for i in INPUTS:
        for k in range(1, i + 1):
            assert convolved(i, k) == (i - k) + 1


def test_relationship_2_zero_padding_unit_strides() -> None:
    for i in INPUTS:
        for k in KERNELS:
            for p in PADDINGS:
                if i + 2 * p >= k:
                    assert convolved(i, k, p=p) == (i - k) + 2 * p + 1


def test_relationship_3_half_padding_keeps_the_size() -> None:
    for i in INPUTS:
        for n in range(3):
            k = 2 * n + 1
            assert convolved(i, k, p=k // 2) == i


def test_relationship_4_full_padding_grows_the_size() -> None:
    for i in INPUTS:
        for k in KERNELS:
            assert convolved(i, k, p=k - 1) == i + (k - 1)


def test_relationship_5_no_padding_strides() -> None:
    for i in INPUTS:
        for k in range(1, i + 1):
            for s in STRIDES:
                assert convolved(i, k, s) == math.floor((i - k) / s) + 1


def test_relationship_6_padding_and_strides() -> None:
    for i in INPUTS:
        for k in KERNELS:
            for s in STRIDES:
                for p in PADDINGS:
                    if i + 2 * p >= k:
                        assert convolved(i, k, s, p) == math.floor((i + 2 * p - k) / s) + 1


@pytest.mark.parametrize("kind", ["MaxPool2d", "AvgPool2d"])
def test_relationship_7_pooling_without_padding(kind: str) -> None:
    for i in INPUTS:
        for k in range(1, i + 1):
            for s in STRIDES:
                made = output_shape(kind, {"kernel_size": k, "stride": s}, [1, 1, i, i])
                assert made.output_shape[2:] == (math.floor((i - k) / s) + 1,) * 2


def test_relationship_8_transposed_no_padding_unit_strides() -> None:
    for i in INPUTS:
        for k in KERNELS:
            assert transposed(i, k) == i + (k - 1)
            # It is a convolution of the same kernel with a padding of k - 1.
            assert transposed(i, k) == convolved(i, k, p=k - 1)


def test_relationship_9_transposed_zero_padding_unit_strides() -> None:
    for i in INPUTS:
        for k in KERNELS:
            for p in range(k):
                if i + (k - 1) - 2 * p >= 1:
                    assert transposed(i, k, p=p) == i + (k - 1) - 2 * p


def test_relationship_10_transposed_half_padding_keeps_the_size() -> None:
    for i in INPUTS:
        for n in range(3):
            k = 2 * n + 1
            assert transposed(i, k, p=k // 2) == i


def test_relationship_11_transposed_full_padding_shrinks_the_size() -> None:
    for k in KERNELS:
        for i in range(k, 14):
            assert transposed(i, k, p=k - 1) == i - (k - 1)


def test_relationship_12_transposed_no_padding_strides() -> None:
    for k in KERNELS:
        for s in STRIDES:
            for i in range(k, 14):
                if (i - k) % s == 0:
                    small = convolved(i, k, s)
                    assert transposed(small, k, s) == s * (small - 1) + k == i


def test_relationship_13_transposed_padding_and_strides() -> None:
    for k in KERNELS:
        for s in STRIDES:
            for p in range(k):
                for i in range(max(1, k - 2 * p), 14):
                    if (i + 2 * p - k) % s == 0:
                        small = convolved(i, k, s, p)
                        assert transposed(small, k, s, p) == s * (small - 1) + k - 2 * p == i


def test_relationship_14_the_output_padding_tells_sizes_apart() -> None:
    for k in KERNELS:
        for s in STRIDES:
            for p in range(k):
                for i in range(max(1, k - 2 * p), 14):
                    a = (i + 2 * p - k) % s
                    small = convolved(i, k, s, p)
                    expected = s * (small - 1) + a + k - 2 * p
                    assert transposed(small, k, s, p, a) == expected == i


def test_dilation_spreads_the_kernel() -> None:
    """The guide's section on dilated convolutions: k becomes k + (k - 1)(d - 1)."""
    for i in INPUTS:
        for k in KERNELS:
            for d in range(1, 4):
                spread = k + (k - 1) * (d - 1)
                if i >= spread:
                    layer = {"in_channels": 1, "out_channels": 1, "kernel_size": k, "dilation": d}
                    made = output_shape("Conv1d", layer, [1, 1, i])
                    assert made.output_shape[2] == (i - spread) + 1


@pytest.mark.parametrize(("i", "k", "s", "p"), [(5, 3, 2, 1), (6, 3, 2, 1), (5, 4, 1, 2)])
def test_the_figures_of_the_guide_are_those_of_torch(i: int, k: int, s: int, p: int) -> None:
    made = nn.Conv2d(1, 1, k, s, p)(torch.zeros(1, 1, i, i))
    assert convolved(i, k, s, p) == made.shape[2]
