"""Scribbles that the rule of the unknown is fitted on; those of a report are made otherwise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from server.doodle.strokes import Drawing

Random = np.random.Generator
Strokes = list[NDArray[np.float64]]


def circling(random: Random) -> Strokes:
    """One stroke that goes round and round, wandering off, with a radius that swells."""
    turns = np.linspace(0, random.uniform(4, 14) * np.pi, 160)
    radius = random.uniform(20, 90) * (1 + 0.3 * np.sin(turns * random.uniform(0.1, 0.6)))
    middle = np.cumsum(random.normal(0, 3, (len(turns), 2)), axis=0)
    flat = np.array([1.0, random.uniform(0.4, 1)])
    return [middle + radius[:, None] * np.stack([np.cos(turns), np.sin(turns)], axis=1) * flat]


def writing(random: Random) -> Strokes:
    """Rows of small angular marks, as letters that nobody can read."""
    strokes: Strokes = []
    for row in range(random.integers(1, 4)):
        x, end = 0.0, random.uniform(80, 255)
        while x < end:
            width, points = random.uniform(8, 25), random.integers(2, 6)
            height = random.uniform(15, 40)
            across, down = random.uniform(0, width, points), random.uniform(0, height, points)
            strokes.append(np.stack([x + across, row * 55 + down], axis=1))
            x += width + random.uniform(2, 10)
    return strokes


def scrubbing(random: Random) -> Strokes:
    """One stroke to and fro, as if something were rubbed out."""
    points = random.integers(15, 50)
    across = np.cumsum(random.uniform(-2, 12, points))
    high, low = random.uniform(-80, -20, points), random.uniform(20, 80, points)
    down = np.where(np.arange(points) % 2, high, low)
    return [_turned(np.stack([across, down], axis=1), random)]


def meandering(random: Random) -> Strokes:
    """One to five strokes whose direction turns as the sum of a few slow waves."""
    strokes: Strokes = []
    for _ in range(random.integers(1, 6)):
        way = np.linspace(0, 1, random.integers(15, 80))
        direction = np.full(len(way), random.uniform(0, 2 * np.pi))
        for wave in range(1, 6):
            phase = random.uniform(0, 2 * np.pi)
            direction += random.normal(0, 2.5) / wave * np.sin(2 * np.pi * wave * way + phase)
        steps = random.uniform(3, 20) * np.stack([np.cos(direction), np.sin(direction)], axis=1)
        strokes.append(random.uniform(0, 255, 2) + np.cumsum(steps, axis=0))
    return strokes


def chords(random: Random) -> Strokes:
    """One to three strokes that go straight from one random point to the next."""
    return [
        random.uniform(0, 255, (random.integers(4, 16), 2)) for _ in range(random.integers(1, 4))
    ]


def arcs(random: Random) -> Strokes:
    """Three to twelve parts of circles, anywhere."""
    strokes: Strokes = []
    for _ in range(random.integers(3, 13)):
        start = random.uniform(0, 2 * np.pi)
        turns = start + np.linspace(0, random.uniform(0.5, 5), 24)
        circle = random.uniform(8, 70) * np.stack([np.cos(turns), np.sin(turns)], axis=1)
        strokes.append(random.uniform(0, 255, 2) + circle)
    return strokes


KINDS: tuple[Callable[[Random], Strokes], ...] = (
    circling,
    writing,
    scrubbing,
    meandering,
    chords,
    arcs,
)


def scribbles_to_fit(each: int, seed: int) -> list[Drawing]:
    """``each`` scribbles of every kind, always the same for a seed."""
    found = []
    for number, kind in enumerate(KINDS):
        random = np.random.default_rng([seed, number])
        found += [Drawing(tuple(kind(random))) for _ in range(each)]
    return found


def _turned(points: NDArray[np.float64], random: Random) -> NDArray[np.float64]:
    angle = random.uniform(0, np.pi)
    cosine, sine = np.cos(angle), np.sin(angle)
    turned: NDArray[np.float64] = points @ np.array([[cosine, sine], [-sine, cosine]])
    return turned
