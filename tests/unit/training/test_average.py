"""The moving average: of every weight and statistic, each once."""

import torch
from torch import nn

from server.training.average import MovingAverage


def test_a_shared_layer_is_averaged_once() -> None:
    shared = nn.Linear(2, 2)
    model = nn.Sequential(shared, nn.ReLU(), shared, nn.Linear(2, 2))
    average = MovingAverage(model, decay=0.999)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
    before = {name: tensor.clone() for name, tensor in average.module.named_parameters()}
    average.update(model, updates=0)  # the first decay is (1 + 0) / (10 + 0)
    for name, tensor in average.module.named_parameters():
        assert torch.allclose(tensor, before[name] + 0.9), name


def test_statistics_are_averaged_and_counters_copied() -> None:
    model = nn.Sequential(nn.BatchNorm2d(3))
    average = MovingAverage(model, decay=0.5)
    model(torch.full((4, 3, 2, 2), 10.0))
    average.update(model, updates=1000)
    normalisation = average.module.get_submodule("0")
    assert isinstance(normalisation, nn.BatchNorm2d)
    assert normalisation.running_mean is not None
    assert torch.allclose(normalisation.running_mean, torch.full((3,), 0.5))
    assert normalisation.num_batches_tracked == 1
