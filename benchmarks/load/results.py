"""The measurements of all rounds, their medians, and how two servers compare."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.load.measurement import Measurement

Measure = Callable[[Measurement], float]


def efficiency(measurement: Measurement) -> float:
    """Requests for a second of the server's processor time."""
    return measurement.efficiency


def rate(measurement: Measurement) -> float:
    """Requests a second."""
    return measurement.rate


def p50(measurement: Measurement) -> float:
    """The median of the answers' times, in milliseconds."""
    return measurement.p50


def p99(measurement: Measurement) -> float:
    """What 99 of 100 answers were quicker than, in milliseconds."""
    return measurement.p99


def spread(measurement: Measurement) -> float:
    """How many medians the slowest answer of a hundred takes."""
    return measurement.p99 / measurement.p50 if measurement.p50 else 0.0


@dataclass
class Results:
    """What was measured, round by round; a load is a server and what it was sent."""

    loads: dict[str, dict[int, list[Measurement]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    """The load's name, the concurrency, and a measurement for each round."""
    memory: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Bytes of all of a server's processes after its loads, for each round."""
    forwards: list[dict[str, dict[str, float]]] = field(default_factory=list)
    """For each round the form, the batch and images for a second of processor time."""
    load_averages: list[float] = field(default_factory=list)
    """Of the last minute, before each server was started."""

    def has(self, load: str, concurrency: int) -> bool:
        """Whether that was measured."""
        return bool(self.loads.get(load, {}).get(concurrency))

    def median(self, load: str, concurrency: int, measure: Measure) -> float:
        """The median over the rounds."""
        return statistics.median(map(measure, self.loads[load][concurrency]))

    def ratio(self, load: str, other: str, concurrency: int, measure: Measure) -> float:
        """The median over the rounds of one load's value for one of the other's.

        The two are compared round by round, so that a machine that gets slower changes little.
        """
        pairs = zip(self.loads[load][concurrency], self.loads[other][concurrency], strict=True)
        return statistics.median(
            measure(one) / measure(two) if measure(two) else 0.0 for one, two in pairs
        )

    def forward(self, form: str, batch: int) -> float:
        """Images for a second of processor time, the median over the rounds."""
        return statistics.median(each[form][str(batch)] for each in self.forwards)

    def errors(self) -> list[str]:
        """A line for each load that was not answered as it should have been."""
        return [
            f"{load}, {concurrency} at once: {each.errors} errors; the first: {each.first_error}"
            for load, by_concurrency in self.loads.items()
            for concurrency, measurements in by_concurrency.items()
            for each in measurements
            if each.errors or not each.requests
        ]

    def others(self) -> float:
        """The processors that other programs kept busy while something was measured."""
        every = [
            each.other_cpu / each.seconds
            for by_concurrency in self.loads.values()
            for measurements in by_concurrency.values()
            for each in measurements
        ]
        return statistics.mean(every) if every else 0.0
