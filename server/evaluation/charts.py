"""Where the lines and bars of a report's pictures are: numbers for SVG, nothing of its looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 420.0, 280.0
LEFT, BOTTOM, TOP, RIGHT = 44.0, 40.0, 12.0, 24.0


@dataclass(frozen=True)
class Bar:
    """A rectangle, in the units of the picture; y downwards."""

    x: float
    y: float
    width: float
    height: float
    label: str


def x_at(share: float) -> float:
    """Place of a share in 0..1 along the picture."""
    return round(LEFT + share * (WIDTH - LEFT - RIGHT), 2)


def y_at(share: float) -> float:
    """Place of a share in 0..1 up the picture."""
    return round(HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP), 2)


def line(points: Sequence[tuple[float, float]]) -> str:
    """The points of an SVG polyline through shares in 0..1."""
    return " ".join(f"{x_at(x)},{y_at(y)}" for x, y in points)


def early_line(early: Sequence[Mapping[str, float]], by: str) -> str:
    """The curve of ``by_strokes`` or ``by_ink``, of a report's JSON."""
    return line([(each["share"], each[by]) for each in early])


def reliability_bars(bins: Sequence[Mapping[str, Any]]) -> list[Bar]:
    """A bar for each bin with drawings, of a report's JSON, as high as its accuracy."""
    return [
        Bar(
            x=round(x_at(each["low"]) + 1, 2),
            y=y_at(each["accuracy"]),
            width=round(x_at(each["high"]) - x_at(each["low"]) - 2, 2),
            height=round(y_at(0) - y_at(each["accuracy"]), 2),
            label=f"{each['n']} guesses of {each['confidence']:.0%} on average: "
            f"{each['accuracy']:.0%} right",
        )
        for each in bins
        if each["n"]
    ]
