"""What a model is asked about as its input, whatever kind of model it is."""

from __future__ import annotations

from typing import Any

from server.doodle.raster import SIDE
from server.doodle.strokes import Drawing
from server.errors import InvalidInput
from server.services.bitmaps import as_input, read_bitmap
from server.services.catalog import Model
from server.services.drawings import StrokeLists, rasterise, read_drawing
from server.services.image_inputs import prepare_drawing, prepare_picture
from server.services.ink import normalise
from server.services.inputs import NetworkInput
from server.services.pictures import LARGEST_SIDE, open_picture
from server.settings import Settings

REDUCED = 3
"""Large pictures are reduced to so many pixels for one of a model's input before they are scaled:
enough to scale them well."""


def from_drawing(model: Model, lists: StrokeLists, pointer: str, limits: Settings) -> NetworkInput:
    """The strokes at ``pointer`` of a request as the model's input.

    Raises:
        LimitExceeded: too many strokes or points, or too large a coordinate.
        InvalidInput: no drawing, or a model that takes no pictures.
    """
    return of_drawing(model, read_drawing(lists, pointer, limits), pointer)


def of_drawing(model: Model, drawing: Drawing, pointer: str) -> NetworkInput:
    """A drawing, within its limits, as the model's input; raises as ``from_drawing`` does."""
    if model.preparation is None:
        raise _no_pictures(model, pointer)
    if model.preparation.takes_doodles:
        return rasterise(drawing)
    return prepare_drawing(drawing, model.preparation)


def from_bitmap(model: Model, levels: Any, pointer: str) -> NetworkInput:
    """The levels at ``pointer`` of a request as the model's input.

    Raises:
        InvalidInput: no bitmap, or a model that takes no doodles.
    """
    image = read_bitmap(levels, pointer)
    if model.preparation is None:
        raise _no_pictures(model, pointer)
    if not model.preparation.takes_doodles:
        raise InvalidInput(
            f"{model.title} takes images of {list(model.input_shape)}; a bitmap of {SIDE}x{SIDE} "
            "is for models of doodles. Send it a drawing or an image.",
            pointer=pointer,
        )
    return as_input(image)


def from_picture(model: Model, data: bytes, limits: Settings) -> NetworkInput:
    """A file's picture as the model's input: for models of doodles, its ink.

    Raises:
        TooLarge, UnsupportedMedia, InvalidPicture: as ``open_picture`` and ``normalise`` say.
        InvalidInput: a model that takes no pictures.
    """
    if model.preparation is None:
        raise _no_pictures(model, "image")
    if model.preparation.takes_doodles:
        return normalise(open_picture(data, limits), data)
    side = REDUCED * max(model.preparation.height, model.preparation.width)
    picture = open_picture(data, limits, largest_side=max(LARGEST_SIDE, side))
    return prepare_picture(picture, data, model.preparation)


def from_example(model: Model, number: int) -> NetworkInput:
    """One of the model's own examples; raises InvalidInput where there is none of that number."""
    count = len(model.examples)
    if number < count:
        return model.examples[number]
    has = f"examples 0 to {count - 1}" if count else "no examples of its own"
    raise InvalidInput(f"{model.title} has {has}.", pointer="/example", value=number)


def _no_pictures(model: Model, pointer: str) -> InvalidInput:
    return InvalidInput(
        f"{model.title} takes {list(model.input_shape)}, which is no picture: it runs on its own "
        '{"example": 0}.',
        pointer=pointer,
    )
