"""The published recipe itself, on cairo: the truth that the rasteriser is held against.

After googlecreativelab/quickdraw-dataset, issue 19. It needs the system's libcairo, so what it
drew once is kept in ``tests/fixtures/cairo.npz``; ``python -m tests.unit.doodle.cairo`` draws it
anew.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from server.doodle.strokes import Drawing

FIXTURE = Path(__file__).parents[2] / "fixtures" / "cairo.npz"
SEED, DRAWINGS = 20, 60


def sample_drawings() -> list[Drawing]:
    """Seeded random drawings in the Quick, Draw! form: lines, curves, loops, dots, scribbles."""
    random = np.random.default_rng(SEED)
    return [Drawing(tuple(_strokes(random))) for _ in range(DRAWINGS)]


def _strokes(random: np.random.Generator) -> list[NDArray[np.float64]]:
    strokes = []
    for _ in range(random.integers(1, 6)):
        points = int(random.choice([1, 2, 3, 8, 25]))
        steps = random.normal(0, 40, (points, 2))
        strokes.append(np.cumsum(steps, axis=0) + random.uniform(0, 255, 2))
    whole = np.concatenate(strokes)
    side = max(np.ptp(whole, axis=0).max(), 1.0)
    return [np.round((stroke - whole.min(axis=0)) * (255 / side)) for stroke in strokes]


def render_with_cairo(drawing: Drawing, side: int = 28) -> NDArray[np.uint8]:
    """Render as the published bitmaps were: uint8 (side, side), ink 255 on 0.

    Raises:
        OSError: the system has no libcairo.
    """
    import cairocffi

    surface = cairocffi.ImageSurface(cairocffi.FORMAT_ARGB32, side, side)
    context = cairocffi.Context(surface)
    context.set_antialias(cairocffi.ANTIALIAS_BEST)
    context.set_line_cap(cairocffi.LINE_CAP_ROUND)
    context.set_line_join(cairocffi.LINE_JOIN_ROUND)
    context.set_line_width(16)
    context.scale(side / 304, side / 304)
    context.translate(24, 24)
    context.set_source_rgb(0, 0, 0)
    context.paint()
    context.set_source_rgb(1, 1, 1)
    largest = np.concatenate(drawing.strokes).max(axis=0)
    for stroke in drawing.strokes:
        placed = stroke + (256 - largest) / 2
        context.move_to(*placed[0])
        for point in placed:
            context.line_to(*point)
        context.stroke()
    pixels = np.frombuffer(surface.get_data(), np.uint8)
    return pixels.reshape(side, surface.get_stride() // 4, 4)[:, :side, 0].copy()


if __name__ == "__main__":
    images = np.stack([render_with_cairo(drawing) for drawing in sample_drawings()])
    np.savez_compressed(FIXTURE, images=images)
