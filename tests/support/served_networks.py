"""Small networks to serve beside the shipped ones: of colours, of tokens, without guesses."""

from __future__ import annotations

from torch import Tensor, nn


class Colours(nn.Module):
    """Logits of 4 categories for colour pictures (N, 3, 6, 5)."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 8, 3)
        self.linear = nn.Linear(8 * 4 * 3, 4)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.linear(self.convolution(x).relu().flatten(1))
        return logits


class Tokens(nn.Module):
    """Logits of 3 categories for 7 tokens (N, 7) out of 20."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(20, 6)
        self.linear = nn.Linear(6, 3)

    def forward(self, tokens: Tensor) -> Tensor:
        logits: Tensor = self.linear(self.embedding(tokens).mean(1))
        return logits


class Halves(nn.Module):
    """A picture of half the size: no logits."""

    def __init__(self) -> None:
        super().__init__()
        self.pooling = nn.AvgPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        halved: Tensor = self.pooling(x)
        return halved
