"""The effective receptive field is the gradient, averaged over inputs."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from server.engine import trace_model
from server.engine.effective_receptive_field import effective_receptive_field


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
    with pytest.raises(KeyError, match="no module 'head'"):
        effective_receptive_field(model, [x], "head")
    with pytest.raises(KeyError, match="ran 1 times, so there is no call 1"):
        effective_receptive_field(model, [x], "0", call=1)
    with pytest.raises(IndexError, match="has 1 indices"):
        effective_receptive_field(model, [x], "0", (1, 2))
    with pytest.raises(ValueError, match="no inputs"):
        effective_receptive_field(model, [], "0")
    with pytest.raises(ValueError, match="differ in shape"):
        effective_receptive_field(model, [x, x[..., 1:]], "0")
