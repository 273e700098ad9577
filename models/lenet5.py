"""LeNet-5: convolution and sub-sampling in turns, the plan of the networks after it.

LeCun, Bottou, Bengio, Haffner, "Gradient-Based Learning Applied to Document Recognition", 1998
(section II.B, figure 2). The layers have the paper's names: C is a convolution, S sub-sampling, F
fully connected.

Scaled to drawings: the paper's images are 32x32; here C1 pads images of 28x28 by 2, so that every
map has the paper's size. The output layer has 345 categories for 10 digits and is linear; the
paper's is made of radial basis functions. Each map of C3 reads all maps of S2, where most of the
paper's read some of them (table I), and the hyperbolic tangent is the plain one. The rest is as it
was: 84 units are few for 345 categories, and it shows in the accuracy.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Subsampling(nn.Module):
    """The paper's sub-sampling: 2x2 averages times a coefficient plus a bias, both learned.

    A layer with parameters of its own, one coefficient and one bias for each channel. A tensor
    wrapped in ``nn.Parameter`` and assigned to an attribute is found by ``parameters()``, moved by
    ``to()`` and saved by ``state_dict()``; nothing else is needed.

    The paper adds the four values up: the same as their average with four times the coefficient.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pooling = nn.AvgPool2d(2)
        # The sizes of 1 are stretched over the batch, the rows and the columns.
        self.coefficient = nn.Parameter(torch.ones(1, channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, channels, H, W) to (N, channels, H / 2, W / 2)."""
        averages: Tensor = self.pooling(x)
        return self.coefficient * averages + self.bias


class LeNet5(nn.Module):
    """Drawings (N, 1, 28, 28), float32 in 0..1 with ink 1 on 0, to logits (N, categories).

    | layer  | output shape    | parameters                  | multiply-accumulates           |
    |--------|-----------------|-----------------------------|--------------------------------|
    | c1     | (N, 6, 28, 28)  | 25 * 6 + 6 = 156            | 25 * 6 * 28 * 28 = 117600      |
    | s2     | (N, 6, 14, 14)  | 6 + 6 = 12                  | 0                              |
    | c3     | (N, 16, 10, 10) | 25 * 6 * 16 + 16 = 2416     | 25 * 6 * 16 * 10 * 10 = 240000 |
    | s4     | (N, 16, 5, 5)   | 16 + 16 = 32                | 0                              |
    | c5     | (N, 120, 1, 1)  | 25 * 16 * 120 + 120 = 48120 | 25 * 16 * 120 = 48000          |
    | f6     | (N, 84)         | 120 * 84 + 84 = 10164       | 120 * 84 = 10080               |
    | output | (N, 345)        | 84 * 345 + 345 = 29325      | 84 * 345 = 28980               |

    In all: 90225 parameters, 444660 multiply-accumulates.
    """

    def __init__(self, categories: int = 345) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, 5, padding=2)
        self.c1_activation = nn.Tanh()
        self.s2 = Subsampling(6)
        self.s2_activation = nn.Tanh()
        self.c3 = nn.Conv2d(6, 16, 5)
        self.c3_activation = nn.Tanh()
        self.s4 = Subsampling(16)
        self.s4_activation = nn.Tanh()
        self.c5 = nn.Conv2d(16, 120, 5)  # a kernel as large as its input: fully connected
        self.c5_activation = nn.Tanh()
        self.flatten = nn.Flatten()
        self.f6 = nn.Linear(120, 84)
        self.f6_activation = nn.Tanh()
        self.output = nn.Linear(84, categories)

    def forward(self, x: Tensor) -> Tensor:
        """Map drawings (N, 1, 28, 28) to logits (N, categories)."""
        x = self.s2_activation(self.s2(self.c1_activation(self.c1(x))))
        x = self.s4_activation(self.s4(self.c3_activation(self.c3(x))))
        x = self.flatten(self.c5_activation(self.c5(x)))
        logits: Tensor = self.output(self.f6_activation(self.f6(x)))
        return logits
