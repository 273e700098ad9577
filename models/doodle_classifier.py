"""The doodle classifier: a small residual network over the 345 Quick, Draw! categories.

Residual blocks after He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", 2015
(section 3.3, option B), with the shortcut averaged before its 1x1 convolution where the block
halves the resolution (He, Zhang, Zhang, Zhang, Xie, Li, "Bag of Tricks", 2018, figure 2c).
"""

from __future__ import annotations

from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside a 1x1 shortcut: (N, C, H, W) to (N, out_channels, H/s, W/s)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.convolution1 = nn.Conv2d(
            in_channels, out_channels, 3, stride=stride, padding=1, bias=False
        )
        self.normalisation1 = nn.BatchNorm2d(out_channels)
        self.activation1 = nn.ReLU()
        self.convolution2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.normalisation2 = nn.BatchNorm2d(out_channels)
        # Ceil mode, so that odd maps (7x7) halve to the size of the strided convolution (4x4).
        self.shortcut_pooling = nn.AvgPool2d(stride, ceil_mode=True)
        self.shortcut_convolution = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.shortcut_normalisation = nn.BatchNorm2d(out_channels)
        self.activation2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, ceil(H/stride), ceil(W/stride))."""
        residual = self.activation1(self.normalisation1(self.convolution1(x)))
        residual = self.normalisation2(self.convolution2(residual))
        shortcut = self.shortcut_convolution(self.shortcut_pooling(x))
        shortcut = self.shortcut_normalisation(shortcut)
        output: Tensor = self.activation2(residual + shortcut)
        return output


class DoodleClassifier(nn.Module):
    """Drawings (N, 1, 28, 28), float32 in 0..1 with ink 1 on 0, to logits (N, categories)."""

    def __init__(
        self, categories: int = 345, widths: tuple[int, int, int, int] = (32, 64, 128, 256)
    ) -> None:
        super().__init__()
        self.stem_convolution = nn.Conv2d(1, widths[0], 3, padding=1, bias=False)
        self.stem_normalisation = nn.BatchNorm2d(widths[0])
        self.stem_activation = nn.ReLU()
        self.stage1 = ResidualBlock(widths[0], widths[1], stride=2)
        self.stage2 = ResidualBlock(widths[1], widths[2], stride=2)
        self.stage3 = ResidualBlock(widths[2], widths[3], stride=2)
        self.pooling = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout(0.2)
        self.linear = nn.Linear(widths[3], categories)

    def forward(self, x: Tensor) -> Tensor:
        """Map drawings (N, 1, 28, 28) to logits (N, categories)."""
        x = self.stem_activation(self.stem_normalisation(self.stem_convolution(x)))
        x = self.stage3(self.stage2(self.stage1(x)))
        logits: Tensor = self.linear(self.dropout(self.flatten(self.pooling(x))))
        return logits
