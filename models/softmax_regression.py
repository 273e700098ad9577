"""Softmax regression: one linear layer, the smallest network there is.

The softmax, and why its outputs are probabilities: Bridle, "Probabilistic Interpretation of
Feedforward Classification Network Outputs, with Relationships to Statistical Pattern Recognition",
1990.

Nothing had to be scaled: a drawing of 28x28 pixels is 784 numbers, and each of the 345 categories
has one weight for each of them. The weights of a category, seen as a 28x28 picture, are a template
that the drawing is compared with. One template for every way to draw a cat is too few, which is
the reason for all the other networks here.
"""

from __future__ import annotations

from torch import Tensor, nn


class SoftmaxRegression(nn.Module):
    """Drawings (N, 1, 28, 28), float32 in 0..1 with ink 1 on 0, to logits (N, categories).

    | layer   | output shape | parameters               | multiply-accumulates |
    |---------|--------------|--------------------------|----------------------|
    | flatten | (N, 784)     | 0                        | 0                    |
    | linear  | (N, 345)     | 784 * 345 + 345 = 270825 | 784 * 345 = 270480   |

    In all: 270825 parameters, 270480 multiply-accumulates.

    The softmax itself is not a layer: the loss (``nn.CrossEntropyLoss``) takes logits, and whoever
    wants probabilities calls ``logits.softmax(dim=1)``.
    """

    def __init__(self, categories: int = 345) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        self.linear = nn.Linear(28 * 28, categories)

    def forward(self, x: Tensor) -> Tensor:
        """Map drawings (N, 1, 28, 28) to logits (N, categories)."""
        logits: Tensor = self.linear(self.flatten(x))
        return logits
