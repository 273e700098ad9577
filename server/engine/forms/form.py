"""What a form of a model is."""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Batch = NDArray[np.float32]
"""Inputs as a network takes them, on the CPU: float32 (N, channels, height, width)."""

Values = NDArray[np.float32]
"""What a network returns for a batch: float32 (N, K)."""

FormName = Literal["eager", "onnxruntime", "cuda"]


class NotExact(RuntimeError):
    """A model that no other form can stand for; the message says why, a part of a sentence."""


class FormBroken(RuntimeError):
    """A form that could not be made, though there may be one; the message says why."""


class Form(Protocol):
    """A way to run a model, on any thread and on several at once; it lets others have the GIL."""

    @property
    def name(self) -> FormName:
        """The name of its kind."""

    def __call__(self, batch: Batch) -> Values:
        """What the model returns for a batch."""
