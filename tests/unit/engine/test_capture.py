"""Captures hold what a whole trace of the same input holds, and refuse where they could not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations

from models import ARCHITECTURES
from server.engine.capture import Capture, capture_of
from server.engine.node import Node
from server.engine.trace import trace_model
from server.engine.watch import Diverged


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


class Block(nn.Module):
    """A residual block as torchvision writes it: one activation, in place, called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.last = nn.ReLU6(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.second(self.relu(self.first(x)))
        y += x
        y = self.relu(y)
        y = functional.hardtanh(y.mul_(3), -0.5, 2.0, inplace=True)
        last: Tensor = self.last(y.clamp_(max=1.5) - 0.2)
        return last


class Unreturned(nn.Module):
    """Goes on with the tensor that was written to, and not with what the call returned."""

    def __init__(self, again: Callable[[Tensor], Tensor], *, shared: bool = False) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 6)
        self.relu = nn.ReLU(inplace=True)
        self.again = again
        self.shared = shared

    def forward(self, x: Tensor) -> Tensor:
        if self.shared:  # where the returned one is used
            x = self.relu(self.layer(x))
        x = self.layer(x)
        self.relu(x)
        return self.again(x)


@pytest.mark.parametrize(
    ("make", "shape", "apart", "copied"),
    [
        (Block, (1, 4, 6, 6), 7, 0),
        (lambda: Unreturned(lambda x: x + 1), (2, 6), 0, 1),
        (lambda: Unreturned(lambda x: x + 1, shared=True), (2, 6), 0, 2),
        (lambda: Unreturned(lambda x: x), (2, 6), 0, 1),
        (lambda: Unreturned(lambda x: x[:, :2].sum(1)), (2, 6), 0, 1),
        (lambda: Unreturned(lambda x: x.view(3, 4)), (2, 6), 0, 1),
        (lambda: Unreturned(lambda x: torch.cat([x, x])), (2, 6), 0, 1),
        (lambda: Unreturned(lambda x: x.shape[0] * torch.ones(2)), (2, 6), 1, 0),
    ],
)
def test_what_is_written_to_is_copied_only_where_it_is_looked_at_again(
    make: Callable[[], nn.Module], shape: tuple[int, ...], apart: int, copied: int
) -> None:
    torch.manual_seed(0)
    model = make()
    inputs = torch.randn(4, *shape)
    capture = captured(model, inputs[0])
    assert capture is not None
    for x in inputs:
        result = capture.run(x)
        expected = trace_model(model, x, keep=True)
        assert_same(result.nodes, expected.nodes)
        torch.testing.assert_close(result.output, expected.output, rtol=0, atol=0)
    assert sum(step.is_apart for step in result.steps) == apart
    assert sum(step.copies_made for step in result.steps) == copied
    assert all(vars(module).get("inplace", True) for module in model.modules())


def test_an_activation_in_place_that_gets_a_hook_overwrites_nothing() -> None:
    torch.manual_seed(0)
    layer, rectifier = nn.Linear(3, 3), nn.ReLU(inplace=True)
    model = nn.Sequential(layer, rectifier)
    capture = captured(model, torch.randn(2, 3))
    assert capture is not None
    seen = []
    rectifier.register_forward_hook(lambda _, args, output: seen.append(output))
    x = torch.randn(2, 3)
    linear, activation = (node.outputs[0] for node in capture.run(x).nodes)
    assert torch.equal(linear, layer(x))
    assert torch.equal(activation, linear.relu())
    assert len(seen) == 1
    assert rectifier.inplace is True


def test_a_layer_that_changes_after_the_capture_is_called_as_it_is_then() -> None:
    torch.manual_seed(0)
    convolution, normalisation = nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2)
    model = nn.Sequential(convolution, normalisation, nn.MaxPool2d(2))
    x = torch.randn(1, 1, 6, 6)
    capture = captured(model, x)
    assert capture is not None
    convolution.padding_mode = "circular"
    normalisation.eps = 0.5
    parametrizations.weight_norm(convolution)
    with torch.no_grad():
        convolution.weight = 3 * convolution.weight
        expected = [model[:end](x) for end in (1, 2, 3)]
    for node, wanted in zip(capture.run(x).nodes, expected, strict=True):
        assert torch.equal(node.outputs[0], wanted), node.name


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
    before = [set(vars(module)) for module in model.modules()]
    capture = captured(model, torch.rand(2, 3))
    assert capture is not None
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        capture.run(torch.rand(2, 4))
    assert not any(module._forward_hooks for module in model.modules())
    assert [vars(module).keys() for module in model.modules()] == before
    assert torch.add(torch.ones(1), 1).item() == 2


def test_what_hooks_of_its_own_and_a_replaced_forward_return_is_kept() -> None:
    hooked, replaced = nn.Linear(3, 3), nn.ReLU()
    hooked.register_forward_hook(lambda _, __, output: output - 1)
    replaced.forward = lambda x: x.clamp(min=0.5)  # type: ignore[method-assign, assignment]
    own = replaced.forward
    model = nn.Sequential(hooked, replaced, nn.Linear(3, 2))
    capture = captured(model, torch.rand(2, 3))
    assert capture is not None
    x = torch.rand(2, 3)
    first, second, last = (node.outputs[0] for node in capture.run(x).nodes)
    assert torch.equal(first, hooked(x))
    assert torch.equal(second, replaced(hooked(x)))
    assert torch.equal(last, model(x))
    assert replaced.forward is own
    assert len(hooked._forward_hooks) == 1


class Called(nn.Linear):
    """Does more when it is called than its forward."""

    calls: ClassVar[list[None]] = []

    def __call__(self, x: Tensor) -> Tensor:
        self.calls.append(None)
        result: Tensor = super().__call__(x)
        return result


@pytest.mark.parametrize("on_all", [False, True], ids=["of a layer", "of all"])
def test_hooks_before_a_layer_are_run(on_all: bool) -> None:
    torch.manual_seed(0)
    plain, hooked, called = nn.Linear(3, 3), nn.Linear(3, 3), Called(3, 3)
    model = nn.Sequential(plain, hooked, called, nn.ReLU())
    x = torch.randn(2, 3)
    capture = captured(model, x)
    assert capture is not None

    def doubled(module: nn.Module, args: Any) -> Any:
        return 2 * args[0] if module is hooked else None

    register = nn.modules.module.register_module_forward_pre_hook
    handle = register(doubled) if on_all else hooked.register_forward_pre_hook(doubled)
    try:
        before = len(Called.calls)
        nodes = capture.run(x).nodes
        assert len(Called.calls) == before + 1
        expected = [model[:end](x) for end in (1, 2, 3, 4)]
    finally:
        handle.remove()
    assert torch.equal(
        expected[1], nn.functional.linear(2 * expected[0], hooked.weight, hooked.bias)
    )
    for node, wanted in zip(nodes, expected, strict=True):
        assert torch.equal(node.outputs[0], wanted), node.name


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
