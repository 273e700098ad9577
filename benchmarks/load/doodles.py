"""Drawings to ask about, drawn by a seeded generator of numbers.

Quick, Draw!'s own are no part of this repository. These have their form, whole coordinates in a box
of 0..255, and in the middle as many strokes (4) and points (38) as 3,450 of its simplified drawings
have, and as long a text (280 characters).
"""

from __future__ import annotations

import numpy as np

SEED = 2026
SIDE = 255
MOST_STROKES = 12

Strokes = list[list[list[int]]]
"""``[[[x...], [y...]], ...]``"""


def doodles(count: int) -> list[Strokes]:
    """So many drawings, the same ones every time."""
    generator = np.random.default_rng(SEED)
    return [_doodle(generator) for _ in range(count)]


def _doodle(generator: np.random.Generator) -> Strokes:
    strokes = int(np.clip(np.rint(generator.lognormal(np.log(4), 0.7)), 1, MOST_STROKES))
    # Of a drawing of many strokes each is shorter.
    mean = generator.lognormal(np.log(36), 0.45) / strokes
    points = np.rint(mean * generator.uniform(0.5, 1.5, strokes)).astype(int).clip(2)
    lines = [_stroke(generator, int(number)) for number in points]
    low = np.min([line.min(0) for line in lines], 0)
    longer_side = max(float((np.max([line.max(0) for line in lines], 0) - low).max()), 1.0)
    fitted = [np.rint((line - low) * SIDE / longer_side).astype(int) for line in lines]
    return [[line[:, 0].tolist(), line[:, 1].tolist()] for line in fitted]


def _stroke(generator: np.random.Generator, points: int) -> np.ndarray[tuple[int, int]]:
    """A part of a closed curve: a bent ellipse somewhere in the box; float64 (points, 2)."""
    turn = np.linspace(0, generator.uniform(0.2, 1.0) * 2 * np.pi, points)
    phases = generator.uniform(0, 2 * np.pi, (3, 2))
    sizes = generator.uniform(15, 90, 2) / np.arange(1, 4)[:, None] ** 2
    waves = [sizes[n] * np.sin((n + 1) * turn[:, None] + phases[n]) for n in range(3)]
    line: np.ndarray[tuple[int, int]] = generator.uniform(60, 195, 2) + sum(waves)
    return line
