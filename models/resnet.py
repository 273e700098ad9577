"""ResNet: each block adds what it computes to what it was given.

He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", 2015 (sections 3.2 and 4.2).
A block that has nothing to add only needs weights of zero, and gradients pass through the addition
unchanged: very deep networks become trainable.

Scaled to drawings: the paper's own network for small images (CIFAR-10, 32x32), of 6n + 2 layers
with 16, 32 and 64 channels, with n = 2 for its n = 3 to 18; here at 28x28, 14x14 and 7x7. Where a
block halves the resolution, its shortcut is a 1x1 convolution (option B of section 3.3); the
paper's network for small images pads with zeros there (option A).
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut: (N, C, H, W) to (N, out_channels, H/s, W/s)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.convolution1 = nn.Conv2d(
            in_channels, out_channels, 3, stride=stride, padding=1, bias=False
        )
        self.normalisation1 = nn.BatchNorm2d(out_channels)
        self.activation1 = nn.ReLU()
        self.convolution2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.normalisation2 = nn.BatchNorm2d(out_channels)
        self.shortcut: nn.Module
        if stride == 1 and in_channels == out_channels:
            self.shortcut = nn.Identity()
        else:  # the shapes differ, so that they could not be added
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False),
                nn.BatchNorm2d(out_channels),
            )
        self.activation2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, H/stride, W/stride)."""
        residual = self.activation1(self.normalisation1(self.convolution1(x)))
        residual = self.normalisation2(self.convolution2(residual))
        output: Tensor = self.activation2(self.shortcut(x) + residual)
        return output


def stage(in_channels: int, out_channels: int, blocks: int, stride: int) -> nn.Sequential:
    """Make blocks of one resolution; the first of them changes it, by its stride."""
    first = BasicBlock(in_channels, out_channels, stride)
    others = [BasicBlock(out_channels, out_channels, 1) for _ in range(blocks - 1)]
    return nn.Sequential(first, *others)


class ResNet(nn.Module):
    """Drawings (N, 1, 28, 28), float32 in 0..1 with ink 1 on 0, to logits (N, categories).

    | layer    | output shape    | parameters                         | multiply-accumulates |
    |----------|-----------------|------------------------------------|----------------------|
    | stem     | (N, 16, 28, 28) | 9 * 16 + 2 * 16 = 176              | 112896               |
    | stage1.0 | (N, 16, 28, 28) | 2 * (9 * 16 * 16 + 2 * 16) = 4672  | 3612672              |
    | stage1.1 | (N, 16, 28, 28) | 2 * (9 * 16 * 16 + 2 * 16) = 4672  | 3612672              |
    | stage2.0 | (N, 32, 14, 14) | 4672 + 9280 + 576 = 14528          | 2809856              |
    | stage2.1 | (N, 32, 14, 14) | 2 * (9 * 32 * 32 + 2 * 32) = 18560 | 3612672              |
    | stage3.0 | (N, 64, 7, 7)   | 18560 + 36992 + 2176 = 57728       | 2809856              |
    | stage3.1 | (N, 64, 7, 7)   | 2 * (9 * 64 * 64 + 2 * 64) = 73984 | 3612672              |
    | pooling  | (N, 64, 1, 1)   | 0                                  | 0                    |
    | linear   | (N, 345)        | 64 * 345 + 345 = 22425             | 22080                |

    In all: 196745 parameters, 20205376 multiply-accumulates.

    In stage2.0 and stage3.0 the summands are the first convolution, the second, and the shortcut,
    each with two numbers for a channel's normalisation.
    """

    def __init__(self, categories: int = 345, blocks: int = 2) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            OrderedDict(
                convolution=nn.Conv2d(1, 16, 3, padding=1, bias=False),
                normalisation=nn.BatchNorm2d(16),
                activation=nn.ReLU(),
            )
        )
        self.stage1 = stage(16, 16, blocks, stride=1)
        self.stage2 = stage(16, 32, blocks, stride=2)
        self.stage3 = stage(32, 64, blocks, stride=2)
        self.pooling = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.linear = nn.Linear(64, categories)

    def forward(self, x: Tensor) -> Tensor:
        """Map drawings (N, 1, 28, 28) to logits (N, categories)."""
        x = self.stage3(self.stage2(self.stage1(self.stem(x))))
        logits: Tensor = self.linear(self.flatten(self.pooling(x)))
        return logits
