"""Stacks in networks: each layer gives what the network's own gave, and the rest is told."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models import ARCHITECTURES
from server.engine import trace_model
from server.services.model_stacks import ModelStack, stack_of
from server.services.nodes import summarise_node
from tests.support.torch_layers import as_tuples


def stack_in(module: nn.Module, shape: tuple[int, ...]) -> ModelStack:
    trace = trace_model(module.eval(), shape)
    found = stack_of([summarise_node(node) for node in trace.nodes], shape)
    assert found.input_shape == shape
    assert len(found.layers) == len(found.nodes)
    value = torch.zeros(shape)
    shapes = {node.name: node.shape for node in trace.nodes}
    for place, ((kind, parameters), name) in enumerate(zip(found.layers, found.nodes, strict=True)):
        own = {key: as_tuples(each) for key, each in parameters.items()}
        value = getattr(nn, kind)(**own).eval()(value)
        if name not in found.nodes[place + 1 :]:  # a node may be two layers
            assert tuple(value.shape) == shapes[name], name
    return found


class Functional(nn.Module):
    """As many write it: layers with weights are modules, the others functions."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 8, 3)
        self.linear = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.convolution(x)), 2)
        x = F.leaky_relu(F.avg_pool2d(x, 3, stride=1), 0.1)
        x = F.interpolate(F.dropout(x, 0.3, self.training), scale_factor=2.0)
        x = F.adaptive_avg_pool2d(x, (1, 1)) * 2
        return F.log_softmax(self.linear(x.view(x.size(0), -1)), dim=1)


class Means(nn.Module):
    """Ends in a mean over space, and begins with something that no layer does."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 8, 3)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.convolution(x * 2 - 1).mean(dim=(2, 3))
        return result


class Reshaped(nn.Module):
    """What follows the first layer works on other axes."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 8, 3)
        self.linear = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.linear(self.convolution(x).permute(0, 2, 3, 1))
        return result


@pytest.mark.parametrize("name", ["softmax-regression", "alexnet", "vgg", "nin", "mobilenet"])
def test_straight_networks_are_stacks(name: str) -> None:
    module = ARCHITECTURES[name].build()
    found = stack_in(module, (1, 1, 28, 28))
    assert found.left_out == []
    parameters = sum(
        sum(weight.numel() for weight in getattr(nn, kind)(**options(own)).parameters())
        for kind, own in found.layers
    )
    assert parameters == sum(weight.numel() for weight in module.parameters())


def options(parameters: dict[str, Any]) -> dict[str, Any]:
    return {name: as_tuples(value) for name, value in parameters.items()}


def test_what_is_no_layer_is_left_out_where_the_shape_stays() -> None:
    found = stack_in(ARCHITECTURES["lenet-5"].build(), (1, 1, 28, 28))
    assert len(found.layers) == 14
    assert found.left_out == [
        "s2.mul, s2.add, s4.mul and s4.add are left out: no layer does the same. The shape stays, "
        "but 44 parameters are not counted."
    ]


def test_of_branches_the_longest_is_taken() -> None:
    found = stack_in(ARCHITECTURES["doodle-classifier"].build(), (1, 1, 28, 28))
    assert "stage1.convolution2" in found.nodes
    assert "stage1.shortcut_convolution" not in found.nodes
    assert found.nodes[-1] == "linear"
    first, second = found.left_out
    assert first.startswith("stage1.add, stage2.add and stage3.add are left out")
    assert "stage1.shortcut_pooling" in second
    assert second.endswith("and 5 more.")


@pytest.mark.parametrize(
    ("name", "last", "joined"),
    [
        ("googlenet", "stem.activation", "inception3a.cat (cat) joins 4 branches"),
        ("densenet", "stem_convolution", "block1.cat (cat) joins 2 branches"),
    ],
)
def test_a_stack_ends_where_branches_are_joined(name: str, last: str, joined: str) -> None:
    found = stack_in(ARCHITECTURES[name].build(), (1, 1, 28, 28))
    assert found.nodes[-1] == last
    (sentence,) = found.left_out
    assert sentence.startswith(f"The stack ends after {last}: {joined}. Left out behind it: ")


def test_shared_weights_are_told() -> None:
    found = stack_in(ARCHITECTURES["multilayer-perceptron"].build(), (1, 1, 28, 28))
    assert found.left_out == [
        "shared@1 runs again with the same weights; the stack counts them each time."
    ]


def test_functions_are_the_layers_that_do_the_same() -> None:
    found = stack_in(Functional(), (2, 3, 20, 20))
    assert [kind for kind, _ in found.layers] == [
        "Conv2d",
        "ReLU",
        "MaxPool2d",
        "AvgPool2d",
        "LeakyReLU",
        "Dropout",
        "Upsample",
        "AdaptiveAvgPool2d",
        "Flatten",
        "Linear",
        "LogSoftmax",
    ]
    own = dict(found.layers)
    assert own["AvgPool2d"] == {"kernel_size": 3, "stride": 1}
    assert own["LeakyReLU"] == {"negative_slope": 0.1}
    assert own["Dropout"] == {"p": 0.3}
    assert found.left_out == ["mul is left out: no layer does the same. The shape stays."]


def test_a_mean_over_space_is_two_layers() -> None:
    found = stack_in(Means(), (1, 3, 9, 9))
    assert [kind for kind, _ in found.layers] == ["Conv2d", "AdaptiveAvgPool2d", "Flatten"]
    assert found.nodes == ["convolution", "mean", "mean"]


def test_a_stack_ends_before_what_no_layer_does() -> None:
    found = stack_in(Reshaped(), (1, 3, 9, 9))
    assert found.nodes == ["convolution"]
    assert found.left_out == [
        "The stack ends after convolution: permute (permute) is no layer that a stack can hold. "
        "Left out behind it: 2 operations."
    ]
