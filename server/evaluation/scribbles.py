"""Scribbles to judge by, which are of no category.

None of these makers is one that a rule is fitted with (``server.training.scribbles``), and walks,
zigzags, dots and lines have no counterpart there at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from server.doodle.strokes import Drawing

Random = np.random.Generator
Strokes = list[NDArray[np.float64]]

EACH = 200


@dataclass(frozen=True)
class Kind:
    """One way to scribble."""

    name: str
    detail: str
    make: Callable[[Random], Strokes]


def wandering(random: Random) -> Strokes:
    """A pen that wanders: one to five strokes whose direction drifts, in a box of any shape."""
    strokes = []
    for _ in range(random.integers(1, 6)):
        turns = random.normal(0, random.uniform(0.1, 0.8), size=random.integers(5, 40))
        direction = random.uniform(0, 2 * np.pi) + np.cumsum(turns)
        steps = random.uniform(2, 25) * np.stack([np.cos(direction), np.sin(direction)], axis=1)
        strokes.append(random.uniform(0, 255, size=2) + np.cumsum(steps, axis=0))
    return strokes


def walking(random: Random) -> Strokes:
    """One to three strokes that go a random step from each point to the next."""
    return [
        random.uniform(0, 255, 2)
        + np.cumsum(random.laplace(0, random.uniform(3, 15), (random.integers(30, 150), 2)), axis=0)
        for _ in range(random.integers(1, 4))
    ]


def crossing_zigzags(random: Random) -> Strokes:
    """Two or three zigzags across each other; a single one would be of a category."""
    strokes = []
    for _ in range(random.integers(2, 4)):
        points = random.integers(5, 14)
        along = np.linspace(-1, 1, points) * random.uniform(60, 130)
        across = (np.arange(points) % 2 - 0.5) * random.uniform(30, 160)
        strokes.append(_turned(np.stack([along, across + random.normal(0, 8, points)], 1), random))
    return strokes


def looping(random: Random) -> Strokes:
    """One line of loops, as a pen that is tried out: a circle that is drawn while it moves on."""
    turns = np.linspace(0, 2 * np.pi * random.integers(4, 12), 200)
    size, pace = random.uniform(15, 50), random.uniform(2, 9)
    bow = random.normal(0, 30) * np.sin(turns / turns[-1] * np.pi)
    loops = np.stack([pace * turns + size * np.cos(turns), bow + size * np.sin(turns)], axis=1)
    return [_turned(loops + np.cumsum(random.normal(0, 0.6, loops.shape), axis=0), random)]


def dotting(random: Random) -> Strokes:
    """Two to thirty dots, most of them near the middle."""
    dots = random.normal(127, random.uniform(20, 70), (random.integers(2, 31), 2))
    return [dot + random.uniform(-1.5, 1.5, (2, 2)) for dot in dots]


def ruling(random: Random) -> Strokes:
    """Two to nine straight lines, of any length and direction, drawn by an unsteady hand."""
    strokes = []
    for _ in range(random.integers(2, 10)):
        angle, length = random.uniform(0, np.pi), random.uniform(20, 200)
        way = np.linspace(-0.5, 0.5, 8)[:, None] * length
        line = random.uniform(0, 255, 2) + way * [np.cos(angle), np.sin(angle)]
        strokes.append(line + random.normal(0, 1.5, line.shape))
    return strokes


def lettering(random: Random) -> Strokes:
    """One to three rows of joined-up waves, in words, as handwriting from afar."""
    strokes = []
    for row in range(random.integers(1, 4)):
        x = 0.0
        for _ in range(random.integers(1, 5)):
            way = np.linspace(0, random.uniform(2, 7) * np.pi, 60)
            heights = 9 + 7 * np.sin(way * random.uniform(0.2, 0.7) + random.uniform(0, 6))
            slanted = x + 4.5 * way + 5 * np.sin(2 * way)
            strokes.append(np.stack([slanted, row * 45 + heights * np.sin(way)], axis=1))
            x = float(slanted[-1]) + random.uniform(10, 25)
    return strokes


KINDS = (
    Kind("wandering lines", "Strokes whose direction drifts.", wandering),
    Kind("random walks", "A random step from each point to the next.", walking),
    Kind(
        "crossing zigzags", "Two or three across each other; one is a category.", crossing_zigzags
    ),
    Kind("loops", "A circle drawn while the pen moves on.", looping),
    Kind("dots", "Two to thirty.", dotting),
    Kind("straight lines", "Two to nine, anywhere.", ruling),
    Kind("illegible writing", "Rows of joined-up waves.", lettering),
)


def scribbles(kind: Kind, count: int = EACH, seed: int = 0) -> list[Drawing]:
    """So many of a kind, always the same for a seed."""
    random = np.random.default_rng([seed, *kind.name.encode()])
    return [Drawing(tuple(kind.make(random))) for _ in range(count)]


def _turned(points: NDArray[np.float64], random: Random) -> NDArray[np.float64]:
    angle = random.uniform(0, 2 * np.pi)
    cosine, sine = np.cos(angle), np.sin(angle)
    turned: NDArray[np.float64] = points @ np.array([[cosine, sine], [-sine, cosine]])
    return turned
