"""Modules as users write them, and a package to import them from."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

SOURCE = '''
import torch
from torch import nn


class Colours(nn.Module):
    """Four classes of pictures of 32 by 32."""

    def __init__(self, classes=4):
        super().__init__()
        self.convolution = nn.Conv2d(3, 8, 3, padding=1)
        self.pooling = nn.MaxPool2d(4)
        self.linear = nn.Linear(8 * 8 * 8, classes)

    def forward(self, x):
        return self.linear(self.pooling(self.convolution(x).relu()).flatten(1))


class Digits(nn.Module):
    """Ten classes of pictures of 28 by 28 in grey, as probabilities."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(784, 10)
        self.softmax = nn.Softmax(1)

    def forward(self, x):
        return self.softmax(self.linear(x.flatten(1)))


class Signal(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv1d(2, 4, 5)
        self.linear = nn.Linear(4, 3)

    def forward(self, x):
        return self.linear(self.convolution(x).mean(-1))


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 3)
        self.linear = nn.Linear(10, 4)

    def forward(self, image, code):
        return self.convolution(image) + self.linear(code)[:, :, None, None]


class Segments(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x):
        maps = self.convolution(x)
        return {"out": maps, "aux": maps.mean((2, 3))}


class Tokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(100, 16)
        self.linear = nn.Linear(16, 5)

    def forward(self, x):
        return self.linear(self.embedding(x).mean(1))


def broken():
    raise RuntimeError("no disk")
'''
"""The text of a module with models of several kinds."""


def write_package(folder: Path) -> Path:
    """Write the models as ``own_nets.vision`` into a folder to serve from; returns the folder."""
    package = folder / "own_nets"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "vision.py").write_text(SOURCE)
    return folder


class Colours(nn.Module):
    """The same as in the package, for tests that compute what it should give."""

    def __init__(self, classes: int = 4) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 8, 3, padding=1)
        self.pooling = nn.MaxPool2d(4)
        self.linear = nn.Linear(8 * 8 * 8, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, classes) of images (N, 3, 32, 32)."""
        maps: Tensor = self.pooling(self.convolution(x).relu())
        logits: Tensor = self.linear(maps.flatten(1))
        return logits


def seeded(seed: int = 0, classes: int = 4) -> Colours:
    """A model with first weights of that seed, in eval mode."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Colours(classes).eval()
