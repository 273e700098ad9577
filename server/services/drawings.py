"""Drawings: within the limits, and as the image that the network sees."""

from __future__ import annotations

import hashlib
import json

import numpy as np

from server.doodle.raster import SIDE, placement, render
from server.doodle.strokes import Drawing, InvalidDrawing
from server.errors import InvalidInput, LimitExceeded
from server.schemas.preprocessing import Box, Offset, Preprocessing, Step
from server.services.inputs import NetworkInput
from server.settings import Settings

StrokeLists = list[list[list[float]]]


def read_drawing(lists: StrokeLists, pointer: str, limits: Settings) -> Drawing:
    """A drawing from its lists; ``pointer`` is where it stands in the request.

    Raises:
        LimitExceeded: too many strokes or points, or too large a coordinate.
        InvalidInput: no points at all, or lists that do not fit each other.
    """
    if len(lists) > limits.strokes:
        raise LimitExceeded(
            f"The drawing has {len(lists)} strokes; {limits.strokes} are allowed.",
            pointer=pointer,
            value=len(lists),
            limit=limits.strokes,
        )
    for index, stroke in enumerate(lists):
        longest = max(map(len, stroke), default=0)
        if longest > limits.stroke_points:
            raise LimitExceeded(
                f"The stroke has {longest} points; {limits.stroke_points} are allowed.",
                pointer=f"{pointer}/{index}",
                value=longest,
                limit=limits.stroke_points,
            )
    _check_coordinates(lists, pointer, limits.coordinate)
    try:
        drawing = Drawing.from_lists(lists, pointer)
    except InvalidDrawing as error:
        raise InvalidInput(error.detail, pointer=error.pointer, value=error.value) from error
    if drawing.points > limits.drawing_points:
        raise LimitExceeded(
            f"The drawing has {drawing.points} points; {limits.drawing_points} are allowed.",
            pointer=pointer,
            value=drawing.points,
            limit=limits.drawing_points,
        )
    return drawing


def rasterise(drawing: Drawing) -> NetworkInput:
    """The image of a drawing, and how it came to be."""
    place = placement(drawing)
    box = place.box
    steps = [
        Step(
            name="box",
            detail=f"{_count(len(drawing.strokes), 'stroke')}, {_count(drawing.points, 'point')}; "
            f"they span {box.width:.4g} by {box.height:.4g} units.",
        ),
        Step(
            name="scale",
            detail=f"One unit becomes {place.scale:.4g} pixels: the longer side fills the frame."
            if box.longer_side > 0
            else "A single dot has no size to scale.",
        ),
        Step(name="centre", detail=f"The middle of the box moves to the middle of {SIDE}x{SIDE}."),
        Step(
            name="line",
            detail=f"Drawn with a round pen {place.line_width:.2f} pixels wide, white on black.",
        ),
    ]
    preprocessing = Preprocessing(
        source="strokes",
        strokes=len(drawing.strokes),
        points=drawing.points,
        box=Box(left=box.left, top=box.top, right=box.right, bottom=box.bottom),
        scale=place.scale,
        offset=Offset(x=place.offset_x, y=place.offset_y),
        line_width=place.line_width,
        steps=steps,
    )
    key = hashlib.sha256(json.dumps(drawing.to_lists()).encode()).digest()
    return NetworkInput(render(drawing), preprocessing, key)


def _check_coordinates(lists: StrokeLists, pointer: str, limit: float) -> None:
    for index, stroke in enumerate(lists):
        for axis, numbers in enumerate(stroke[:2]):
            beyond = np.flatnonzero(np.abs(np.asarray(numbers, dtype=np.float64)) > limit)
            if beyond.size:
                place = int(beyond[0])
                raise LimitExceeded(
                    f"A coordinate lies between -{limit:,.10g} and {limit:,.10g}.",
                    pointer=f"{pointer}/{index}/{axis}/{place}",
                    value=numbers[place],
                    limit=limit,
                )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def warm_up() -> None:
    """Render once, so that the rasteriser is compiled before the first drawing comes."""
    render(Drawing.from_lists([[[0, 1], [0, 1]]]))
