"""What only agrees with a trace for the first input is not captured, and neither is what fails."""

from __future__ import annotations

from collections.abc import Callable
from types import MethodType

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from server.engine.trace import trace_model
from server.engine.watch import Diverged
from tests.unit.engine.test_capture import assert_same, captured


def small() -> Tensor:
    """Values from 0 to 1, in which limits are not felt."""
    return torch.rand(2, 6)


def large() -> Tensor:
    return torch.randn(2, 6) * 50


def assert_captures_are_traces(model: nn.Module, first: Tensor, *others: Tensor) -> None:
    """A capture made with the first input, if any can be, is right about all."""
    capture = captured(model, first)
    for other in (first, *others):
        expected = trace_model(model, other, keep=True)
        result = None
        if capture is not None:
            try:
                result = capture.run(other)
            except Diverged:
                continue  # a trace is made then
        if result is not None:
            assert_same(result.nodes, expected.nodes)
            torch.testing.assert_close(result.output, expected.output, rtol=0, atol=0)


class Limited(nn.Module):
    """Writes to what a layer gave, in a way that small values do not show."""

    def __init__(self, limit: Callable[[Tensor], object]) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 6)
        self.limit = limit

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.linear(x)
        self.limit(y)
        return y + 1


@pytest.mark.parametrize(
    "limit",
    [
        lambda y: y.data.clamp_(-2, 2),
        lambda y: y.clamp_(-2, 2),
        lambda y: torch.clamp(y, -2, 2, out=y),
        lambda y: y.detach().view(-1).clamp_(max=2),
    ],
    ids=["by its data", "in place", "as an output", "by a view without gradient"],
)
def test_writes_that_small_values_do_not_show(limit: Callable[[Tensor], object]) -> None:
    torch.manual_seed(0)
    assert_captures_are_traces(Limited(limit), small(), large())


class Overwriting(nn.Module):
    """A layer of a reader's own that writes to what it is given."""

    def forward(self, x: Tensor) -> Tensor:
        return x.clamp_(0, 1)


@pytest.mark.parametrize("make", [lambda: nn.ReLU(inplace=True), Overwriting])
@pytest.mark.parametrize("hooked", [False, True])
def test_what_a_layer_took_is_what_it_was_before_the_layer(
    make: Callable[[], nn.Module], hooked: bool
) -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = make()
            self.linear = nn.Linear(6, 6)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.linear(self.layer(x))
            return y + x

    torch.manual_seed(0)
    model = Model()
    if hooked:
        model.layer.register_forward_hook(lambda module, given, output: None)
    assert_captures_are_traces(model, small(), large())


def test_an_input_is_not_written_to() -> None:
    class Halving(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(6, 6)

        def forward(self, x: Tensor) -> Tensor:
            x *= 0.5
            y: Tensor = self.linear(x)
            return y + x

    torch.manual_seed(0)
    model, first = Halving().eval(), small()
    before = first.clone()
    capture = captured(model, first)
    assert torch.equal(first, before)
    assert capture is not None
    for _ in range(2):
        assert_same(capture.run(first).nodes, trace_model(model, before, keep=True).nodes)
        assert torch.equal(first, before)


def test_memory_that_the_next_run_uses_again_is_copied() -> None:
    work = {kind: torch.zeros(2, 6, device=kind) for kind in ("cpu", "meta")}

    class Working(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            torch.mul(x, 2, out=work[x.device.type])
            return work[x.device.type]

    torch.manual_seed(0)
    model, first = nn.Sequential(nn.Linear(6, 6), Working(), nn.ReLU()), small()
    with torch.no_grad():
        model(first)
    capture = captured(model, first)
    assert capture is not None
    result = capture.run(first)
    expected = [[tensor.clone() for tensor in node.outputs] for node in result.nodes]
    capture.run(large())
    for node, outputs in zip(result.nodes, expected, strict=True):
        for found, wanted in zip(node.outputs, outputs, strict=True):
            assert torch.equal(found, wanted), node.name


def test_a_class_with_another_forward_is_called_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    monkeypatch.setattr(nn.ReLU, "forward", lambda layer, x: functional.relu6(x))
    assert_captures_are_traces(nn.Sequential(nn.Linear(6, 6), nn.ReLU()), small(), large())


def around(layer: nn.Conv2d, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Pads with the other side, as who tiles images does."""
    return functional.conv2d(functional.pad(x, (1, 1, 1, 1), mode="circular"), weight, bias)


@pytest.mark.parametrize("everywhere", [False, True])
@pytest.mark.parametrize("late", [False, True])
def test_a_convolution_that_pads_by_another_method_does(
    everywhere: bool, late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.ReLU()).eval()
    dark = functional.pad(torch.rand(1, 1, 6, 6), (1, 1, 1, 1))
    capture = captured(model, dark) if late else None
    if everywhere:
        monkeypatch.setattr(nn.Conv2d, "_conv_forward", around)
    else:
        vars(model[0])["_conv_forward"] = MethodType(around, model[0])
    if capture is None:
        return assert_captures_are_traces(model, dark, torch.rand(1, 1, 8, 8))
    bright = torch.rand(1, 1, 8, 8)
    return assert_same(capture.run(bright).nodes, trace_model(model, bright, keep=True).nodes)


class Static(nn.Module):
    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return functional.silu(x)


class Borrowed(nn.Module):
    forward = torch.sigmoid


@pytest.mark.parametrize("layer", [Static, Borrowed])
def test_layers_whose_forward_is_no_method(layer: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    assert_captures_are_traces(nn.Sequential(nn.Linear(6, 6), layer()), small(), large())


class Inferring(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 6)

    @torch.inference_mode()
    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.linear(x)
        return y.relu_()


class Differentiating(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 6)

    def forward(self, x: Tensor) -> Tensor:
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(self.linear(x).sum(), x)
        return gradient * x


class Turning(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        turned: Tensor = torch.fft.rfft(x).conj()
        return turned.abs()


@pytest.mark.parametrize(
    ("make", "dtype"),
    [
        (lambda: nn.Sequential(nn.Linear(6, 6), nn.ReLU()), torch.bfloat16),
        (lambda: nn.DataParallel(nn.Sequential(nn.Linear(6, 6), nn.ReLU())), torch.float32),
        (Inferring, torch.float32),
        (Differentiating, torch.float32),
        (Turning, torch.float32),
    ],
    ids=["bfloat16", "data parallel", "inference mode", "gradients", "conjugates"],
)
def test_no_kind_of_model_makes_a_capture_fail(
    make: Callable[[], nn.Module], dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    model = make().to(dtype)
    assert_captures_are_traces(model, small().to(dtype), large().to(dtype))


def test_a_view_where_there_was_a_copy_is_seen_by_how_the_input_lies() -> None:
    class Reshaping(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            y = x + 1
            z = y.reshape(2, -1)
            z.relu_()
            return y * 2

    torch.manual_seed(0)
    images = torch.randn(2, 2, 3, 4, 4)
    turned = images[0].contiguous(memory_format=torch.channels_last)
    assert_captures_are_traces(Reshaping(), turned, images[1])
    assert_captures_are_traces(Reshaping(), images[0], turned)


def test_a_model_that_fails_for_other_values_is_only_traced() -> None:
    class Fragile(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(6, 6)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.linear(x)
            if y.device.type != "meta" and y.abs().max() > 3:
                raise ValueError("These values are too large.")
            return y

    torch.manual_seed(0)
    assert captured(Fragile(), small()) is None
