"""What the meta device refuses or accepts is what a real run would."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from server.engine.trace import ForwardFailed, trace_model
from tests.support.broken import Calling


def test_the_error_is_that_of_a_real_run() -> None:
    """The meta device has other words for it: "Invalid channel dimensions"."""
    model = nn.Sequential(nn.Conv2d(4, 8, 3))
    x = torch.rand(1, 3, 8, 8)
    with pytest.raises(RuntimeError) as real:
        model(x)
    for keep in (False, True):
        with pytest.raises(ForwardFailed) as info:
            trace_model(model, (1, 3, 8, 8), keep=keep)
        assert str(info.value.__cause__) == str(real.value)


@pytest.mark.parametrize("values_needed", [False, True])
def test_a_mismatch_of_shapes_is_not_run_really(values_needed: bool) -> None:
    devices: list[str] = []

    def function(self: Any, x: Tensor) -> Tensor:
        devices.append(x.device.type)
        if values_needed and bool(x.sum() > 1e9):
            return x
        result: Tensor = self.convolution(x)
        return result

    model = Calling(function, convolution=nn.Conv2d(4, 8, 3))
    with pytest.raises(ForwardFailed):
        trace_model(model, (1, 3, 8, 8))
    assert ("cpu" in devices) == values_needed


def test_what_only_the_meta_device_accepts_is_refused() -> None:
    cases: list[tuple[nn.Module, Tensor]] = [
        (nn.Linear(4, 2), torch.zeros(1, 4, dtype=torch.uint8)),
        (nn.Linear(4, 2), torch.zeros(1, 3, 4, dtype=torch.float64)),
        (nn.ConvTranspose2d(3, 4, 3), torch.zeros(1, 5, 8, 8)),
        (nn.ConvTranspose2d(3, 4, 3), torch.zeros(1, 3, 8, 8, dtype=torch.uint8)),
        (nn.ConvTranspose2d(3, 4, 3, output_padding=1), torch.zeros(1, 3, 8, 8)),
        (nn.BatchNorm2d(3), torch.zeros(1, 3, 8, 8, dtype=torch.float64)),
        (nn.LayerNorm(8), torch.zeros(1, 3, 8, 8, dtype=torch.float64)),
        (nn.GroupNorm(1, 3), torch.zeros(1, 3, 8, 8, dtype=torch.float64)),
        (nn.AdaptiveAvgPool2d(2), torch.zeros(1, 3, 8, 8, dtype=torch.int64)),
        (nn.AdaptiveAvgPool2d(2), torch.zeros(1, 3, 0, 8)),
        (nn.Softmax(1), torch.zeros(1, 3, dtype=torch.int64)),
        (nn.GELU(), torch.zeros(1, 3, dtype=torch.int64)),
        (Calling(lambda _, x: x.double() @ x.transpose(0, 1)), torch.zeros(2, 3)),
    ]
    for model, x in cases:
        with pytest.raises((RuntimeError, NotImplementedError)) as real:
            model.eval()(x)
        with pytest.raises(ForwardFailed) as info:
            trace_model(model, x)
        assert str(info.value.__cause__) == str(real.value), model


def test_what_real_operators_accept_is_not_refused() -> None:
    cases: list[tuple[nn.Module, Tensor]] = [
        (nn.BatchNorm2d(3), torch.zeros(1, 3, 8, 8, dtype=torch.bfloat16)),
        (nn.LayerNorm(8), torch.zeros(1, 3, 8, 8, dtype=torch.bfloat16)),
        (nn.BatchNorm2d(3).half(), torch.zeros(1, 3, 8, 8, dtype=torch.float16)),
        (
            nn.ConvTranspose2d(4, 6, 3, stride=2, output_padding=1, groups=2),
            torch.zeros(1, 4, 8, 8),
        ),
        (nn.AdaptiveAvgPool2d(2), torch.zeros(0, 3, 8, 8)),
        (nn.MaxPool2d(2), torch.zeros(1, 3, 8, 8, dtype=torch.int64)),
        (nn.Linear(4, 2, dtype=torch.complex64), torch.zeros(1, 4, dtype=torch.complex64)),
        (Calling(lambda _, x: x @ x), torch.zeros(3, 3, dtype=torch.int64)),
    ]
    for model, x in cases:
        expected = model.eval()(x)
        trace = trace_model(model, x)
        assert trace.device.type == "meta", model
        assert trace.output.shape == expected.shape
