"""What our server has to keep."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.load.results import Results, efficiency, p50, spread

OURS = "doodlescope"
STROKES = "doodlescope, strokes"
NAIVE = "naive FastAPI"
LITSERVE = "LitServe"
MOSEC = "mosec, tutorial"
TUNED = "mosec, tuned"

FULL = 64
"""The concurrency at which servers are compared."""

EFFICIENCIES = ((NAIVE, 8.0), (LITSERVE, 8.0), (MOSEC, 2.5), (TUNED, 1.0))
"""At least so many times as many requests for a second of processor time."""

QUICKER = 4.0
"""A lone client waits at least so many times less than with the tuned mosec."""

SPREAD = 3.0
"""The 99th of a hundred answers takes at most so many medians."""

STROKES_SHARE = 0.7
"""Of our own efficiency with bitmaps, with strokes that have to be rendered first."""


@dataclass(frozen=True)
class Verdict:
    """One limit, and what was measured."""

    what: str
    measured: float
    limit: float
    at_least: bool = True

    @property
    def kept(self) -> bool:
        """Whether it is kept."""
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit

    @property
    def bound(self) -> str:
        """The limit as text."""
        return f"{'at least' if self.at_least else 'at most'} {self.limit:g}"


def verdicts(results: Results) -> list[Verdict]:
    """Of every limit for which both sides were measured."""
    found = [
        Verdict(
            f"requests per CPU second at {FULL}, of {peer}",
            results.ratio(OURS, peer, FULL, efficiency),
            limit,
        )
        for peer, limit in EFFICIENCIES
        if results.has(OURS, FULL) and results.has(peer, FULL)
    ]
    if results.has(OURS, 1) and results.has(TUNED, 1):
        found.append(
            Verdict(f"p50 at 1 of {TUNED}, of ours", results.ratio(TUNED, OURS, 1, p50), QUICKER)
        )
    found += [
        Verdict(
            f"p99 of p50 at {concurrency}",
            results.median(OURS, concurrency, spread),
            SPREAD,
            at_least=False,
        )
        for concurrency in sorted(results.loads.get(OURS, {}))
    ]
    if results.has(OURS, FULL) and results.has(STROKES, FULL):
        share = results.ratio(STROKES, OURS, FULL, efficiency)
        found.append(
            Verdict(f"requests per CPU second at {FULL}, strokes of bitmaps", share, STROKES_SHARE)
        )
    return found
