"""From pictures and drawings to the input of a model that takes images.

A picture is scaled so that it covers the input, and what hangs over is cropped. A drawing is drawn
large: black on white, as on paper, where the input has colours; where it is grey, white on black,
as in the data sets of digits and doodles.
"""

from __future__ import annotations

import hashlib
import json

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from server.doodle.raster import CANVAS_SIDE, DRAWING_SIDE, LINE_WIDTH, SMALLEST_SIDE
from server.doodle.strokes import Drawing
from server.schemas.preprocessing import Box, Preprocessing, Step
from server.services.inputs import NetworkInput
from server.services.pictures import Picture
from server.services.preparation import Preparation, Resampling

FINENESS = 4
"""Working pixels for one pixel of a drawing's image, along each axis."""

_RESAMPLING: dict[Resampling, Image.Resampling] = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


def prepare_picture(picture: Picture, data: bytes, preparation: Preparation) -> NetworkInput:
    """A picture as the input of a model; ``data`` is the file, for the input's key.

    What is scaled and cropped are bytes, as most networks were trained and evaluated.
    """
    height, width = preparation.height, preparation.width
    box = _crop(picture, preparation)
    image = Image.fromarray(picture.pixels)
    if preparation.channels == 1:
        image = image.convert("L")
    scaled = image.resize((width, height), _RESAMPLING[preparation.resampling], box)
    unit = 1 / picture.reduction
    crop = Box(left=box[0] * unit, top=box[1] * unit, right=box[2] * unit, bottom=box[3] * unit)
    preprocessing = Preprocessing(
        source="image",
        format=picture.format,
        width=picture.width,
        height=picture.height,
        box=crop,
        scale=height / (crop.bottom - crop.top),
        steps=[
            *picture.steps,
            _cropping_step(crop, picture),
            *_grey_step(preparation),
            Step(
                name="scale",
                detail=f"Scaled to {width}x{height} pixels ({preparation.resampling}).",
            ),
            *value_steps(preparation),
        ],
    )
    return NetworkInput(np.array(scaled), preprocessing, hashlib.sha256(data).digest())


def prepare_drawing(drawing: Drawing, preparation: Preparation) -> NetworkInput:
    """A drawing as the input of a model that takes images: large, in its frame."""
    ink = render_large(drawing, preparation.height, preparation.width)
    box = drawing.box
    colours = preparation.channels == 3
    image = np.repeat(255 - ink[..., None], 3, axis=2) if colours else ink
    paper = "black on white, since the model takes colours" if colours else "white on black"
    preprocessing = Preprocessing(
        source="strokes",
        strokes=len(drawing.strokes),
        points=drawing.points,
        box=Box(left=box.left, top=box.top, right=box.right, bottom=box.bottom),
        steps=[
            Step(
                name="draw",
                detail=f"Drawn large, in the middle of {preparation.width}x{preparation.height} "
                f"pixels: {paper}.",
            ),
            *value_steps(preparation),
        ],
    )
    key = hashlib.sha256(json.dumps(drawing.to_lists()).encode()).digest()
    return NetworkInput(image, preprocessing, key)


def value_steps(preparation: Preparation) -> list[Step]:
    """How bytes become the values that a model computes with, in words."""
    if not preparation.is_normalised:
        why = "" if preparation.said_by else " No mean and deviation are known for this model."
        return [Step(name="values", detail=f"Bytes are divided by 255: values from 0 to 1.{why}")]
    mean, std = _listed(preparation.mean), _listed(preparation.std)
    return [
        Step(
            name="normalise",
            detail=f"(byte / 255 - mean) / deviation, with mean {mean} and deviation {std} "
            f"({preparation.said_by}).",
        )
    ]


def render_large(drawing: Drawing, height: int, width: int) -> NDArray[np.uint8]:
    """A drawing in the middle of an image, with the margin and the pen that doodles have.

    Returns:
        uint8 (height, width), ink 255 on 0.
    """
    side = min(height, width) * FINENESS
    unit = side / CANVAS_SIDE
    box = drawing.box
    longer = box.longer_side if box.longer_side > SMALLEST_SIDE else DRAWING_SIDE
    scale = DRAWING_SIDE / longer * unit
    middle = np.array([width, height]) * FINENESS / 2
    centre = np.array([box.left + box.width / 2, box.top + box.height / 2])
    canvas = Image.new("L", (width * FINENESS, height * FINENESS), 0)
    pen = ImageDraw.Draw(canvas)
    line_width = LINE_WIDTH * unit
    for stroke in drawing.strokes:
        points = [(float(x), float(y)) for x, y in (stroke - centre) * scale + middle]
        if len(points) > 1:
            pen.line(points, fill=255, width=max(1, round(line_width)))
        for x, y in points:
            pen.circle((x, y), line_width / 2, fill=255)
    return np.array(canvas.resize((width, height), Image.Resampling.BOX))


def _crop(picture: Picture, preparation: Preparation) -> tuple[float, float, float, float]:
    """The part of a picture that becomes the input: left, top, right and bottom in its pixels."""
    height, width = picture.pixels.shape[:2]
    scale = min(height / preparation.height, width / preparation.width) * preparation.kept
    half_height, half_width = preparation.height * scale / 2, preparation.width * scale / 2
    return (
        max(0.0, width / 2 - half_width),
        max(0.0, height / 2 - half_height),
        min(float(width), width / 2 + half_width),
        min(float(height), height / 2 + half_height),
    )


def _cropping_step(crop: Box, picture: Picture) -> Step:
    sizes = (round(crop.right - crop.left), round(crop.bottom - crop.top))
    if sizes == (picture.width, picture.height):
        return Step(name="crop", detail="All of the picture is used.")
    return Step(
        name="crop",
        detail=f"The middle {sizes[0]}x{sizes[1]} of its {picture.width}x{picture.height} pixels.",
    )


def _grey_step(preparation: Preparation) -> list[Step]:
    if preparation.channels == 3:
        return []
    return [Step(name="grey", detail="Colours become grey: 0.299 red, 0.587 green, 0.114 blue.")]


def _listed(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:.6g}" for value in values)
