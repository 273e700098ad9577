"""A number of a network that ran is changed; the shape doctor has to find what it was."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from server.engine.doctor.diagnosis import Repair
from server.engine.trace import ForwardFailed, trace_model
from tests.support.broken import repaired


@dataclass(frozen=True)
class Fault:
    """A network in which one number was changed."""

    model: nn.Module
    shape: tuple[int, ...]
    path: str
    parameter: str
    true: int


@st.composite
def faults(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Fault:
    """A small network with a linear head that runs, with one number changed so that it does not."""
    side = draw(st.integers(8, 24))
    channels = draw(st.integers(1, 4))
    shape = (1, channels, side, side)
    layers: list[nn.Module] = []
    for _ in range(draw(st.integers(1, 3))):
        wider = draw(st.integers(2, 6))
        kernel, stride = draw(st.integers(1, 4)), draw(st.integers(1, 2))
        layers.append(nn.Conv2d(channels, wider, kernel, stride, draw(st.integers(0, 1))))
        channels = wider
        extra: list[nn.Module] = [nn.BatchNorm2d(channels), nn.ReLU(), nn.MaxPool2d(2)]
        layers += draw(st.lists(st.sampled_from(extra), max_size=2, unique=True))
    body = nn.Sequential(*layers).eval()
    try:
        features = body(torch.rand(shape)).numel()
    except RuntimeError:
        assume(False)
    layers += [nn.Flatten(), nn.Linear(features, 3)]
    breakable = [
        (index, parameter)
        for index, layer in enumerate(layers)
        for parameter in (*("in_features", "in_channels", "num_features", "kernel_size", "stride"),)
        if hasattr(layer, parameter)
    ]
    index, parameter = draw(st.sampled_from(breakable))
    value = getattr(layers[index], parameter)
    true = value[0] if isinstance(value, tuple) else value
    wrong = true + draw(st.sampled_from([-2, -1, 1, 2, 3]))
    assume(wrong > 0)
    model = with_value(nn.Sequential(*layers), str(index), parameter, wrong)
    return Fault(model, shape, str(index), parameter, true)


def with_value(model: nn.Module, path: str, parameter: str, value: int) -> nn.Module:
    """A copy with another value of one argument of one layer."""
    repair = Repair("module", path, parameter, value, "", True)
    changed, _ = repaired(copy.deepcopy(model), torch.zeros(()), repair)
    return changed.eval()


def fitting(fault: Fault) -> Iterator[int]:
    """All values up to 16 of the parameter with which PyTorch runs the network."""
    largest = 16 if fault.parameter in ("kernel_size", "stride") else 0
    for value in sorted({*range(1, largest), fault.true}):
        try:
            model = with_value(fault.model, fault.path, fault.parameter, value)
            model(torch.rand(fault.shape))
        except (RuntimeError, ValueError):
            continue
        yield value


@settings(max_examples=25, deadline=None)
@given(faults())
def test_the_value_that_was_broken_is_among_the_repairs(fault: Fault) -> None:
    try:
        fault.model.eval()(torch.rand(fault.shape))
    except (RuntimeError, ValueError):
        pass
    else:
        assume(False)
    with pytest.raises(ForwardFailed) as info:
        trace_model(fault.model, fault.shape)
    repairs = info.value.diagnosis.repairs
    found = [(one.module_path, one.parameter, one.value) for one in repairs if one.completes]
    for repair in repairs:
        if repair.kind in ("module", "input"):
            model, x = repaired(copy.deepcopy(fault.model), torch.rand(fault.shape), repair)
            if repair.completes:
                model.eval()(x)
    if list(fitting(fault)) == [fault.true]:
        assert (fault.path, fault.parameter, fault.true) in found
