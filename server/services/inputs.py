"""What the network is given, whatever it was made from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from server.schemas.preprocessing import Preprocessing


@dataclass(frozen=True, eq=False)
class NetworkInput:
    """An image for the network, with how it came to be."""

    image: NDArray[np.uint8]
    """uint8 (28, 28), ink 255 on 0."""
    preprocessing: Preprocessing
    key: bytes
    """Hash of what it was made from: the same for the same input."""
