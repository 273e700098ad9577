"""Histograms for Prometheus that cost little to add to: a place is found, and nothing locked."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


class Tally:
    """How many values fell below which bound; one thread at a time adds to it."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value


class Distribution(Collector):
    """A histogram with a tally for each combination of labels.

    Args:
        name: of the metric.
        meaning: of its values.
        labels: their names.
        bounds: upper ones of the buckets, growing; values that reach one belong to it.
        registry: is told of it.
    """

    def __init__(
        self,
        name: str,
        meaning: str,
        labels: Sequence[str],
        *,
        bounds: Sequence[float],
        registry: CollectorRegistry,
    ) -> None:
        self._name, self._meaning, self._labels = name, meaning, labels
        self._bounds = tuple(map(float, bounds))
        self._tallies: dict[tuple[str, ...], Tally] = {}
        registry.register(self)

    def tally(self, *labels: str) -> Tally:
        """The one of these labels."""
        found = self._tallies.get(labels)
        if found is None:
            found = self._tallies[labels] = Tally(self._bounds)
        return found

    def collect(self) -> Iterable[HistogramMetricFamily]:
        """What was counted."""
        family = HistogramMetricFamily(self._name, self._meaning, labels=self._labels)
        names = [*map(floatToGoString, self._bounds), "+Inf"]
        for labels, tally in list(self._tallies.items()):
            counted, buckets = 0, []
            for name, count in zip(names, list(tally.counts), strict=True):
                counted += count
                buckets.append((name, counted))
            family.add_metric(labels, buckets, tally.total)
        yield family
