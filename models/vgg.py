"""VGG: 3x3 convolutions and nothing else, in blocks that halve the resolution.

Simonyan, Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2014
(section 2, table 1). Two 3x3 convolutions see as far as one of 5x5, with fewer weights and one
more non-linearity (section 2.3). A function makes a block of them.

Scaled to drawings: three blocks of 2, 2 and 3 convolutions, as configuration D (VGG-16) begins,
for five: pooling five times would leave nothing of 28x28. The channels are 32, 64, 96 for 64, 128,
256, and the fully connected layers have 320 units for 4096, of which dropout leaves out a fifth for
a half: a network so small, trained for minutes, does not learn its drawings by heart. There is no
normalisation, as in the paper.
"""

from __future__ import annotations

from torch import Tensor, nn

from models.initialisation import he_initialise


def vgg_block(in_channels: int, out_channels: int, convolutions: int) -> nn.Sequential:
    """Make 3x3 convolutions and a pooling: (N, in_channels, H, W) to (N, out_channels, H/2, W/2).

    Odd sizes lose their last row and column: 7x7 becomes 3x3.
    """
    layers: list[nn.Module] = []
    for _ in range(convolutions):
        layers.append(nn.Conv2d(in_channels, out_channels, 3, padding=1))
        layers.append(nn.ReLU())
        in_channels = out_channels
    layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)


class VGG(nn.Module):
    """Drawings (N, 1, 28, 28), float32 in 0..1 with ink 1 on 0, to logits (N, categories).

    | layer        | output shape    | parameters                  | multiply-accumulates        |
    |--------------|-----------------|-----------------------------|-----------------------------|
    | block1.0     | (N, 32, 28, 28) | 9 * 32 + 32 = 320           | 9 * 32 * 784 = 225792       |
    | block1.2     | (N, 32, 28, 28) | 9 * 32 * 32 + 32 = 9248     | 9 * 32 * 32 * 784 = 7225344 |
    | block1.4     | (N, 32, 14, 14) | 0                           | 0                           |
    | block2.0     | (N, 64, 14, 14) | 9 * 32 * 64 + 64 = 18496    | 9 * 32 * 64 * 196 = 3612672 |
    | block2.2     | (N, 64, 14, 14) | 9 * 64 * 64 + 64 = 36928    | 9 * 64 * 64 * 196 = 7225344 |
    | block2.4     | (N, 64, 7, 7)   | 0                           | 0                           |
    | block3.0     | (N, 96, 7, 7)   | 9 * 64 * 96 + 96 = 55392    | 9 * 64 * 96 * 49 = 2709504  |
    | block3.2     | (N, 96, 7, 7)   | 9 * 96 * 96 + 96 = 83040    | 9 * 96 * 96 * 49 = 4064256  |
    | block3.4     | (N, 96, 7, 7)   | 9 * 96 * 96 + 96 = 83040    | 9 * 96 * 96 * 49 = 4064256  |
    | block3.6     | (N, 96, 3, 3)   | 0                           | 0                           |
    | classifier.0 | (N, 320)        | 96 * 9 * 320 + 320 = 276800 | 96 * 9 * 320 = 276480       |
    | classifier.3 | (N, 320)        | 320 * 320 + 320 = 102720    | 320 * 320 = 102400          |
    | classifier.6 | (N, 345)        | 320 * 345 + 345 = 110745    | 320 * 345 = 110400          |

    In all: 776729 parameters, 29616448 multiply-accumulates.
    """

    def __init__(self, categories: int = 345) -> None:
        super().__init__()
        self.block1 = vgg_block(1, 32, convolutions=2)
        self.block2 = vgg_block(32, 64, convolutions=2)
        self.block3 = vgg_block(64, 96, convolutions=3)
        self.flatten = nn.Flatten()
        output = nn.Linear(320, categories)
        self.classifier = nn.Sequential(
            nn.Linear(96 * 3 * 3, 320),
            nn.ReLU(),
            nn.Dropout(0.2),
            nn.Linear(320, 320),
            nn.ReLU(),
            nn.Dropout(0.2),
            output,
        )
        self.apply(he_initialise)
        nn.init.normal_(output.weight, std=0.01)  # so that it begins without strong opinions

    def forward(self, x: Tensor) -> Tensor:
        """Map drawings (N, 1, 28, 28) to logits (N, categories)."""
        x = self.block3(self.block2(self.block1(x)))
        logits: Tensor = self.classifier(self.flatten(x))
        return logits
