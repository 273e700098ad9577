"""Published receptive fields come out.

Araujo, Norris, Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019,
for the networks of TF-Slim, here with their kernels, strides and padding, and one channel. TF pads
with "SAME", for an even input and a stride of 2, only at the end. The networks of torchvision are
its own; their figures were derived by an independent program from positive weights.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from server.engine import trace_model
from tests.support.architectures import architecture

LARGE = 2048
COLUMN = 24
"""Of the last feature map: its field lies inside the image."""

Kernel = int | tuple[int, int]


def convolution(kernel: Kernel, stride: int = 1, padding: Kernel = 0) -> nn.Module:
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


class Mixed(nn.Module):
    """A module of Inception: branches beside each other."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        # One channel is enough: positions are what counts.
        return torch.cat([branch(x) for branch in self.branches], 1).mean(1, keepdim=True)


def row(kernels: str) -> nn.Module:
    """Convolutions one after another that keep the size: ``1x1 1x7 7x1``."""
    layers: list[nn.Module] = []
    for kernel in kernels.split():
        high, wide = map(int, kernel.split("x"))
        layers.append(convolution((high, wide), padding=(high // 2, wide // 2)))
    return nn.Sequential(*layers)


def inception_v3() -> nn.Module:
    """Until Mixed_7c; Szegedy et al., "Rethinking the Inception Architecture", 2016."""

    def averaged() -> nn.Module:
        return nn.Sequential(nn.AvgPool2d(3, 1, 1), row("1x1"))

    def split(kernels: str) -> nn.Module:
        return nn.Sequential(row(kernels), Mixed(row("1x3"), row("3x1")))

    return nn.Sequential(
        *(convolution(3, 2), convolution(3), convolution(3, padding=1), nn.MaxPool2d(3, 2)),
        *(convolution(1), convolution(3), nn.MaxPool2d(3, 2)),
        *(Mixed(row("1x1"), row("1x1 5x5"), row("1x1 3x3 3x3"), averaged()) for _ in range(3)),
        Mixed(
            convolution(3, 2), nn.Sequential(row("1x1 3x3"), convolution(3, 2)), nn.MaxPool2d(3, 2)
        ),
        *(
            Mixed(row("1x1"), row("1x1 1x7 7x1"), row("1x1 7x1 1x7 7x1 1x7"), averaged())
            for _ in range(4)
        ),
        Mixed(
            nn.Sequential(row("1x1"), convolution(3, 2)),
            nn.Sequential(row("1x1 1x7 7x1"), convolution(3, 2)),
            nn.MaxPool2d(3, 2),
        ),
        *(Mixed(row("1x1"), split("1x1"), split("1x1 3x3"), averaged()) for _ in range(2)),
    )


@pytest.mark.parametrize(
    ("model", "size", "stride", "padding"),
    [
        (alexnet_v2(), 195, 32, 64),
        (vgg_16(), 212, 32, 90),
        (resnet_v1_50(), 483, 32, 239),
        (inception_v3(), 1311, 32, 618),
        (mobilenet_v1(), 315, 32, 126),
    ],
    ids=["alexnet_v2", "vgg_16", "resnet_v1_50", "inception_v3", "mobilenet_v1"],
)
def test_published_receptive_fields(model: nn.Module, size: int, stride: int, padding: int) -> None:
    trace = trace_model(model, (1, 1, LARGE, LARGE))
    assert trace.device.type == "meta"
    field = trace.receptive_field("<output>", (0, COLUMN))
    assert (field.size, field.stride) == ((size, size), (stride, stride))
    assert field.start == (-padding, -padding)
    left = COLUMN * stride - padding
    assert field.unclipped == ((-padding, size - padding), (left, left + size))
    assert field.box == ((0, size - padding), (left, left + size))
    assert field.status == "exact"


@pytest.mark.parametrize(
    ("name", "layer", "size"),
    [
        ("resnet18", "layer4", 435),
        ("resnet34", "layer4", 899),
        ("resnet50", "layer4", 427),
        ("resnet101", "layer4", 971),
        ("resnet152", "layer4", 1451),
        ("vgg16", "features", 212),
        ("inception_v3", "Mixed_7c", 1311),
        ("googlenet", "inception5b", 379),
        ("densenet121", "features", 2071),
        ("mobilenet_v2", "features", 491),
    ],
)
def test_receptive_fields_of_torchvision(name: str, layer: str, size: int) -> None:
    """Of the last layer with rows and columns, in an image that is larger than the field."""
    side = (size // 32 + 4) * 32
    trace = trace_model(architecture(name), (1, 3, side, side))
    rows = trace.layer(layer).shape[2]
    middle = trace.receptive_field(layer, (rows // 2, rows // 2))
    assert (middle.size, middle.stride) == ((size, size), (32, 32))
    assert middle.box == middle.unclipped
    assert all(high - low == size for low, high in middle.unclipped or ())
    assert middle.status == "exact"
    first = trace.receptive_field(layer, (0, 0))
    assert first.start is not None
    assert first.unclipped == tuple((start, start + size) for start in first.start)
    assert first.box == tuple((0, start + size) for start in first.start)
