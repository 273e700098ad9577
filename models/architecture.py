"""What is known of a network beside its code: names for people, its source, how it is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class TrainingDefaults:
    """How a network is trained where nothing else is asked for.

    ``mixup`` and ``label_smoothing`` keep a network from being too sure of the drawings that it
    has seen. Those that are too small, or trained too shortly, to know these by heart do without.
    """

    steps: int
    batch_size: int = 256
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    label_smoothing: float = 0.0
    mixup: float = 0.0


@dataclass(frozen=True)
class Architecture:
    """A network that can be built by name; call it to build one with random weights."""

    title: str
    """Name for people."""
    description: str
    """One sentence for lists."""
    paper: str
    """Authors, title, year."""
    scaled: str
    """What was changed for drawings of 28x28 and 345 categories."""
    shows: str
    """Which ways of building a network its file is an example of."""
    build: Callable[[], nn.Module]
    training: TrainingDefaults

    def __call__(self) -> nn.Module:
        """Build the network with random weights, in training mode."""
        return self.build()
