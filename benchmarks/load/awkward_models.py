"""Networks that fail when an input says so, for the soak: some inputs only, and always the same.

An input says so by the level of its first pixel. Everything else is answered by one linear layer.
"""

from __future__ import annotations

import time

import torch
from torch import Tensor, nn

SIDE = 28
CLASSES = 10
SIGN = 255
"""Level of the first pixel that makes a network fail."""
HANG_SECONDS = 6.0
"""How long the one that hangs does not answer."""
GREED = 2**60
"""Bytes that the one that wants too much asks for: more than any machine has."""


class Awkward(nn.Module):
    """Answers, unless the first pixel of an item is at its highest level."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(SIDE * SIDE, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, 10) of pixels (N, 1, 28, 28) in 0..1."""
        if bool((x[:, 0, 0, 0] > 0.99).any()):
            self.fail()
        logits: Tensor = self.linear(x.flatten(1))
        return logits

    def fail(self) -> None:
        """What happens then."""
        raise NotImplementedError


class Raising(Awkward):
    """Raises."""

    def fail(self) -> None:
        """See the class."""
        raise RuntimeError("an input that this network cannot take")


class Hanging(Awkward):
    """Does not come back for a while."""

    def fail(self) -> None:
        """See the class."""
        time.sleep(HANG_SECONDS)


class Greedy(Awkward):
    """Asks for more memory than there is."""

    def fail(self) -> None:
        """See the class."""
        torch.empty(GREED, dtype=torch.uint8)
