"""From a picture to the network's form: ink 255 on 0, in the frame that drawings are rendered in.

The background may be light or dark and unevenly lit; ink is what differs from it. Lines are made
as wide as the pen of ``server.doodle.raster``, unless what is drawn is a filled shape.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from server.doodle.raster import CANVAS_SIDE, DRAWING_SIDE, LINE_WIDTH, SIDE
from server.errors import InvalidPicture
from server.schemas.preprocessing import Box, Offset, Preprocessing, Step
from server.services.inputs import NetworkInput
from server.services.pictures import POINTER, Picture

Floats = NDArray[np.float64]
Number = TypeVar("Number", np.uint8, np.float64)

DRAWN_SIDE = DRAWING_SIDE * SIDE / CANVAS_SIDE
"""Longer side of a rendered drawing, between the middles of its lines, in pixels."""

PEN = LINE_WIDTH * SIDE / CANVAS_SIDE
"""Width of a rendered line, in pixels."""

FINENESS = 6
"""Working pixels for one pixel of the 28x28 image."""

FAINTEST = 24
"""Ink differs from the background by at least so many of 255 levels somewhere."""

FULLEST = 0.7
"""More ink than this share of the picture is no drawing on a background."""

GROWTH = 1.5
"""Pictures that grow by more are interpolated so far that their edges must be made crisp."""

EDGE = 0.4
"""Where the edge of a line lies then, in shares of full ink; its slope is one over this.

Chosen on 200 training drawings as pictures of 28 to 100 pixels with lines of 1 to 3 pixels.
"""

FILLED = 5.0
"""Wider than this, in pixels of the 28x28 image, it is no line but a filled shape."""


@dataclass(frozen=True, eq=False)
class _Ink:
    """Ink 0..1, cropped; the crop's left and top in the picture it came from."""

    values: Floats
    left: int
    top: int

    @property
    def longer_side(self) -> int:
        return int(max(self.values.shape))


def normalise(picture: Picture, data: bytes) -> NetworkInput:
    """The image of a picture for the network; ``data`` is the file, for the input's key.

    Raises:
        InvalidPicture: nothing is drawn on it, or it is ink nearly everywhere.
    """
    steps = list(picture.steps)
    if _is_network_form(picture.pixels):
        image = picture.pixels[..., 0].copy()
        steps.append(Step(name="keep", detail="It has the network's form already; nothing to do."))
        ink = _crop(image / 255.0)
        scale, line_width = 1.0, _line_width(ink.values)
        offset = Offset(x=0, y=0)
    else:
        contrast, found = _contrast(picture.pixels.astype(np.float64))
        steps.append(found)
        ink = _crop(contrast)
        steps.append(_cropping_step(ink, picture.reduction))
        image, scale, offset, line_width, drawn = _draw(ink)
        steps += drawn
    unit = picture.reduction
    height, width = ink.values.shape
    preprocessing = Preprocessing(
        source="image",
        format=picture.format,
        width=picture.width,
        height=picture.height,
        box=Box(
            left=ink.left / unit,
            top=ink.top / unit,
            right=(ink.left + width) / unit,
            bottom=(ink.top + height) / unit,
        ),
        scale=scale * unit,
        offset=offset,
        line_width=line_width,
        steps=steps,
    )
    return NetworkInput(image, preprocessing, hashlib.sha256(data).digest())


def _is_network_form(pixels: NDArray[np.uint8]) -> bool:
    """Whether it is 28x28, grey, bright ink on black, of the size drawings are rendered at."""
    if pixels.shape[:2] != (SIDE, SIDE) or np.ptp(pixels, axis=2).any():
        return False
    grey = pixels[..., 0]
    if np.median(_border(grey)) > 0 or grey.max() < 200 or (grey > 0).mean() > FULLEST:
        return False
    return 20 <= _crop(grey / 255.0).longer_side <= SIDE


