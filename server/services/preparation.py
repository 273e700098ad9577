"""How pictures become the input of a model: their size, their channels, their range of values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from server.doodle.raster import SIDE

Images = NDArray[np.uint8]
"""Images of one size: uint8 (N, height, width), or (N, height, width, 3) for red, green, blue."""

Resampling = Literal["bilinear", "bicubic"]


@dataclass(frozen=True)
class Preparation:
    """The input that a model takes pictures as: float (N, channels, height, width).

    A value is (byte / 255 - mean) / std, with the mean and standard deviation of its channel.
    """

    channels: int
    """1 (grey) or 3 (red, green, blue)."""
    height: int
    width: int
    mean: tuple[float, ...] = (0.0,)
    """One for each channel, or one for all of them; in 0..1."""
    std: tuple[float, ...] = (1.0,)
    """As ``mean``; greater than 0."""
    kept: float = 1.0
    """The share of a picture's shorter side that is kept when it is cropped, in 0..1."""
    resampling: Resampling = "bilinear"
    said_by: str = ""
    """Who says how values are normalised: a part of a sentence. "": nobody, they are 0..1."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of one input."""
        return self.channels, self.height, self.width

    @property
    def takes_doodles(self) -> bool:
        """Whether its pictures are those that drawings are rendered as: 1x28x28."""
        return self.shape == (1, SIDE, SIDE)

    @property
    def is_normalised(self) -> bool:
        """Whether values are anything else than 0..1."""
        return any(self.mean) or any(value != 1 for value in self.std)

    def tensor(self, images: Images, device: torch.device, dtype: torch.dtype) -> Tensor:
        """Images as the model takes them: (N, channels, height, width), channels last."""
        # PyTorch has no tensors that cannot be written; bytes of a request are such arrays.
        own = images if images.flags.writeable else images.copy()
        values = torch.from_numpy(own).to(device).float().div_(255)
        values = values.permute(0, 3, 1, 2) if values.ndim == 4 else values[:, None]
        if self.is_normalised:
            values = (values - _by_channel(self.mean, device)) / _by_channel(self.std, device)
        return values.to(dtype).contiguous(memory_format=torch.channels_last)

    def values(self, images: Images) -> NDArray[np.float32]:
        """As ``tensor``, the same values, for what is no PyTorch: in order, on the CPU."""
        levels = images.transpose(0, 3, 1, 2) if images.ndim == 4 else images[:, None]
        values = np.divide(levels, np.float32(255), dtype=np.float32, order="C")
        if self.is_normalised:
            values -= np.array(self.mean, np.float32).reshape(-1, 1, 1)
            values /= np.array(self.std, np.float32).reshape(-1, 1, 1)
        return values

    def picture(self, values: NDArray[np.floating]) -> NDArray[np.uint8] | None:
        """What an input (channels, height, width) looks like, as a picture; the way back.

        Returns:
            uint8 (height, width) or (height, width, 3), rounded; None where the values are none of
            a picture: outside of what bytes become.
        """
        mean = np.reshape(self.mean, (-1, 1, 1))
        levels = (values.astype(np.float64) * np.reshape(self.std, (-1, 1, 1)) + mean) * 255
        if not np.isfinite(levels).all() or levels.min() < -0.5 or levels.max() > 255.5:
            return None
        return as_picture(np.rint(levels).clip(0, 255).astype(np.uint8))


DOODLES = Preparation(1, SIDE, SIDE)
"""The doodles that the shipped models are made for."""


def as_picture(levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Levels (1 or 3, height, width) as a picture: (height, width) or (height, width, 3)."""
    picture = levels[0] if len(levels) == 1 else levels.transpose(1, 2, 0)
    return np.ascontiguousarray(picture)


def _by_channel(values: Sequence[float], device: torch.device) -> Tensor:
    return torch.tensor(values, device=device).reshape(-1, 1, 1)
