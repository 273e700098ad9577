"""The network that every server of the benchmark serves."""

from __future__ import annotations

import torch
from torch import Tensor, nn

CATEGORIES = 345
SEED = 6


class CommonNetwork(nn.Module):
    """Logits of 345 categories for drawings (N, 1, 28, 28), float32 in 0..1.

    Three convolutions of 3x3 with 32, 64 and 128 channels, each with ReLU and 2x2 max pooling, and
    two linear layers: 7.8 million multiply-accumulates a drawing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(64, 128, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        )
        self.classifier = nn.Sequential(
            nn.Linear(128 * 3 * 3, 256), nn.ReLU(), nn.Linear(256, CATEGORIES)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, 345)."""
        logits: Tensor = self.classifier(self.features(x).flatten(1))
        return logits


def common() -> CommonNetwork:
    """The network with the same random weights in every process, in evaluation mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return CommonNetwork().eval()
