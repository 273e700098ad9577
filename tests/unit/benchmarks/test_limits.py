"""Medians, ratios and verdicts, on measurements that are made up."""

from __future__ import annotations

import pytest

from benchmarks.load import limits, tables
from benchmarks.load.measurement import Measurement
from benchmarks.load.results import Results, efficiency, p50


def measured(requests: int, cpu: float, p50: float = 1.0, p99: float = 2.0) -> Measurement:
    return Measurement(64, 2.0, requests, 0, "", p50, p99, cpu, 0.1, 0.5)


@pytest.fixture
def results() -> Results:
    found = Results()
    found.loads[limits.OURS][64] = [measured(8000, 2), measured(9000, 1), measured(100, 1)]
    found.loads[limits.TUNED][64] = [measured(2000, 2), measured(6000, 1), measured(200, 1)]
    return found


def test_ratios_are_of_one_round_each_and_the_median_counts(results: Results) -> None:
    assert results.median(limits.OURS, 64, efficiency) == 4000
    # 4, 1.5 and 0.5; the ratio of the medians would be 4.
    assert results.ratio(limits.OURS, limits.TUNED, 64, efficiency) == 1.5


def test_only_what_was_measured_is_judged(results: Results) -> None:
    assert [(each.measured, each.limit, each.kept) for each in limits.verdicts(results)] == [
        (1.5, 1.0, True),
        (2.0, 3.0, True),
    ]


def test_a_lone_client_must_be_four_times_quicker(results: Results) -> None:
    results.loads[limits.OURS][1] = [measured(900, 1, p50=1.0)] * 3
    results.loads[limits.TUNED][1] = [measured(300, 1, p50=3.9)] * 3
    lone = next(each for each in limits.verdicts(results) if "p50 at 1" in each.what)
    assert (lone.measured, lone.limit, lone.kept) == (3.9, 4.0, False)
    assert results.ratio(limits.TUNED, limits.OURS, 1, p50) == 3.9


def test_slow_answers_and_slow_strokes_are_told(results: Results) -> None:
    results.loads[limits.OURS][64] = [measured(8000, 2, p50=1.0, p99=3.5)] * 3
    results.loads[limits.STROKES][64] = [measured(4000, 2)] * 3
    kept = {each.what: each.kept for each in limits.verdicts(results)}
    assert kept == {
        "requests per CPU second at 64, of mosec, tuned": True,
        "p99 of p50 at 64": False,
        "requests per CPU second at 64, strokes of bitmaps": False,
    }


def test_errors_and_silence_are_named(results: Results) -> None:
    results.loads[limits.OURS][1] = [Measurement(1, 1, 5, 2, "HTTP/1.1 503", 1, 1, 1, 1, 1)]
    results.loads[limits.TUNED][1] = [measured(0, 1)]
    said = results.errors()
    assert len(said) == 2
    assert "2 errors; the first: HTTP/1.1 503" in said[0]


def test_tables_show_medians_and_ratios(results: Results) -> None:
    lines = tables.efficiencies(results).splitlines()
    assert lines[2] == f"| {limits.OURS} | 4,000 | - |"
    assert lines[3] == f"| {limits.TUNED} | 1,000 (1.50) | - |"
    assert tables.times(results).splitlines()[2] == f"| {limits.OURS} | 4,000 (1.00 / 2.00) |"
