"""What a model is given, whatever it was made from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from server.schemas.preprocessing import Preprocessing

Tensors = tuple[Tensor, ...] | dict[str, Tensor]
"""Arguments of a forward, by position or by name."""


@dataclass(frozen=True, eq=False)
class NetworkInput:
    """The input of a model, with how it came to be."""

    image: NDArray[np.uint8] | None
    """What it looks like: uint8 (height, width), grey, and of a doodle ink 255 on 0; or (height,
    width, 3), red, green, blue. None: it is no picture."""
    preprocessing: Preprocessing
    key: bytes
    """Hash of what it was made from: the same for the same input."""
    tensors: Tensors | None = None
    """The very tensors, on the CPU, of an example; None: it is the image, prepared."""

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """The image of an input that is one."""
        assert self.image is not None, "an input that is prepared from an image has one"
        return self.image

    @property
    def nbytes(self) -> int:
        """Memory that it takes, in bytes."""
        tensors = self.tensors or ()
        of_tensors = tensors.values() if isinstance(tensors, dict) else tensors
        image = 0 if self.image is None else self.image.nbytes
        return image + sum(tensor.nbytes for tensor in of_tensors) + len(self.key)
