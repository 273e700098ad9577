"""GoogLeNet: modules of four branches, whose maps are put side by side.

Szegedy, Liu, Jia, Sermanet, Reed, Anguelov, Erhan, Vanhoucke, Rabinovich, "Going Deeper with
Convolutions", 2014 (figure 2b, table 1).

Scaled to drawings: five of the nine Inception modules, with the names and a quarter of the
channels of table 1: 3a and 3b at 14x14, 4a and 4e at 7x7, 5b at 3x3. One 5x5 convolution with
stride 2 stands for the first four layers, which bring 224x224 down to 28x28. The two auxiliary
classifiers, which helped the early layers to learn, are left out; batch normalisation does that,
which Ioffe and Szegedy gave to this very network a year later ("Batch Normalization", 2015).
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn


def convolution(
    in_channels: int, out_channels: int, kernel_size: int, stride: int = 1
) -> nn.Sequential:
    """Make a convolution with normalisation and ReLU: to (N, out_channels, H/stride, W/stride).

    It has no bias: the normalisation takes the mean off, and has a shift of its own.
    """
    return nn.Sequential(
        OrderedDict(
            convolution=nn.Conv2d(
                in_channels,
                out_channels,
                kernel_size,
                stride=stride,
                padding=kernel_size // 2,
                bias=False,
            ),
            normalisation=nn.BatchNorm2d(out_channels),
            activation=nn.ReLU(),
        )
    )


class Inception(nn.Module):
    """Four branches over the same maps: (N, in_channels, H, W) to (N, sum of channels, H, W).

    The branches are in an ``nn.ModuleDict``, which finds their parameters as a plain dictionary
    would not. The widths are the columns of table 1; a "reduced" one is of the 1x1 convolution
    before a large kernel, which makes it cheap.
    """

    def __init__(
        self,
        in_channels: int,
        channels_1x1: int,
        reduced_3x3: int,
        channels_3x3: int,
        reduced_5x5: int,
        channels_5x5: int,
        channels_pooling: int,
    ) -> None:
        super().__init__()
        self.branches = nn.ModuleDict(
            {
                "1x1": convolution(in_channels, channels_1x1, 1),
                "3x3": nn.Sequential(
                    convolution(in_channels, reduced_3x3, 1),
                    convolution(reduced_3x3, channels_3x3, 3),
                ),
                "5x5": nn.Sequential(
                    convolution(in_channels, reduced_5x5, 1),
                    convolution(reduced_5x5, channels_5x5, 5),
                ),
                "pooling": nn.Sequential(
                    nn.MaxPool2d(3, stride=1, padding=1),
                    convolution(in_channels, channels_pooling, 1),
                ),
            }
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, sum of the branches' channels, H, W)."""
        return torch.cat([branch(x) for branch in self.branches.values()], dim=1)


class GoogLeNet(nn.Module):
    """Drawings (N, 1, 28, 28), float32 in 0..1 with ink 1 on 0, to logits (N, categories).

    | layer       | output shape     | parameters              | multiply-accumulates |
    |-------------|------------------|-------------------------|----------------------|
    | stem        | (N, 48, 14, 14)  | 25 * 48 + 2 * 48 = 1296 | 235200               |
    | inception3a | (N, 64, 14, 14)  | 10392                   | 2000768              |
    | inception3b | (N, 120, 14, 14) | 24576                   | 4754176              |
    | pooling3    | (N, 120, 7, 7)   | 0                       | 0                    |
    | inception4a | (N, 128, 7, 7)   | 23784                   | 1150128              |
    | inception4e | (N, 208, 7, 7)   | 54144                   | 2627968              |
    | pooling4    | (N, 208, 3, 3)   | 0                       | 0                    |
    | inception5b | (N, 256, 3, 3)   | 90808                   | 811584               |
    | pooling5    | (N, 256, 1, 1)   | 0                       | 0                    |
    | linear      | (N, 345)         | 256 * 345 + 345 = 88665 | 256 * 345 = 88320    |

    In all: 293665 parameters, 11668144 multiply-accumulates.

    In inception3a, for example, the weights are 48 * 16 of the 1x1 branch, 48 * 24 + 9 * 24 * 32
    of the 3x3, 48 * 4 + 25 * 4 * 8 of the 5x5 and 48 * 8 of the pooling branch: 10208. With two
    numbers for each of the 92 normalised channels they are 10392.
    """

    def __init__(self, categories: int = 345) -> None:
        super().__init__()
        self.stem = convolution(1, 48, 5, stride=2)
        self.inception3a = Inception(48, 16, 24, 32, 4, 8, 8)
        self.inception3b = Inception(64, 32, 32, 48, 8, 24, 16)
        self.pooling3 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception4a = Inception(120, 48, 24, 52, 4, 12, 16)
        self.inception4e = Inception(128, 64, 40, 80, 8, 32, 32)
        self.pooling4 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception5b = Inception(208, 96, 48, 96, 12, 32, 32)
        self.pooling5 = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout(0.2)
        self.linear = nn.Linear(256, categories)

    def forward(self, x: Tensor) -> Tensor:
        """Map drawings (N, 1, 28, 28) to logits (N, categories)."""
        x = self.inception3b(self.inception3a(self.stem(x)))
        x = self.inception4e(self.inception4a(self.pooling3(x)))
        x = self.inception5b(self.pooling4(x))
        logits: Tensor = self.linear(self.dropout(self.flatten(self.pooling5(x))))
        return logits
