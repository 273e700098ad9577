"""Drawings for tests, as the API takes them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from server.schemas.predictions import HOUSE, SUN

Lists = list[list[list[float]]]

__all__ = ["HOUSE", "SUN", "Lists", "picture_of"]


def picture_of(
    lists: Lists, *, side: int = 300, width: int = 8, margin: int = 40
) -> NDArray[np.uint8]:
    """A drawing as a grey picture (side, side), black lines of a round pen on white."""
    scale = 4
    image = Image.new("L", (side * scale, side * scale), 255)
    pen = ImageDraw.Draw(image)
    largest = max(max(max(x), max(y)) for x, y, *_ in lists)
    factor = (side - 2 * margin) / largest
    radius = width * scale / 2
    for x, y, *_ in lists:
        points = [
            ((margin + a * factor) * scale, (margin + b * factor) * scale)
            for a, b in zip(x, y, strict=True)
        ]
        pen.line(points, fill=0, width=width * scale, joint="curve")
        for a, b in points:
            pen.ellipse((a - radius, b - radius, a + radius, b + radius), fill=0)
    return np.asarray(image.resize((side, side), Image.Resampling.BOX))
