"""The benchmark of the rasteriser: what it calls kept, and that it measures both."""

import pytest

from benchmarks.load.doodles import doodles
from benchmarks.raster import Comparison, compared
from server.doodle.strokes import Drawing


@pytest.mark.parametrize(
    ("times", "mean_error", "largest_error", "kept"),
    [
        ((40, 100), 1.9, 30, True),
        ((40, 100), 2.1, 30, False),
        ((60, 100), 1.9, 30, False),
        ((600, 100), 0.0, 0, True),
    ],
)
def test_exact_or_near_and_fast(
    times: tuple[float, float], mean_error: float, largest_error: int, kept: bool
) -> None:
    assert Comparison(*times, mean_error, largest_error).is_kept is kept


def test_both_draw_the_same() -> None:
    try:
        found = compared([Drawing.from_lists(strokes) for strokes in doodles(8)], rounds=1)
    except OSError:
        pytest.skip("no libcairo on this machine")
    assert 0 < found.mean_error < 0.5
    assert found.microseconds > 0
    assert found.cairo > 0
