"""The results as tables in Markdown, for the terminal and the README alike."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from benchmarks.load.limits import OURS, Verdict
from benchmarks.load.results import Results, efficiency, p50, p99, rate


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns of text; all but the first to the right."""
    lines = [headings, ["---", *["--:"] * (len(headings) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def efficiencies(results: Results) -> str:
    """Requests for a second of processor time, and how many times as many ours answers."""
    known = _concurrencies(results)
    rows = []
    for load, measured in results.loads.items():
        cells = []
        for concurrency in known:
            text = "-"
            if measured.get(concurrency):
                text = f"{results.median(load, concurrency, efficiency):,.0f}"
                if load != OURS and results.has(OURS, concurrency):
                    ratio = results.ratio(OURS, load, concurrency, efficiency)
                    text += f" ({ratio:.2f})"
            cells.append(text)
        memory = statistics.median(results.memory[load]) if results.memory.get(load) else 0
        rows.append([load, *cells, f"{memory / 1e6:,.0f}" if memory else "-"])
    return table(
        ["requests per CPU second (ours: so many times)", *_headings(known), "memory, MB"], rows
    )


def times(results: Results) -> str:
    """Requests a second, and the times of the answers."""
    known = _concurrencies(results)
    rows = []
    for load, measured in results.loads.items():
        cells = [
            _speed(results, load, concurrency) if measured.get(concurrency) else "-"
            for concurrency in known
        ]
        rows.append([load, *cells])
    return table(["requests a second (p50 / p99 in ms)", *_headings(known)], rows)


def _speed(results: Results, load: str, concurrency: int) -> str:
    half, most = (_milliseconds(results.median(load, concurrency, each)) for each in (p50, p99))
    return f"{results.median(load, concurrency, rate):,.0f} ({half} / {most})"


def forwards(results: Results) -> str:
    """The network alone."""
    forms = results.forwards[0]
    batches = [int(batch) for batch in next(iter(forms.values()))]
    return table(
        ["the forward alone, images per CPU second", *(f"batch {batch}" for batch in batches)],
        [[form, *(f"{results.forward(form, batch):,.0f}" for batch in batches)] for form in forms],
    )


def limits(found: Sequence[Verdict]) -> str:
    """What was asked, and whether it is so."""
    return table(
        ["limit", "measured", "asked", "kept"],
        [
            [each.what, f"{each.measured:.2f}", each.bound, "yes" if each.kept else "**no**"]
            for each in found
        ],
    )


def _concurrencies(results: Results) -> list[int]:
    return sorted({each for measured in results.loads.values() for each in measured})


def _headings(concurrencies: Iterable[int]) -> list[str]:
    return [f"c = {concurrency}" for concurrency in concurrencies]


def _milliseconds(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"
