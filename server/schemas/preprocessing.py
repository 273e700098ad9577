"""How a drawing or an image became the image that the network sees."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class Step(BaseModel):
    """One step, in words."""

    name: str = Field(description="The step, such as crop or scale.")
    detail: str = Field(description="What it did, with its numbers.")


class Box(BaseModel):
    """A bounding box, in the drawing's unit or the image's pixels."""

    left: float = Field(description="Smallest x.")
    top: float = Field(description="Smallest y.")
    right: float = Field(description="Largest x.")
    bottom: float = Field(description="Largest y.")


class Offset(BaseModel):
    """A shift in pixels of the network's image."""

    x: float = Field(description="To the right.")
    y: float = Field(description="Downwards.")


class Preprocessing(BaseModel):
    """From the input to the network's image: pixel = point * scale + offset."""

    source: Literal["strokes", "bitmap", "image", "example"] = Field(
        description="What was sent: strokes, a ready bitmap, an image, or the number of an example "
        "of the model's."
    )
    strokes: int | None = Field(default=None, description="Number of strokes (of a drawing).")
    points: int | None = Field(default=None, description="Number of points (of a drawing).")
    format: str | None = Field(default=None, description="File format (of an image).")
    width: int | None = Field(default=None, description="Width in pixels, upright (of an image).")
    height: int | None = Field(default=None, description="Height in pixels, upright (of an image).")
    box: Box | None = Field(
        default=None,
        description="Bounding box of the ink; of an image for a model of images, the part of it "
        "that is used.",
    )
    scale: float | None = Field(
        default=None, description="Pixels of the network's image for one unit of the input."
    )
    offset: Offset | None = Field(
        default=None, description="Where the input's origin comes to lie (of a doodle)."
    )
    line_width: float | None = Field(
        default=None,
        description="Width of the lines, in pixels of the network's image (of a doodle).",
    )
    steps: list[Step] = Field(description="The steps in order.")