def _border(values: NDArray[Number]) -> NDArray[Number]:
    """The outermost fiftieth of an image, (pixels, ...)."""
    edge = max(1, max(values.shape[:2]) // 50)
    inside = np.zeros(values.shape[:2], dtype=bool)
    inside[edge:-edge, edge:-edge] = True
    return values[~inside]


def _contrast(pixels: Floats) -> tuple[Floats, Step]:
    """Ink 0..1 (height, width): how far each pixel of (height, width, 3) is from the background."""
    paper: Floats = np.median(_border(pixels), axis=0)
    difference = _distance(pixels, paper)
    strongest = float(difference.max())
    if strongest >= FAINTEST:
        difference = _distance(pixels, _shading(pixels, difference < strongest / 4, paper))
        strongest = float(difference.max())
    if strongest < FAINTEST:
        raise InvalidPicture(
            "Nothing is drawn on the image: it has one colour, or nearly so.",
            pointer=POINTER,
            value=f"{strongest:.0f} of 255 levels of contrast",
            limit=FAINTEST,
        )
    floor = strongest * 0.2
    ink = ((difference - floor) / (strongest * 0.7 - floor)).clip(0, 1)
    share = float((ink > 0.5).mean())
    if share > FULLEST:
        raise InvalidPicture(
            f"The image has no background: {share:.0%} of it differs from its border.",
            pointer=POINTER,
            limit=FULLEST,
        )
    kind = "dark on light" if paper.mean() > 127 else "light on dark"
    detail = f"Ink is what differs from the border's colour, {kind}; it becomes white on black."
    return ink, Step(name="polarity", detail=detail)


def _distance(pixels: Floats, paper: Floats) -> Floats:
    """The largest difference over the three colours, so that yellow on white is seen."""
    red, green, blue = np.moveaxis(np.abs(pixels - paper), 2, 0)
    distance: Floats = np.maximum(np.maximum(red, green), blue)
    return distance


def _shading(pixels: Floats, plain: NDArray[np.bool_], paper: Floats) -> Floats:
    """The background as a smooth surface, quadratic in x and y, fitted to what is not ink."""
    height, width = plain.shape
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    terms = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=-1)
    stride = max(1, max(height, width) // 128)
    surface = np.broadcast_to(paper, pixels.shape)
    for _ in range(3):
        chosen = plain[::stride, ::stride]
        if np.count_nonzero(chosen) < 100:
            return surface
        fit, *_rest = np.linalg.lstsq(
            terms[::stride, ::stride][chosen], pixels[::stride, ::stride][chosen], rcond=None
        )
        surface = terms @ fit
        difference = _distance(pixels, surface)
        plain = difference < difference.max() / 4
    return surface


def _crop(ink: Floats) -> _Ink:
    """The smallest box with all ink that is more than a trace."""
    rows = np.flatnonzero((ink > 0.3).any(axis=1))
    columns = np.flatnonzero((ink > 0.3).any(axis=0))
    if not rows.size:
        return _Ink(ink, 0, 0)
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    return _Ink(ink[top:bottom, left:right], int(left), int(top))


def _cropping_step(ink: _Ink, reduction: float) -> Step:
    height, width = (round(side / reduction) for side in ink.values.shape)
    left, top = round(ink.left / reduction), round(ink.top / reduction)
    return Step(name="crop", detail=f"The ink spans {width}x{height} pixels from ({left}, {top}).")


def _line_width(ink: Floats) -> float:
    """Mean width of lines: a long line of width w and length l has area w l and outline 2 l.

    The outline is the number of borders between pixels, times pi / 4 for its steps (the mean over
    all directions of a line).
    """
    mask = np.pad(ink > 0.5, 1)
    steps = np.count_nonzero(mask[1:] != mask[:-1]) + np.count_nonzero(mask[:, 1:] != mask[:, :-1])
    return 2 * float(np.count_nonzero(mask)) / (steps * np.pi / 4) if steps else 0.0


def _resized(ink: Floats, scale: float) -> Floats:
    """Scaled: averaged when it shrinks, and when it grows interpolated with crisp edges."""
    height, width = (max(1, round(side * scale)) for side in ink.shape)
    image = Image.fromarray(ink.astype(np.float32))
    resized = np.asarray(image.resize((width, height), Image.Resampling.BICUBIC), np.float64)
    if scale > GROWTH:
        resized = (resized - EDGE) / EDGE + 0.5
    return resized.clip(0, 1)


def _draw(ink: _Ink) -> tuple[NDArray[np.uint8], float, Offset, float, list[Step]]:
    """Scaled, with lines as wide as the pen, in the middle of 28x28."""
    drawn, pen = DRAWN_SIDE * FINENESS, PEN * FINENESS
    scale = drawn / ink.longer_side
    width = _line_width(_strong(_resized(ink.values, scale)))
    filled = width > FILLED * FINENESS
    # The frame is measured between the middles of the lines, the crop to their outer edges.
    scale = (drawn + pen) / ink.longer_side if filled else scale * drawn / (drawn - width)
    values = _strong(_resized(ink.values, scale))
    width = _line_width(values)
    steps = [
        Step(
            name="scale",
            detail=f"The longer side becomes {max(values.shape) / FINENESS:.1f} of {SIDE} pixels.",
        )
    ]
    margin = round(pen) * 2
    values = np.pad(values, margin)
    change = pen - width
    if filled:
        steps.append(Step(name="line", detail="Filled shapes stay as they are."))
    elif abs(change) > 0.15 * pen:
        values = _widened(values, change)
        verb = "widened" if change > 0 else "thinned"
        steps.append(
            Step(
                name="line",
                detail=f"Lines {verb} from {width / FINENESS:.2f} to {PEN:.2f} pixels, the pen.",
            )
        )
        width = _line_width(values)
    image, left, top = _centred(values)
    steps.append(Step(name="centre", detail=f"Its middle moves to the middle of {SIDE}x{SIDE}."))
    to_pixels = scale / FINENESS
    offset = Offset(
        x=(left + margin) / FINENESS - ink.left * to_pixels,
        y=(top + margin) / FINENESS - ink.top * to_pixels,
    )
    return image, to_pixels, offset, width / FINENESS, steps


def _strong(ink: Floats) -> Floats:
    """Thin lines, which scaling makes faint, as strong as the strongest."""
    strongest = np.percentile(ink[ink > 0.1], 90) if (ink > 0.1).any() else 1.0
    strengthened: Floats = (ink / strongest).clip(0, 1)
    return strengthened


def _widened(ink: Floats, change: float) -> Floats:
    """Lines wider (or thinner, below 0) by ``change`` pixels: the maximum or minimum over a disc.

    The disc is blended between the two radii of whole pixels around half the change.
    """
    radius = abs(change) / 2
    lower = int(radius)
    share = radius - lower
    sign = 1 if change > 0 else -1
    spread = sign * ((1 - share) * _disc_maximum(sign * ink, lower))
    spread += sign * (share * _disc_maximum(sign * ink, lower + 1))
    return spread


def _disc_maximum(values: Floats, radius: int) -> Floats:
    """The maximum over a disc around each pixel."""
    result = values.copy()
    height, width = values.shape
    padded = np.pad(values, radius, mode="edge")
    for y in range(-radius, radius + 1):
        for x in range(-radius, radius + 1):
            if 0 < x * x + y * y <= radius * radius:
                top, left = radius + y, radius + x
                np.maximum(result, padded[top : top + height, left : left + width], out=result)
    return result


def _centred(values: Floats) -> tuple[NDArray[np.uint8], float, float]:
    """On a canvas of 28x28 (uint8), and where the left and top came to lie, in working pixels."""
    side = SIDE * FINENESS
    box = _crop(values)
    height, width = box.values.shape
    left = round((side - width) / 2) - box.left
    top = round((side - height) / 2) - box.top
    canvas = np.zeros((side, side))
    source_top, source_left = max(0, -top), max(0, -left)
    part = values[source_top : side - top, source_left : side - left]
    canvas_top, canvas_left = max(0, top), max(0, left)
    canvas[canvas_top : canvas_top + part.shape[0], canvas_left : canvas_left + part.shape[1]] = (
        part
    )
    means = canvas.reshape(SIDE, FINENESS, SIDE, FINENESS).mean(axis=(1, 3))
    return np.rint(means * 255).astype(np.uint8), left, top
