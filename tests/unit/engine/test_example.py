"""What models can be given, and on which device it goes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from server.engine.example import Values, as_inputs, device_of
from server.engine.trace import trace_model
from tests.support.broken import Calling

SHAPE = (1, 3, 8, 8)


def convolution(**options: Any) -> nn.Conv2d:
    return nn.Conv2d(3, 4, 3, **options)


@pytest.mark.parametrize(
    ("example", "error", "message"),
    [
        ((1, 3, -1, 8), ValueError, r"no negative sizes; this one is \(1, 3, -1, 8\)"),
        ((1, 3, 10**10, 10**10), ValueError, "more elements than PyTorch can count"),
        ((1, 3, 0, 10**19), ValueError, "more elements than PyTorch can count"),
        ((1, 3.0, 8, 8), TypeError, "whole numbers"),
        ((1, 3, True, 8), TypeError, "whole numbers"),
        ((), ValueError, "empty"),
        ({}, ValueError, "empty"),
        ("1x3x8x8", TypeError, "not str"),
        (None, TypeError, "not NoneType"),
        (torch.zeros(SHAPE).numpy(), TypeError, "not ndarray"),
        (torch.zeros(4, 8).to_sparse(), ValueError, "dense tensor.*sparse_coo.*to_dense"),
    ],
)
def test_examples_that_are_none(example: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        trace_model(convolution(), example)


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
def test_inputs_that_are_quantised() -> None:
    given = torch.quantize_per_tensor(torch.zeros(SHAPE), 1, 0, torch.quint8)
    with pytest.raises(ValueError, match=r"quantised tensor.*dequantize"):
        trace_model(convolution(), given)


def test_values_are_made_when_they_are_needed_and_are_always_the_same() -> None:
    inputs = as_inputs(SHAPE, convolution(dtype=torch.bfloat16))
    assert inputs.args == (Values(SHAPE, torch.bfloat16),)
    random = torch.get_rng_state()
    first, second = (inputs.to(torch.device("cpu")).args[0] for _ in range(2))
    assert torch.equal(torch.get_rng_state(), random)
    assert torch.equal(first, second)
    assert first.dtype == torch.bfloat16
    assert 0 <= float(first.min()) < float(first.max()) <= 1
    assert inputs.to(torch.device("meta")).args[0].is_meta


def test_counters_on_the_cpu_do_not_make_several_devices() -> None:
    model = nn.BatchNorm2d(3, device="meta")
    model.num_batches_tracked = torch.tensor(0)
    assert device_of(model).type == "meta"


def test_a_model_without_parameters_runs_on_the_cpu() -> None:
    model = Calling(lambda _, x: F.relu(x) if x.sum() > 0 else x)
    assert device_of(model).type == "cpu"
    assert trace_model(model, SHAPE).device.type == "cpu"
    assert as_inputs(SHAPE, model).args == (Values(SHAPE, torch.float32),)


def test_inputs_go_to_the_device_of_the_model() -> None:
    given = torch.rand(SHAPE)
    moved = as_inputs((given, SHAPE), convolution()).to(torch.device("meta"))
    assert all(tensor.is_meta for tensor in moved.tensors())
    copied = as_inputs(given, convolution()).to(torch.device("cpu")).args[0]
    assert torch.equal(copied, given)
    assert copied.data_ptr() != given.data_ptr()
