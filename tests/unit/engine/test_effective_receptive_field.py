"""The effective receptive field is the gradient, averaged over inputs."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from server.engine import trace_model
from server.engine.effective_receptive_field import (
    Stopped,
    Unit,
    effective_receptive_field,
    running_fields,
)


def test_of_one_convolution_it_is_the_size_of_its_weights() -> None:
    model = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.ReLU())
    weight = model[0].weight
    assert isinstance(weight, Tensor)
    x = torch.rand(2, 2, 8, 8)
    found = effective_receptive_field(model, [x, x[:1]], "0", (2, 5), channel=1)
    expected = torch.zeros(8, 8, dtype=torch.float64)
    expected[1:4, 4:7] = weight[1].detach().abs().sum(0).double()
    torch.testing.assert_close(found, expected)
    summed = effective_receptive_field(model, [x], "0", (2, 5))
    expected[1:4, 4:7] = weight.detach().sum(0).abs().sum(0).double()
    torch.testing.assert_close(summed, expected)


def test_it_is_the_mean_over_inputs() -> None:
    class Square(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x**2

    x = torch.tensor([[[1.0, -2.0, 3.0]], [[5.0, 4.0, 3.0]]])
    found = effective_receptive_field(Square(), [x[:1], x[1:]], "")
    torch.testing.assert_close(found, torch.tensor([0.0, 6.0, 0.0], dtype=torch.float64))


def test_it_lies_in_the_receptive_field_and_leaves_the_model_alone() -> None:
    convolution = nn.Conv1d(1, 1, 3, padding=1)
    model = nn.Sequential(convolution, nn.ReLU(inplace=True), nn.BatchNorm1d(1), convolution)
    for parameter in convolution.parameters():
        nn.init.ones_(parameter)
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    x = torch.rand(4, 1, 16)
    found = effective_receptive_field(model, [x], "0", (7,), call=1)
    mask = trace_model(model, (1, 1, 16)).receptive_field("0", (7,), call=1).mask
    assert found.sum() > 0
    assert not (found[~mask] > 0).any()
    assert model.training
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not x.requires_grad
    assert not any(module._forward_hooks for module in model.modules())


def test_what_is_not_there() -> None:
    model = nn.Sequential(nn.Conv1d(1, 1, 3))
    x = torch.rand(1, 1, 8)
    with pytest.raises(KeyError, match="Nothing called 'head' ran"):
        effective_receptive_field(model, [x], "head")
    with pytest.raises(KeyError, match="ran 1 times, so there is no call 1"):
        effective_receptive_field(model, [x], "0", call=1)
    with pytest.raises(KeyError, match="ran 1 times, so there is no call 1"):
        effective_receptive_field(model, [x], "<output>", call=1)
    with pytest.raises(IndexError, match="has 1 indices"):
        effective_receptive_field(model, [x], "0", (1, 2))
    with pytest.raises(IndexError, match=r"position\[0\] 0 to 5, not 6"):
        effective_receptive_field(model, [x], "0", (6,))
    with pytest.raises(IndexError, match="channel 0 to 0, not 1"):
        effective_receptive_field(model, [x], "0", (5,), channel=1)
    with pytest.raises(IndexError, match="1 inputs; there is no 1"):
        effective_receptive_field(model, [x], "0", (5,), input=1)
    with pytest.raises(LookupError, match="returned nothing at item=1"):
        effective_receptive_field(model, [x], "0", (5,), item=1)
    with pytest.raises(ValueError, match=r"torch.int64 has no gradient"):
        effective_receptive_field(nn.Embedding(4, 2), [torch.ones(1, 3, dtype=torch.long)], "")
    with pytest.raises(ValueError, match="has no values"):
        effective_receptive_field(nn.Sequential(nn.Conv1d(1, 1, 3)).to("meta"), [x], "0")
    with pytest.raises(ValueError, match="no inputs"):
        effective_receptive_field(model, [], "0")
    with pytest.raises(ValueError, match="differ in shape"):
        effective_receptive_field(model, [x, x[..., 1:]], "0")


class Stage(nn.Module):
    """Two paths added by an operation that is no module, activated in place after that."""

    def __init__(self, axes: int) -> None:
        super().__init__()
        kind: Any = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[axes - 1]
        self.main = kind(2, 3, 3, padding=1)
        self.shortcut = kind(2, 3, 1)
        self.identity = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        total: Tensor = self.identity(self.main(x)) + self.shortcut(x)
        return total.relu_()


class Classifier(nn.Module):
    def __init__(self, axes: int) -> None:
        super().__init__()
        self.stage = Stage(axes)
        self.linear = nn.Linear(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.linear(self.stage(x).flatten(2).mean(2))
        return logits


def gradient(model: nn.Module, x: Tensor, unit: Any) -> Tensor:
    """The mean over items of a unit's absolute gradient, one item after the other."""
    total = torch.zeros(x.shape[2:], dtype=torch.float64)
    for item in x:
        leaf = item[None].clone().requires_grad_()
        (found,) = torch.autograd.grad(unit(model, leaf), leaf)
        total += found.abs().double().sum((0, 1))
    return total / len(x)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_nodes_that_are_no_modules_and_vectors(axes: int) -> None:
    model = Classifier(axes)
    x = torch.rand(3, 2, *[6, 5, 4][:axes])
    trace = trace_model(model, tuple(x.shape))
    place = (1, 4, 2)[:axes]

    def total(whole: Classifier, leaf: Tensor) -> Tensor:
        added: Tensor = whole.stage.main(leaf) + whole.stage.shortcut(leaf)
        return added[(0, 2, *place)]

    found = trace.effective_receptive_field([x[:2], x[2:]], "stage.add", place, channel=2)
    torch.testing.assert_close(found, gradient(model, x, total))
    mask = trace.receptive_field("stage.add", place, channel=2).mask
    assert torch.equal(found > 0, mask)

    logit = trace.effective_receptive_field([x], "linear", channel=3)
    expected = gradient(model, x, lambda whole, leaf: whole(leaf)[0, 3])
    torch.testing.assert_close(logit, expected)
    for layer in ("", "<output>"):
        torch.testing.assert_close(trace.effective_receptive_field([x], layer, channel=3), expected)
    centre = tuple(size // 2 for size in x.shape[2:])
    torch.testing.assert_close(
        trace.effective_receptive_field([x], "stage", channel=0),
        trace.effective_receptive_field([x], "stage", centre, channel=0),
    )


def test_several_inputs_and_outputs() -> None:
    class Crossed(nn.Module):
        def forward(self, x: Tensor, y: Tensor) -> dict[str, Any]:
            return {"product": x * y, "both": [x, y.flip(2)]}

    x, y = torch.rand(1, 1, 4), torch.rand(1, 1, 4)
    trace = trace_model(Crossed(), (x, y))
    found = trace.effective_receptive_field([(x, y)], "<output>", (1,), item="product", input=1)
    assert found.tolist() == [0, float(x[0, 0, 1]), 0, 0]
    named = {"x": x, "y": y}
    found = trace.effective_receptive_field([named], "<output>", (1,), item=("both", 1), input=1)
    assert found.tolist() == [0, 0, 1, 0]
    with pytest.raises(LookupError, match="3 tensors"):
        trace.effective_receptive_field([named], "<output>", (1,))


def test_what_comes_after_the_layer_does_not_run() -> None:
    class Failing(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise AssertionError("it ran")

    model = nn.Sequential(nn.Conv1d(1, 1, 3), Failing())
    assert effective_receptive_field(model, [torch.rand(1, 1, 8)], "0").count_nonzero() == 3
    assert not any(module._forward_hooks for module in model.modules())


def test_progress_and_stopping() -> None:
    model = nn.Conv1d(1, 1, 3)
    batches = [torch.rand(size, 1, 8) for size in (1, 4, 2)]
    told: list[int] = []
    effective_receptive_field(model, batches, "", progress=told.append)
    assert told == [1, 5, 7]
    told.clear()
    with pytest.raises(Stopped):
        effective_receptive_field(
            model, batches, "", progress=told.append, should_stop=lambda: len(told) == 2
        )
    assert told == [1, 5]


def test_the_mean_until_now_and_the_model_as_it_was() -> None:
    model = nn.Sequential(nn.Conv1d(1, 1, 3), nn.Dropout(0.5)).train()
    batches = [torch.rand(size, 1, 8) for size in (1, 4, 2)]
    running = running_fields(model, batches, Unit("0", (3,)))
    first = next(running)
    assert model.training
    assert model[1].training
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert first.inputs == 1
    torch.testing.assert_close(
        first.values, effective_receptive_field(model, batches[:1], "0", (3,))
    )
    *_, last = running
    assert last.inputs == 7
    torch.testing.assert_close(last.values, effective_receptive_field(model, batches, "0", (3,)))
