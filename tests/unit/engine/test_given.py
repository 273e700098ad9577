"""Traces keep what each call was given, as it was at the time of the call."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from server.engine.node import Node
from server.engine.trace import Trace, trace_model


class Applied(nn.Module):
    """A function as a model, with some layers."""

    shift: Tensor

    def __init__(self, function: Callable[[Applied, Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function
        self.convolution = nn.Conv2d(2, 2, 3, padding=1)
        self.activation = nn.ReLU(inplace=True)
        self.scale = nn.Parameter(torch.full((2, 1, 1), 3.0))
        self.register_buffer("shift", torch.full((2, 1, 1), 5.0))

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)


def operands(node: Node) -> list[Tensor]:
    assert node.given is not None
    return [operand.tensor for operand in node.given.operands() if operand.input is not None]


def kept(function: Callable[[Applied, Tensor], Tensor]) -> tuple[Trace, Applied, Tensor]:
    torch.manual_seed(0)
    model = Applied(function)
    x = torch.randn(1, 2, 5, 5)
    return trace_model(model, x, keep=True), model, x


def test_in_place_activations_read_what_was_there_before() -> None:
    def forward(self: Applied, x: Tensor) -> Tensor:
        y = self.activation(self.convolution(x))
        y += x
        result: Tensor = self.activation(y)
        return result

    trace, model, x = kept(forward)
    with torch.no_grad():
        convolved = model.convolution(x)
    assert torch.equal(operands(trace["convolution"])[0], x)
    (before,) = operands(trace["activation"])
    assert torch.equal(before, convolved)
    assert (before < 0).any()
    added = operands(trace["add"])
    assert torch.equal(added[0], convolved.relu())
    assert torch.equal(added[1], x)
    assert torch.equal(operands(trace["activation@1"])[0], convolved.relu() + x)
    assert trace["activation@1"].inputs == ("add",)


def test_what_is_kept_already_is_not_copied() -> None:
    def forward(self: Applied, x: Tensor) -> Tensor:
        y = self.convolution(x)
        result: Tensor = self.activation(y) + self.convolution(y)
        return result

    trace, _, _ = kept(forward)
    assert operands(trace["activation"])[0] is trace["convolution"].output
    assert operands(trace["convolution@1"])[0] is trace["activation"].output
    (given,) = trace["convolution@1"].given.operands()  # type: ignore[union-attr]
    assert given.kept == ("activation", 0)
    # Both layers read the input as it was given; one copy serves both.
    assert operands(trace["add"])[0] is trace["activation"].output


def test_a_view_of_what_was_overwritten_is_copied() -> None:
    """The writer of a slice is the maker of the whole, but kept the slice only."""

    def forward(self: Applied, x: Tensor) -> Tensor:
        y = self.convolution(x)
        y[:, :1].relu_()
        result: Tensor = self.convolution(y)
        return result

    trace, model, x = kept(forward)
    with torch.no_grad():
        expected = model.convolution(x)
    expected[:, :1].relu_()
    node = trace["convolution@1"]
    assert node.inputs == ("relu",)
    assert trace["relu"].shape == (1, 1, 5, 5)
    assert torch.equal(operands(node)[0], expected)
    (given,) = node.given.operands()  # type: ignore[union-attr]
    assert given.kept is None


def test_the_model_input_may_be_overwritten() -> None:
    def forward(self: Applied, x: Tensor) -> Tensor:
        y = self.convolution(x)
        x.mul_(2)
        return torch.add(self.convolution(x), y)

    trace, _, x = kept(forward)
    assert torch.equal(operands(trace["convolution"])[0], x)
    assert torch.equal(operands(trace["mul"])[0], x)
    assert torch.equal(operands(trace["convolution@1"])[0], x * 2)


def test_reused_modules_and_several_outputs() -> None:
    def forward(self: Applied, x: Tensor) -> Tensor:
        first, second = self.convolution(self.convolution(x)).split(1, dim=1)
        return torch.cat([second, first, second], dim=1)

    trace, model, x = kept(forward)
    with torch.no_grad():
        once = model.convolution(x)
        twice = model.convolution(once)
    assert torch.equal(operands(trace["convolution@1"])[0], once)
    second, first, again = trace["cat"].given.operands()  # type: ignore[union-attr]
    assert (first.kept, second.kept) == (("split", 0), ("split", 1))
    assert torch.equal(second.tensor, twice[:, 1:])
    assert (second.input, first.input, again.input) == (0, 1, 2)
    assert trace["cat"].inputs == ("split",) * 3


def test_constants_are_named_and_other_tensors_copied() -> None:
    def forward(self: Applied, x: Tensor) -> Tensor:
        table = torch.from_numpy(torch.full((2, 1, 1), 7.0).numpy())
        return F.conv2d(x, self.convolution.weight, bias=None) * self.scale + self.shift * table

    trace, model, _ = kept(forward)
    given = trace["conv2d"].given
    assert given is not None
    assert given.function is F.conv2d
    source, weight = given.operands()
    assert (source.input, source.parameter) == (0, None)
    assert (weight.input, weight.parameter) == (None, "convolution.weight")
    assert weight.tensor.data_ptr() == model.convolution.weight.data_ptr()
    assert given.kwargs["bias"] is None
    names = [
        operand.parameter
        for name in ("mul", "mul@1")
        for operand in trace[name].given.operands()  # type: ignore[union-attr]
    ]
    assert {"scale", "shift"} < set(names)


@pytest.mark.parametrize("inference", [False, True])
def test_without_keep_nothing_is_held(inference: bool) -> None:
    model = Applied(lambda self, x: self.activation(self.convolution(x)))
    with torch.inference_mode(inference):
        assert trace_model(model, (1, 2, 5, 5))["activation"].given is None
        node = trace_model(model, (1, 2, 5, 5), keep=True)["activation"]
    assert node.given is not None
    assert (operands(node)[0] < 0).any()
