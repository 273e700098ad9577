"""Pens of other widths: drawn on paper, photographed as it were, and read as an uploaded picture.

A drawing that comes as strokes has no width; one that comes as a picture has.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from server.doodle.strokes import Drawing
from server.services.ink import normalise
from server.services.pictures import open_picture
from server.settings import Settings

PAPER = 320
"""Pixels along each side of the paper."""

MARGIN = 40
"""Pixels left free around the drawing."""

FINENESS = 3
"""Working pixels for one pixel of the paper, along each axis."""

WIDTHS = (3, 8, 20)
"""Of pens, in pixels of the paper: a fine one, a usual one, a marker."""


def as_picture(drawing: Drawing, width: int) -> NDArray[np.uint8]:
    """What the network sees of a drawing that was made on paper with a pen and uploaded.

    Args:
        drawing: any.
        width: of the pen, in pixels of a paper of 320.

    Returns:
        uint8 (28, 28), ink 255 on 0.
    """
    side = PAPER * FINENESS
    paper = Image.new("L", (side, side), 255)
    pen = ImageDraw.Draw(paper)
    box = drawing.box
    scale = (PAPER - 2 * MARGIN) * FINENESS / (box.longer_side or 1.0)
    left = (side - box.width * scale) / 2 - box.left * scale
    top = (side - box.height * scale) / 2 - box.top * scale
    radius = width * FINENESS / 2
    for stroke in drawing.strokes:
        points = [(x * scale + left, y * scale + top) for x, y in stroke.tolist()]
        if len(points) > 1:
            pen.line(points, fill=0, width=round(2 * radius), joint="curve")
        for x, y in points:
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=0)
    file = io.BytesIO()
    paper.resize((PAPER, PAPER), Image.Resampling.BOX).convert("RGB").save(file, "PNG")
    data = file.getvalue()
    return normalise(open_picture(data, Settings()), data).pixels
