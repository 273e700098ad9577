"""Published receptive fields come out.

Araujo, Norris, Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019,
for the networks of TF-Slim, here with their kernels, strides and padding, and one channel. TF pads
with "SAME", for an even input and a stride of 2, only at the end.
"""

from __future__ import annotations

import pytest
from torch import Tensor, nn

from server.engine import trace_model

LARGE = 1024


def convolution(kernel: int, stride: int = 1, padding: int = 0) -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 1, kernel, stride, padding), nn.BatchNorm2d(1), nn.ReLU(True))


def same_convolution(stride: int) -> nn.Module:
    if stride == 1:
        return convolution(3, padding=1)
    return nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), convolution(3, stride))


def alexnet_v2() -> nn.Module:
    return nn.Sequential(
        *(convolution(11, 4), nn.MaxPool2d(3, 2)),
        *(convolution(5, padding=2), nn.MaxPool2d(3, 2)),
        *(convolution(3, padding=1), convolution(3, padding=1), convolution(3, padding=1)),
        nn.MaxPool2d(3, 2),
    )


def vgg_16() -> nn.Module:
    layers: list[nn.Module] = []
    for convolutions in (2, 2, 3, 3, 3):
        layers += [convolution(3, padding=1) for _ in range(convolutions)]
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)


class Bottleneck(nn.Module):
    """A unit of resnet_v1, which strides in its middle convolution."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.path = nn.Sequential(convolution(1), convolution(3, stride, 1), nn.Conv2d(1, 1, 1))
        self.shortcut = nn.MaxPool2d(1, stride)
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.path(x)
        y += self.shortcut(x)
        result: Tensor = self.activation(y)
        return result


def resnet_v1_50() -> nn.Module:
    layers = [convolution(7, 2, 3), nn.ZeroPad2d((0, 1, 0, 1)), nn.MaxPool2d(3, 2)]
    for units, stride in ((3, 2), (4, 2), (6, 2), (3, 1)):
        layers += [*(Bottleneck(1) for _ in range(units - 1)), Bottleneck(stride)]
    return nn.Sequential(*layers)


def mobilenet_v1() -> nn.Module:
    strides = (2, 1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
    return nn.Sequential(
        *(nn.Sequential(same_convolution(stride), convolution(1)) for stride in strides)
    )


@pytest.mark.parametrize(
    ("model", "size", "stride", "padding"),
    [
        (alexnet_v2(), 195, 32, 64),
        (vgg_16(), 212, 32, 90),
        (resnet_v1_50(), 483, 32, 239),
        (mobilenet_v1(), 315, 32, 126),
    ],
    ids=["alexnet_v2", "vgg_16", "resnet_v1_50", "mobilenet_v1"],
)
def test_published_receptive_fields(model: nn.Module, size: int, stride: int, padding: int) -> None:
    trace = trace_model(model, (1, 1, LARGE, LARGE))
    assert trace.device.type == "meta"
    field = trace.receptive_field("<output>", (0, 15))
    assert (field.size, field.stride) == ((size, size), (stride, stride))
    assert field.start == (-padding, -padding)
    left = 15 * stride - padding
    assert field.unclipped == ((-padding, size - padding), (left, left + size))
    assert field.box == ((0, size - padding), (left, left + size))
    assert field.status == "exact"
