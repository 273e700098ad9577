"""DenseNet: each layer reads the maps of all layers before it in its block.

Huang, Liu, van der Maaten, Weinberger, "Densely Connected Convolutional Networks", 2016 (section
3; the variant DenseNet-BC, with bottlenecks and compression). A layer adds few maps of its own,
the growth rate, since nothing that was found before has to be found again.

Scaled to drawings: three blocks, as the paper has for images of 32x32, with its growth rate of 12
and 4, 6 and 6 layers for its 16 each. The first convolution has stride 2, as in the paper's
networks for large images, so that the blocks work at 14x14, 7x7 and 3x3: at 28x28 the first one
would cost four times as much.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn


def dense_layer(in_channels: int, growth: int) -> nn.Sequential:
    """Make a layer of a block: (N, in_channels, H, W) to (N, growth, H, W).

    Normalisation and ReLU come before each convolution; the 1x1 is the bottleneck (B).
    """
    return nn.Sequential(
        OrderedDict(
            normalisation1=nn.BatchNorm2d(in_channels),
            activation1=nn.ReLU(),
            convolution1=nn.Conv2d(in_channels, 4 * growth, 1, bias=False),
            normalisation2=nn.BatchNorm2d(4 * growth),
            activation2=nn.ReLU(),
            convolution2=nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False),
        )
    )


class DenseBlock(nn.Module):
    """Layers that each add maps: (N, in_channels, H, W) to (N, in_channels + layers * growth, ...).

    The layers are in an ``nn.ModuleList``: a list whose parameters are found, and that, unlike an
    ``nn.Sequential``, leaves it to ``forward`` how they are put together.
    """

    def __init__(self, in_channels: int, layers: int, growth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            dense_layer(in_channels + index * growth, growth) for index in range(layers)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, in_channels + layers * growth, H, W)."""
        for layer in self.layers:
            x = torch.cat([x, layer(x)], dim=1)
        return x


def transition(in_channels: int) -> nn.Sequential:
    """Make what stands between blocks: (N, in_channels, H, W) to half the maps of half the size.

    Halving the number of maps is the compression (C).
    """
    return nn.Sequential(
        OrderedDict(
            normalisation=nn.BatchNorm2d(in_channels),
            activation=nn.ReLU(),
            convolution=nn.Conv2d(in_channels, in_channels // 2, 1, bias=False),
            pooling=nn.AvgPool2d(2),
        )
    )


class DenseNet(nn.Module):
    """Drawings (N, 1, 28, 28), float32 in 0..1 with ink 1 on 0, to logits (N, categories).

    | layer            | output shape    | parameters                | multiply-accumulates   |
    |------------------|-----------------|---------------------------|------------------------|
    | stem_convolution | (N, 24, 14, 14) | 9 * 24 = 216              | 9 * 24 * 196 = 42336   |
    | block1           | (N, 72, 14, 14) | 29520                     | 5644800                |
    | transition1      | (N, 36, 7, 7)   | 2 * 72 + 72 * 36 = 2736   | 72 * 36 * 196 = 508032 |
    | block2           | (N, 108, 7, 7)  | 51480                     | 2455488                |
    | transition2      | (N, 54, 3, 3)   | 2 * 108 + 108 * 54 = 6048 | 108 * 54 * 49 = 285768 |
    | block3           | (N, 126, 3, 3)  | 56880                     | 497664                 |
    | normalisation    | (N, 126, 3, 3)  | 2 * 126 = 252             | 0                      |
    | pooling          | (N, 126, 1, 1)  | 0                         | 0                      |
    | linear           | (N, 345)        | 126 * 345 + 345 = 43815   | 126 * 345 = 43470      |

    In all: 190947 parameters, 9477558 multiply-accumulates.

    A layer that reads c maps has 2 * c + 48 * c + 2 * 48 + 9 * 48 * 12 = 50 * c + 5280 parameters;
    in block1 c is 24, 36, 48 and 60.
    """

    def __init__(self, categories: int = 345, growth: int = 12) -> None:
        super().__init__()
        self.stem_convolution = nn.Conv2d(1, 24, 3, stride=2, padding=1, bias=False)
        self.block1 = DenseBlock(24, 4, growth)
        channels = 24 + 4 * growth
        self.transition1 = transition(channels)
        self.block2 = DenseBlock(channels // 2, 6, growth)
        channels = channels // 2 + 6 * growth
        self.transition2 = transition(channels)
        self.block3 = DenseBlock(channels // 2, 6, growth)
        channels = channels // 2 + 6 * growth
        self.normalisation = nn.BatchNorm2d(channels)
        self.activation = nn.ReLU()
        self.pooling = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.linear = nn.Linear(channels, categories)

    def forward(self, x: Tensor) -> Tensor:
        """Map drawings (N, 1, 28, 28) to logits (N, categories)."""
        x = self.transition1(self.block1(self.stem_convolution(x)))
        x = self.transition2(self.block2(x))
        x = self.activation(self.normalisation(self.block3(x)))
        logits: Tensor = self.linear(self.flatten(self.pooling(x)))
        return logits
