"""Contributions: gradient times value, compared with PyTorch's gradients of an equal network."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models import load_model
from server.engine.contribution import NoGradient, contributions
from server.engine.trace import trace_model


class Branches(nn.Module):
    """A shared module, an addition, functions, an operation in place, a view that others read."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, padding=1)
        self.shared = nn.Conv2d(4, 4, 3, padding=1)
        self.rectified = nn.ReLU(inplace=True)
        self.shortcut = nn.Identity()
        self.head = nn.Linear(4 * 6 * 6, 5)
        self.mixing = nn.Parameter(torch.randn(4, 5))

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        y = self.shared(F.relu(x))
        y = self.shared(y) + self.shortcut(x)
        y = self.rectified(y)
        flat: Tensor = y.flatten(1)
        joined: Tensor = self.head(flat) + y.mean((2, 3)) @ self.mixing
        return joined


# As `Branches` has it, but with every step's result in hand.
def by_hand(model: Branches, x: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    steps: dict[str, Tensor] = {}
    steps["first"] = model.first(x)
    steps["relu"] = F.relu(steps["first"])
    steps["shared"] = model.shared(steps["relu"])
    steps["shared@1"] = model.shared(steps["shared"])
    steps["shortcut"] = steps["first"] * 1
    steps["add"] = steps["shared@1"] + steps["shortcut"]
    steps["rectified"] = F.relu(steps["add"])
    steps["flatten"] = (steps["rectified"] * 1).reshape(1, -1)
    steps["head"] = model.head(steps["flatten"])
    steps["mean"] = steps["rectified"].mean((2, 3))
    steps["matmul"] = steps["mean"] @ model.mixing
    steps["add@1"] = steps["head"] + steps["matmul"]
    return steps, steps["add@1"]


@pytest.fixture(scope="module")
def example() -> Tensor:
    return torch.randn(1, 1, 6, 6, generator=torch.Generator().manual_seed(3))


def test_every_node_of_an_intricate_network(example: Tensor) -> None:
    torch.manual_seed(1)
    model = Branches().eval()
    steps, logits = by_hand(model, example)
    names = [node.name for node in trace_model(model, example).nodes]
    assert set(names) == set(steps)
    for name in names:
        (gradient,) = torch.autograd.grad(logits[0, 2], steps[name], retain_graph=True)
        found = contributions(model, example, name, 2)
        expected = (gradient * steps[name]).double()
        torch.testing.assert_close(found.values, expected, rtol=1e-5, atol=1e-6)
        assert found.output == pytest.approx(float(logits[0, 2].detach()), abs=1e-5)
        assert found.reaches


@pytest.mark.parametrize(
    ("network", "layer"),
    [
        ("softmax-regression", "flatten"),
        ("softmax-regression", "linear"),
        ("doodle-classifier", "linear"),
        ("doodle-classifier", None),
        ("resnet", None),
    ],
)
def test_what_is_linear_adds_up_to_the_logit(network: str, layer: str | None) -> None:
    """With the bias: the rows of the last layer are the gradients of what it reads."""
    model = load_model(network).module.eval()
    example = torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        logits = model(example)[0]
    best = int(logits.argmax())
    last = [module for module in model.modules() if isinstance(module, nn.Linear)][-1]
    nodes = trace_model(model, example).nodes
    reads_last = nodes[-1].inputs[0]
    found = contributions(model, example, layer or reads_last, best)
    total = float(found.values.sum())
    if layer == "linear":
        assert total == pytest.approx(float(logits[best]), rel=1e-6)
        assert found.values.count_nonzero() == 1
    else:
        assert total + float(last.bias[best].detach()) == pytest.approx(
            float(logits[best]), abs=2e-5
        )


def test_the_model_is_left_as_it_was(example: Tensor) -> None:
    model = Branches().train()
    hooks = len(model.first._forward_hooks)
    flags = [parameter.requires_grad for parameter in model.parameters()]
    contributions(model, example, "add", 0)
    with pytest.raises(KeyError, match="Nothing called"):
        contributions(model, example, "nowhere", 0)
    with pytest.raises(IndexError, match="no output 5"):
        contributions(model, example, "add", 5)
    assert model.training
    assert len(model.first._forward_hooks) == hooks
    assert [parameter.requires_grad for parameter in model.parameters()] == flags
    assert all(parameter.grad is None for parameter in model.parameters())


class Cut(nn.Module):
    """Whole numbers in the middle, a side branch that nobody reads, overwritten values."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(4, 4)
        self.aside = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Any:
        x = self.inner(x)
        self.aside(x)
        place = x.argmax(dim=1, keepdim=True)
        y = x.exp()
        y.mul_(2)
        return y + place


class Parts(nn.Module):
    """Gives a dictionary, a pair with names, and writes to a part of a tensor that was split."""

    def __init__(self, writes: bool = False) -> None:
        super().__init__()
        self.halves = Halves()
        self.writes = writes

    def forward(self, x: Tensor) -> Tensor:
        halves = self.halves(x)
        best = halves["sum"].max(dim=1)
        if self.writes:
            halves["sum"].unbind(0)[0].mul_(2)
        scores: Tensor = halves["sum"] + best.values[:, None] * 2
        return scores


class Halves(nn.Module):
    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return OrderedDict(sum=x[:, :2] + x[:, 2:], index=x.argmax(1))


def test_results_with_several_tensors() -> None:
    example = torch.tensor([[1.0, 2.0, 3.0, 5.0]])
    found = contributions(Parts(), example, "halves", 0)
    assert found.values.tolist() == [[4.0, 14.0]]
    assert contributions(Parts(), example, "max", 1).values.tolist() == [14.0]
    with pytest.raises(NoGradient, match="does not run"):
        contributions(Parts(writes=True), example, "halves", 0)


def test_what_gradients_cannot_tell() -> None:
    model, example = Cut(), torch.rand(1, 4)
    aside = contributions(model, example, "aside", 0)
    assert not aside.reaches
    assert not aside.values.any()
    with pytest.raises(NoGradient, match="int64"):
        contributions(model, example, "argmax", 0)
    with pytest.raises(NoGradient, match="cannot be followed"):
        contributions(model, example, "inner", 0)
    assert contributions(model, example, "mul", 0).reaches
