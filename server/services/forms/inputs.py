"""What forms are tried on: drawings, noise, and values far from either."""

from __future__ import annotations

import numpy as np
from PIL import Image

from server.doodle.raster import render
from server.doodle.strokes import Drawing
from server.engine.forms import Batch
from server.services.preparation import Images, Preparation

SPREAD = 3.0
"""Standard deviation of the values that are neither of drawings nor of pictures."""


def trial_inputs(preparation: Preparation, images: int) -> list[Batch]:
    """Inputs of a model in batches of ``images``: scribbles, noise, and normal values.

    Each is float32 (images, channels, height, width); the same at every call.
    """
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (images, *_picture_shape(preparation)), dtype=np.uint8)
    normal = random.normal(0.0, SPREAD, (images, *preparation.shape)).astype(np.float32)
    return [
        preparation.values(_scribbles(preparation, images, random)),
        preparation.values(noise),
        normal,
    ]


def _picture_shape(preparation: Preparation) -> tuple[int, ...]:
    size = preparation.height, preparation.width
    return (*size, 3) if preparation.channels == 3 else size


def _scribbles(preparation: Preparation, images: int, random: np.random.Generator) -> Images:
    """Lines as a hand draws them, as large as the model takes pictures; of colours, some each."""
    pictures = []
    for _ in range(images):
        strokes = tuple(
            np.cumsum(random.normal(0.0, 20.0, (random.integers(2, 20), 2)), axis=0)
            + random.uniform(0.0, 200.0, 2)
            for _ in range(random.integers(1, 6))
        )
        ink = render(Drawing(strokes))
        if not preparation.takes_doodles:
            size = preparation.width, preparation.height
            ink = np.asarray(Image.fromarray(ink).resize(size, Image.Resampling.BILINEAR))
        if preparation.channels == 3:
            paper, pen = random.integers(0, 256, (2, 3))
            share = ink[..., None] / 255.0
            ink = np.rint(paper * (1 - share) + pen * share).astype(np.uint8)
        pictures.append(ink)
    return np.stack(pictures)
