"""Captures hold what a whole trace of the same input holds, and refuse where they could not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from models import ARCHITECTURES
from server.engine.capture import Capture, Diverged, capture_of
from server.engine.node import Node
from server.engine.trace import trace_model


def captured(model: nn.Module, example: Tensor) -> Capture | None:
    model.eval()
    kept = trace_model(model, example, keep=True)
    return capture_of(model, trace_model(model, example), kept, example)


def assert_same(nodes: list[Node], expected: tuple[Node, ...]) -> None:
    assert [node.name for node in nodes] == [node.name for node in expected]
    for node, other in zip(nodes, expected, strict=True):
        assert len(node.outputs) == len(other.outputs) > 0, node.name
        for output, wanted in zip(node.outputs, other.outputs, strict=True):
            torch.testing.assert_close(output, wanted, rtol=0, atol=0, msg=node.name)
        assert node.given is not None
        assert other.given is not None
        assert node.given.function == other.given.function
        taken, wanted_operands = [*node.given.operands()], [*other.given.operands()]
        assert [operand.input for operand in taken] == [
            operand.input for operand in wanted_operands
        ]
        for operand, wanted_operand in zip(taken, wanted_operands, strict=True):
            torch.testing.assert_close(
                operand.tensor, wanted_operand.tensor, rtol=0, atol=0, msg=node.name
            )


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_capture_of_another_input_is_what_a_trace_of_it_keeps(name: str) -> None:
    torch.manual_seed(0)
    model = ARCHITECTURES[name].build()
    first, second = torch.rand(2, 1, 1, 28, 28)
    capture = captured(model, first)
    assert capture is not None
    result = capture.run(second)
    expected = trace_model(model, second, keep=True)
    assert_same(result.nodes, expected.nodes)
    torch.testing.assert_close(result.output, expected.output, rtol=0, atol=0)


class InPlace(nn.Module):
    """Writes to what layers gave, by modules, functions, operators, slices and other views."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 4, 3)
        self.activation = nn.ReLU(inplace=True)
        self.other = nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.activation(self.convolution(x))
        z: Tensor = self.other(y)
        view = z[:, :2]
        y += z
        view *= 2
        z[:, 3] = 1.5
        functional.relu_(z)
        return y + z.transpose(2, 3).contiguous()


class Shared(nn.Module):
    """Calls a layer three times, two of them in a row, and one that uses functions inside."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 6)
        self.custom = Custom()

    def forward(self, x: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        x = self.layer(self.layer(x))
        low, high = self.custom(x).chunk(2, dim=-1)
        return self.layer(torch.cat([high, low], -1)), {"low": low.relu()}


class Custom(nn.Module):
    """A layer of a reader's own."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x.relu()[..., :4], x[..., :2]], -1)


class WithKeywords(nn.Module):
    """Arguments by name, a constant, properties of tensors, a layer that gives two tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, x: Tensor) -> Tensor:
        n, length, _ = x.shape
        places = torch.arange(length, dtype=x.dtype, device=x.device).view(1, length, 1)
        x = torch.add(input=x, other=places, alpha=0.1)
        weights: Tensor
        x, weights = self.attention(query=x, key=x, value=x)
        return (x.mT * self.scale).reshape(n, -1) + weights.mean()


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (InPlace, (1, 1, 8, 8)),
        (Shared, (2, 6)),
        (WithKeywords, (1, 5, 8)),
        (lambda: nn.Sequential(nn.Flatten(), nn.Identity(), nn.Dropout(), nn.ReLU()), (1, 2, 3)),
        (lambda: nn.Sequential(nn.LSTM(4, 3, batch_first=True)), (1, 5, 4)),
    ],
    ids=["in place", "shared", "keywords", "passed through", "recurrent"],
)
def test_awkward_networks_are_captured_as_they_are_traced(
    make: Callable[[], nn.Module], shape: tuple[int, ...]
) -> None:
    torch.manual_seed(0)
    model = make()
    first, second = torch.randn(2, *shape)
    capture = captured(model, first)
    assert capture is not None
    before = second.clone()
    result = capture.run(second)
    assert torch.equal(second, before)
    assert_same(result.nodes, trace_model(model, second, keep=True).nodes)
    assert not any(module._forward_hooks for module in model.modules())


class Stateful(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return x * self.calls


class Remembering(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(3))
        self.mean: Tensor

    def forward(self, x: Tensor) -> Tensor:
        self.mean.mul_(0.9).add_(x.mean(0), alpha=0.1)
        return x - self.mean


class Choosing(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.relu() if x.sum() > 0 else x.sigmoid()


class Noisy(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.randn_like(x)


@pytest.mark.parametrize("make", [Stateful, Remembering, Choosing, Noisy])
def test_networks_that_do_not_do_the_same_each_time_are_only_traced(
    make: Callable[[], nn.Module],
) -> None:
    model = make()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert captured(model, torch.rand(2, 3)) is None
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_script_modules_are_only_traced() -> None:
    scripted = torch.jit.script(nn.Sequential(nn.Linear(3, 3), nn.ReLU()))
    assert captured(scripted, torch.rand(2, 3)) is None


class Switched(nn.Module):
    """Does something else when an attribute of another object says so."""

    def __init__(self, switch: dict[str, Any]) -> None:
        super().__init__()
        self.held = (switch,)
        self.layer = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer(x)
        if self.held[0]["short"]:
            return x[:, :1].relu()
        return x.relu() if not self.held[0]["less"] else x


def test_a_run_that_goes_another_way_is_told() -> None:
    switch = {"short": False, "less": False}
    model = Switched(switch)
    x = torch.rand(2, 3)
    capture = captured(model, x)
    assert capture is not None
    switch["less"] = True
    with pytest.raises(Diverged, match="relu did not run"):
        capture.run(x)
    switch.update(less=False, short=True)
    with pytest.raises(Diverged, match=r"relu gave \(2, 1\)"):
        capture.run(x)
    switch["short"] = False
    assert len(capture.run(x).nodes) == 2


def test_an_error_of_the_model_leaves_no_hooks() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.ReLU())
    capture = captured(model, torch.rand(2, 3))
    assert capture is not None
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        capture.run(torch.rand(2, 4))
    assert not any(module._forward_hooks for module in model.modules())
    assert torch.add(torch.ones(1), 1).item() == 2


class Shown(nn.Module):
    """Gives its own parameter away as a result."""

    def __init__(self) -> None:
        super().__init__()
        self.template = nn.Parameter(torch.ones(3))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.template.view(1, 3)


def test_what_was_captured_does_not_change_with_the_weights() -> None:
    model = Shown()
    capture = captured(model, torch.zeros(1, 3))
    assert capture is not None
    nodes = capture.run(torch.zeros(1, 3)).nodes
    with torch.no_grad():
        model.template.fill_(7)
    assert [node.output.flatten().tolist() for node in nodes] == [[1.0] * 3] * len(nodes)
    assert capture.run(torch.zeros(1, 3)).nodes[-1].output.tolist() == [[7.0] * 3]
