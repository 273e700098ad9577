"""Drawings held out that are among the training images too, as somebody's bitmap of them.

The stroke file and the files of bitmaps were collected from the same drawings: one in eight of
those held out is in the other files again. A network has learned such a drawing, so that it tells
nothing of drawings that nobody trained on.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from server.doodle.quickdraw import Bitmaps, Record
from server.doodle.raster import render


def highest_correlations(records: Sequence[Record], bitmaps: Bitmaps) -> NDArray[np.float64]:
    """How much each drawing is like the bitmap of its category that is most like it.

    Returns:
        (records,), Pearson's correlation of the 784 pixels, -1 where the category has no bitmap.
    """
    highest = np.full(len(records), -1.0)
    labels = np.array([record.label for record in records])
    for label in np.unique(labels):
        members: list[int] = np.flatnonzero(labels == label).tolist()
        images = bitmaps.images[bitmaps.labels == label]
        if len(images):
            drawn = np.stack([render(records[index].drawing) for index in members])
            highest[members] = (standardised(drawn) @ standardised(images).T).max(axis=1)
    return highest


def standardised(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Pixels (N, 784) of mean 0 and length 1, so that products are correlations."""
    pixels = images.reshape(len(images), -1).astype(np.float32)
    pixels -= pixels.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(pixels, axis=1, keepdims=True).astype(np.float32)
    standardised: NDArray[np.float32] = pixels / np.maximum(lengths, np.float32(1e-6))
    return standardised
