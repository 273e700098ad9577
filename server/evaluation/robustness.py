"""The same drawings, made by another hand: turned, shaken, hurried, small, with another pen."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from server.doodle.strokes import Drawing, Stroke

Random = np.random.Generator
Change = Callable[[Drawing, Random], Drawing]

PAD = 560
"""Pixels along each side of the pad that hands are imitated on."""

SIDE = 255.0
"""The longer side of the drawings, as the data set has them."""


@dataclass(frozen=True)
class Variation:
    """One way to change a drawing."""

    name: str
    detail: str
    change: Change


def turned(degrees: float) -> Change:
    """Turn clockwise, as seen, about the middle."""

    def change(drawing: Drawing, _: Random) -> Drawing:
        angle = math.radians(degrees)
        matrix = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        return _mapped(drawing, lambda stroke: stroke @ matrix)

    return change


def mirrored(drawing: Drawing, _: Random) -> Drawing:
    """Left and right exchanged."""
    return _mapped(drawing, lambda stroke: stroke * [-1.0, 1.0])


def shaken(amount: float) -> Change:
    """A hand that trembles by a share of the drawing, smoothly along the stroke."""

    def change(drawing: Drawing, random: Random) -> Drawing:
        return _mapped(drawing, lambda stroke: _tremble(_evenly(stroke, 4.0), amount, 3, random))

    return change


def hurried(drawing: Drawing, _: Random) -> Drawing:
    """A pen so fast that the pad sees a point only every 25 of 255 units: corners are cut."""
    return _mapped(drawing, lambda stroke: _evenly(stroke, 25.0))


def slow(drawing: Drawing, random: Random) -> Drawing:
    """A pen so slow that there is a point every 2 units, each off by 0.4 %."""
    return _mapped(drawing, lambda stroke: _tremble(_evenly(stroke, 2.0), 0.004, 1, random))


def by_mouse(drawing: Drawing, _: Random) -> Drawing:
    """A mouse: points of whole pixels, about twelve pixels apart."""
    return _on_pad(drawing, 0.7, lambda stroke: np.round(_evenly(stroke, 12.0)))


def by_touch(drawing: Drawing, random: Random) -> Drawing:
    """A finger: points close together, each off by 0.5 % of the pad, and rounded corners."""
    return _on_pad(
        drawing,
        0.7,
        lambda stroke: _smoothed(_tremble(_evenly(stroke, 4.0), 0.005, 2, random, PAD)),
    )


def in_a_corner(drawing: Drawing, _: Random) -> Drawing:
    """A twelfth of the pad in its corner, in whole pixels."""
    return _on_pad(drawing, 1 / 12, np.round)


def over_the_pad(drawing: Drawing, _: Random) -> Drawing:
    """From edge to edge of the pad, in whole pixels."""
    return _on_pad(drawing, 1.0, np.round)


VARIATIONS = (
    Variation("as drawn", "The drawings of the file.", lambda drawing, _: drawing),
    Variation("turned 15° right", "About their middle.", turned(15)),
    Variation("turned 15° left", "About their middle.", turned(-15)),
    Variation("mirrored", "Left and right exchanged.", mirrored),
    Variation("shaking hand", "Off by 0.75 % of the drawing, smoothly.", shaken(0.0075)),
    Variation("badly shaking hand", "Off by 1.5 % of the drawing, smoothly.", shaken(0.015)),
    Variation("fast", "A point every tenth of the drawing, with straight lines between.", hurried),
    Variation("slow", "Many points, each off by 0.4 % of the drawing.", slow),
    Variation("mouse", "Whole pixels, 12 of 560 apart.", by_mouse),
    Variation(
        "touch", "Close points, each off by 0.5 % of the pad, and rounded corners.", by_touch
    ),
    Variation("small in a corner", "47 of 560 pixels, whole ones.", in_a_corner),
    Variation("over the whole pad", "560 pixels, whole ones.", over_the_pad),
)


def _mapped(drawing: Drawing, change: Callable[[Stroke], Stroke]) -> Drawing:
    return Drawing(tuple(change(stroke) for stroke in drawing.strokes))


def _on_pad(drawing: Drawing, share: float, change: Callable[[Stroke], Stroke]) -> Drawing:
    """The drawing brought to a share of the pad's side, then changed there."""
    box = drawing.box
    scale = PAD * share / (box.longer_side or 1.0)
    corner = np.array([box.left, box.top])
    return _mapped(drawing, lambda stroke: change((stroke - corner) * scale))


def _evenly(stroke: Stroke, step: float) -> Stroke:
    """Points about ``step`` apart along a stroke, with its first and last one."""
    ends = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(stroke, axis=0).T))])
    if ends[-1] == 0:
        return stroke[:1]
    places = np.linspace(0, ends[-1], max(2, round(ends[-1] / step) + 1))
    return np.stack([np.interp(places, ends, stroke[:, axis]) for axis in range(2)], axis=1)


def _tremble(
    stroke: Stroke, amount: float, width: int, random: Random, side: float = SIDE
) -> Stroke:
    """Move each point by normal noise of ``amount`` of the side, averaged over ``width`` points."""
    noise = random.standard_normal((len(stroke) + width - 1, 2)) * amount * side * math.sqrt(width)
    kernel = np.full(width, 1 / width)
    smooth = [np.convolve(noise[:, axis], kernel, mode="valid") for axis in range(2)]
    moved: Stroke = stroke + np.stack(smooth, axis=1)
    return moved


def _smoothed(stroke: Stroke) -> Stroke:
    """Each inner point the mean of itself and its neighbours."""
    if len(stroke) < 3:
        return stroke
    inner = (stroke[:-2] + stroke[1:-1] + stroke[2:]) / 3
    return np.concatenate([stroke[:1], inner, stroke[-1:]])
