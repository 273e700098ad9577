"""Pictures of weights: each is proved by what the layer makes of an input that it singles out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models import ARCHITECTURES
from server.engine.trace import Trace, trace_model
from server.engine.weights import Parameter, ParameterIndex, Pictured, kernels, reduced


def index_of(model: nn.Module, *shape: int) -> tuple[Trace, ParameterIndex]:
    graph = trace_model(model.eval(), shape)
    return graph, ParameterIndex(model, graph)


def first_of(model: nn.Module, node: str, *shape: int) -> tuple[Parameter, Pictured, np.ndarray]:
    graph, index = index_of(model, *shape)
    parameter = index.of(node)[0]
    seen = index.pictured(graph[node], parameter)
    return parameter, seen, kernels(parameter.tensor.detach().numpy(), seen)


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_a_kernel_is_what_a_single_input_channel_meets(groups: int) -> None:
    layer = nn.Conv2d(4, 8, (3, 2), groups=groups, bias=False)
    _, seen, pictures = first_of(nn.Sequential(layer), "0", 1, 4, 6, 6)
    assert (seen.form, seen.by_channel) == ("kernels", True)
    assert pictures.shape == (8, 4 // groups, 3, 2)
    for output in range(8):
        group = output // (8 // groups)
        for place in range(4 // groups):
            # One cell of ink: the kernel appears, mirrored, around it.
            impulse = torch.zeros(1, 4, 5, 3)
            impulse[0, group * (4 // groups) + place, 2, 1] = 1
            answer = layer(impulse)[0, output].detach().numpy()
            assert np.allclose(answer[::-1, ::-1], pictures[output, place], atol=1e-6)


@pytest.mark.parametrize("groups", [1, 2])
def test_a_transposed_kernel_is_what_one_cell_becomes(groups: int) -> None:
    layer = nn.ConvTranspose2d(4, 6, 3, groups=groups, bias=False)
    _, seen, pictures = first_of(nn.Sequential(layer), "0", 1, 4, 5, 5)
    assert pictures.shape == (6, 4 // groups, 3, 3)
    assert seen.by_channel
    for output in range(6):
        group = output // (6 // groups)
        for place in range(4 // groups):
            cell = torch.zeros(1, 4, 1, 1)
            cell[0, group * (4 // groups) + place] = 1
            assert np.allclose(layer(cell)[0, output].detach(), pictures[output, place], atol=1e-6)


def test_other_numbers_of_axes() -> None:
    _, seen, pictures = first_of(nn.Sequential(nn.Conv1d(2, 3, 5)), "0", 1, 2, 9)
    assert pictures.shape == (3, 2, 1, 5)
    layer = nn.Conv3d(2, 3, (2, 3, 4))
    _, seen, pictures = first_of(nn.Sequential(layer), "0", 1, 2, 5, 5, 5)
    assert pictures.shape == (3, 2, 6, 4)
    assert np.array_equal(pictures[1, 0, 3:], layer.weight[1, 0, 1].detach())
    assert not seen.by_channel, "its maps are slices of channels"
    _, seen, pictures = first_of(nn.Sequential(nn.Conv2d(7, 5, 1)), "0", 1, 7, 3, 3)
    assert (seen.form, pictures.shape) == ("matrix", (5, 1, 1, 7))
    layer1 = nn.ConvTranspose2d(7, 5, 1)
    _, seen, pictures = first_of(nn.Sequential(layer1), "0", 1, 7, 3, 3)
    assert np.array_equal(pictures[:, 0, 0], layer1.weight[:, :, 0, 0].T.detach())


class Flattened(nn.Module):
    """A map flattened, dropped out, and read twice: by a layer and by a function."""

    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Dropout()
        self.layer = nn.Linear(2 * 3 * 4, 5)
        self.weight = nn.Parameter(torch.randn(6, 24))
        self.after = nn.Linear(5, 5)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        flat = self.drop(x).view(len(x), -1)
        return self.after(self.layer(flat)), F.linear(flat, self.weight)


def test_rows_are_templates_of_the_map_that_is_read() -> None:
    model = Flattened()
    graph, index = index_of(model, 1, 2, 3, 4)
    for node, rows in (("layer", model.layer.weight), ("linear", model.weight)):
        parameter = index.of(node)[0]
        seen = index.pictured(graph[node], parameter)
        assert (seen.form, seen.by_channel) == ("templates", True)
        pictures = kernels(parameter.tensor.detach().numpy(), seen)
        assert pictures.shape == (len(rows), 2, 3, 4)
        image = torch.randn(1, 2, 3, 4)
        products = (torch.from_numpy(pictures) * image).sum((1, 2, 3))
        torch.testing.assert_close(products, (image.flatten(1) @ rows.T)[0].detach())
    after = index.of("after")[0]
    assert index.pictured(graph["after"], after).form == "matrix"


def test_the_templates_of_softmax_regression() -> None:
    model = ARCHITECTURES["softmax-regression"]()
    parameter, seen, pictures = first_of(model, "linear", 1, 1, 28, 28)
    assert parameter.name == "linear.weight"
    assert (seen.form, pictures.shape) == ("templates", (345, 1, 28, 28))


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.there = nn.Linear(4, 4)
        self.back = nn.Linear(4, 4)
        self.back.weight = self.there.weight
        self.norm = nn.BatchNorm1d(4)

    def forward(self, x: Tensor) -> Tensor:
        product: Tensor = self.norm(self.there(self.there(self.back(x)))) * self.norm.weight
        return product


def test_sharing_is_told() -> None:
    model = Tied()
    graph, index = index_of(model, 1, 4)
    weight, bias = index.of("there")
    assert weight.names == ("there.weight", "back.weight")
    assert weight.layers == ("back", "there", "there@1")
    assert bias.names == ("there.bias",)
    assert bias.layers == ("there", "there@1")
    norm = index.of("norm")
    assert [each.name.partition(".")[2] for each in norm] == [
        "weight", "bias", "running_mean", "running_var", "num_batches_tracked",
    ]  # fmt: skip
    assert [each.learnable for each in norm] == [True, True, False, False, False]
    assert {index.pictured(graph["norm"], each).form for each in norm} == {"vector"}
    assert norm[0].layers == ("norm", "mul")
    assert [each.name for each in index.of("mul")] == ["norm.weight"]


def test_inputs_are_chosen_or_reduced() -> None:
    pictures = np.random.default_rng(0).normal(size=(3, 4, 2, 2)).astype(np.float32)
    assert np.array_equal(reduced(pictures, 2), pictures[:, 2])
    values = torch.from_numpy(pictures)
    assert np.allclose(reduced(pictures, "mean"), values.mean(1))
    assert np.allclose(reduced(pictures, "norm"), torch.linalg.vector_norm(values, dim=1))
