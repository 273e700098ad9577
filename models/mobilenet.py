"""MobileNet, version 1: a convolution split in two, one over space and one over channels.

Howard, Zhu, Chen, Kalenichenko, Wang, Weyand, Andreetto, Adam, "MobileNets: Efficient Convolutional
Neural Networks for Mobile Vision Applications", 2017 (section 3.1, table 1). A 3x3 convolution
from 128 to 128 channels needs 9 * 128 * 128 = 147456 multiplications a pixel; a depthwise one, of
one kernel for each channel, and a 1x1 after it need 9 * 128 + 128 * 128 = 17536.

Scaled to drawings: the first six layers of table 1 with all their channels (the stem with stride
2, then 64, 128, 128, 256, 256), and two more of 256 in the place of the five of 512. Table 1
halves the resolution five times, from 224x224; here it is three times, to 4x4.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn


def depthwise_separable(in_channels: int, out_channels: int, stride: int = 1) -> nn.Sequential:
    """Make both convolutions: (N, in_channels, H, W) to (N, out_channels, H/stride, W/stride).

    ``groups=in_channels`` is what makes the first one depthwise: as many groups as channels, so
    that each map is made of one map.
    """
    return nn.Sequential(
        OrderedDict(
            depthwise=nn.Conv2d(
                in_channels,
                in_channels,
                3,
                stride=stride,
                padding=1,
                groups=in_channels,
                bias=False,
            ),
            normalisation1=nn.BatchNorm2d(in_channels),
            activation1=nn.ReLU(),
            pointwise=nn.Conv2d(in_channels, out_channels, 1, bias=False),
            normalisation2=nn.BatchNorm2d(out_channels),
            activation2=nn.ReLU(),
        )
    )


class MobileNet(nn.Module):
    """Drawings (N, 1, 28, 28), float32 in 0..1 with ink 1 on 0, to logits (N, categories).

    | layer    | output shape    | parameters                             | multiply-accumulates |
    |----------|-----------------|----------------------------------------|----------------------|
    | stem     | (N, 32, 14, 14) | 9 * 32 + 2 * 32 = 352                  | 56448                |
    | blocks.0 | (N, 64, 14, 14) | 11 * 32 + 32 * 64 + 2 * 64 = 2528      | 457856               |
    | blocks.1 | (N, 128, 7, 7)  | 11 * 64 + 64 * 128 + 2 * 128 = 9152    | 429632               |
    | blocks.2 | (N, 128, 7, 7)  | 11 * 128 + 128 * 128 + 2 * 128 = 18048 | 859264               |
    | blocks.3 | (N, 256, 4, 4)  | 11 * 128 + 128 * 256 + 2 * 256 = 34688 | 542720               |
    | blocks.4 | (N, 256, 4, 4)  | 11 * 256 + 256 * 256 + 2 * 256 = 68864 | 1085440              |
    | blocks.5 | (N, 256, 4, 4)  | 11 * 256 + 256 * 256 + 2 * 256 = 68864 | 1085440              |
    | blocks.6 | (N, 256, 4, 4)  | 11 * 256 + 256 * 256 + 2 * 256 = 68864 | 1085440              |
    | pooling  | (N, 256, 1, 1)  | 0                                      | 0                    |
    | linear   | (N, 345)        | 256 * 345 + 345 = 88665                | 88320                |

    In all: 360025 parameters, 5690560 multiply-accumulates.

    11 * c is a kernel of 9 and two numbers of the normalisation for each of c channels.
    """

    def __init__(self, categories: int = 345) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            OrderedDict(
                convolution=nn.Conv2d(1, 32, 3, stride=2, padding=1, bias=False),
                normalisation=nn.BatchNorm2d(32),
                activation=nn.ReLU(),
            )
        )
        self.blocks = nn.Sequential(
            depthwise_separable(32, 64),
            depthwise_separable(64, 128, stride=2),
            depthwise_separable(128, 128),
            depthwise_separable(128, 256, stride=2),
            depthwise_separable(256, 256),
            depthwise_separable(256, 256),
            depthwise_separable(256, 256),
        )
        self.pooling = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.linear = nn.Linear(256, categories)

    def forward(self, x: Tensor) -> Tensor:
        """Map drawings (N, 1, 28, 28) to logits (N, categories)."""
        logits: Tensor = self.linear(self.flatten(self.pooling(self.blocks(self.stem(x)))))
        return logits
