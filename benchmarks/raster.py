"""The rasteriser next to cairo, which draws the published recipe: how near, and how fast.

Everything runs in one process, in turns, as CPU time of its one thread. It needs the system's
libcairo.

    python -m benchmarks.raster
    python -m benchmarks.raster --rounds 21
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.load.doodles import doodles
from benchmarks.views import medians
from server.doodle.raster import render
from server.doodle.strokes import Drawing
from tests.unit.doodle.cairo import render_with_cairo

MEAN_ERROR = 2.0
"""Of 255, over all pixels; or, where it is exact, any time will do."""
SHARE = 0.5
"""Of cairo's time."""
DRAWINGS = 256


@dataclass(frozen=True)
class Comparison:
    """What the rasteriser does, next to cairo."""

    microseconds: float
    """For a drawing; the median over the rounds."""
    cairo: float
    mean_error: float
    """Of 255, over all pixels of all drawings."""
    largest_error: int

    @property
    def share(self) -> float:
        """The rasteriser's time, of cairo's."""
        return self.microseconds / self.cairo

    @property
    def is_kept(self) -> bool:
        """Whether it is exact, or near and fast."""
        near_and_fast = self.mean_error <= MEAN_ERROR and self.share <= SHARE
        return self.largest_error == 0 or near_and_fast


def main() -> None:
    """Measure, and print a table; exits with 1 when the limit is not kept."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9, help="of all drawings (default: 9)")
    options = parser.parse_args()
    drawings = [Drawing.from_lists(strokes) for strokes in doodles(DRAWINGS)]
    try:
        found = compared(drawings, options.rounds)
    except OSError as error:
        sys.exit(f"raster: {error}")
    show(found)
    sys.exit(0 if found.is_kept else 1)


def compared(drawings: Sequence[Drawing], rounds: int) -> Comparison:
    """Draw all drawings with both.

    Raises:
        OSError: the system has no libcairo.
    """
    ours = np.stack([render(drawing) for drawing in drawings])
    theirs = np.stack([render_with_cairo(drawing) for drawing in drawings])
    error = np.abs(ours.astype(int) - theirs)
    draws = (render, render_with_cairo)
    fast, slow = (
        milliseconds / len(drawings) * 1e3
        for milliseconds in medians([partial(_all, draw, drawings) for draw in draws], rounds)
    )
    return Comparison(fast, slow, float(error.mean()), int(error.max()))


def _all(draw: Callable[[Drawing], object], drawings: Sequence[Drawing]) -> None:
    for drawing in drawings:
        draw(drawing)


def show(found: Comparison) -> None:
    """Print a table."""
    table = Table("rasteriser", "measured", "limit")
    table.add_row("mean error, of 255", f"{found.mean_error:.3f}", f"{MEAN_ERROR:g}")
    table.add_row("largest error", str(found.largest_error), "")
    table.add_row("microseconds a drawing", f"{found.microseconds:.0f}", "")
    table.add_row("cairo", f"{found.cairo:.0f}", "")
    table.add_row("of cairo's time", f"{found.share:.2f}", f"{SHARE:g}")
    Console().print(table)


if __name__ == "__main__":
    main()
