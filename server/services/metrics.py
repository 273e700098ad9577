"""What the server does, counted for Prometheus: in a registry of its own, with bounded labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from server.connection_limits import ENDINGS, Ending
from server.services.distribution import Distribution, Tally
from server.services.inspections import Inspections
from server.services.lane import Lane, Refusal, Visit
from server.services.live import Live
from server.services.live_shares import KINDS, Kind
from server.services.live_turns import OUTCOMES, Outcome
from server.services.readiness import Readiness

LATENCIES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the buckets of durations, in seconds."""
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
"""Upper bounds of the buckets of batches, in images."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNKNOWN_METHOD = "other"
NO_ROUTE = "(none)"
"""Stands for the route of a request that found none: a path that a stranger made up is no label."""

Rejection = Literal[
    "queue_full", "stopping", "model_hangs", "rate_limit", "credentials", "body_size"
]
_BY_STATUS: dict[int, Rejection] = {401: "credentials", 413: "body_size", 429: "rate_limit"}


class Metrics:
    """The counters of one application; safe to use from any thread."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "doodlescope_requests",
            "Requests answered, by the template of their route.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._latency = Distribution(
            "doodlescope_request_duration_seconds",
            "From the first byte of a request to the last of its answer.",
            ("method", "route"),
            bounds=LATENCIES,
            registry=self._registry,
        )
        self._rejections = Counter(
            "doodlescope_rejections",
            "Requests that were refused unread or unrun, by the reason.",
            ("reason",),
            registry=self._registry,
        )
        self._waits = Distribution(
            "doodlescope_queue_duration_seconds",
            "How long jobs waited for the network.",
            (),
            bounds=LATENCIES,
            registry=self._registry,
        ).tally()
        self._runs = Distribution(
            "doodlescope_model_duration_seconds",
            "How long the network ran: for a batch of requests, or for one piece of work alone.",
            ("work",),
            bounds=LATENCIES,
            registry=self._registry,
        )
        self._batches = Distribution(
            "doodlescope_batch_images",
            "Images in one batch.",
            (),
            bounds=SIZES,
            registry=self._registry,
        ).tally()
        self._live = Gauge(
            "doodlescope_live_connections", "Live sessions connected.", registry=self._registry
        )
        updates = Counter(
            "doodlescope_live_updates",
            "States of live drawings, by what was wanted of them: answered, dropped for newer "
            "ones, or refused.",
            ("kind", "outcome"),
            registry=self._registry,
        )
        self._updates = {
            (kind, outcome): updates.labels(kind, outcome) for kind in KINDS for outcome in OUTCOMES
        }
        endings = Counter(
            "doodlescope_connections_ended",
            "Connections that were refused or ended by the server, by the reason.",
            ("reason",),
            registry=self._registry,
        )
        # Finding them by their labels takes longer than counting.
        self._counters: dict[tuple[str, str, int], tuple[Counter, Tally]] = {}
        self._ended = {reason: endings.labels(reason) for reason in ENDINGS}
        for reason in ("queue_full", "stopping", "model_hangs", *_BY_STATUS.values()):
            self._rejections.labels(reason)  # known from the start, as 0
        ProcessCollector(registry=self._registry)

    def watch(
        self, lane: Lane, inspections: Inspections, readiness: Readiness
    ) -> Callable[[], None]:
        """Report how things stand whenever somebody asks; call the result to stop."""
        gauges = _Gauges(lane, inspections, readiness)
        self._registry.register(gauges)
        return lambda: self._registry.unregister(gauges)

    def watch_live(self, live: Live) -> None:
        """Report how many live sessions there are."""
        self._live.set_function(lambda: live.connections)

    def updated(self, kind: Kind, outcome: Outcome, states: int) -> None:
        """So many states of live drawings, of which guesses or layers were wanted, ended so."""
        self._updates[kind, outcome].inc(states)

    def requested(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """One request was answered.

        Args:
            method: of the request.
            route: the template of its path, such as ``/models/{name}``; None where none fits.
            status: of the answer.
            seconds: that it took.
        """
        labels = (method if method in METHODS else UNKNOWN_METHOD, route or NO_ROUTE, status)
        counters = self._counters.get(labels)
        if counters is None:
            counters = self._counters[labels] = (
                self._requests.labels(*labels),
                self._latency.tally(*labels[:2]),
            )
        counters[0].inc()
        counters[1].add(seconds)
        if status in _BY_STATUS:
            self._rejections.labels(_BY_STATUS[status]).inc()

    def connection_ended(self, reason: Ending) -> None:
        """A connection was refused, or ended, by the server."""
        self._ended[reason].inc()

    def ran(self, images: int, seconds: float, *, shared: bool) -> None:
        """One run on the lane is over."""
        self._runs.tally("batch" if shared else "alone").add(seconds)
        if shared:
            self._batches.add(images)

    def refused(self, reason: Refusal) -> None:
        """The lane did not take a job."""
        self._rejections.labels(reason).inc()

    def answered(self, visit: Visit) -> None:
        """A job on the lane is done."""
        self._waits.add(max(0, visit.started - visit.queued) / 1e9)

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """All of it as text, in the format that ``accept`` asks for, and its media type."""
        encode, media_type = choose_encoder(accept)
        return encode(self._registry), media_type


class _Gauges(Collector):
    """What is true at this moment."""

    def __init__(self, lane: Lane, inspections: Inspections, readiness: Readiness) -> None:
        self._lane = lane
        self._inspections = inspections
        self._readiness = readiness

    def collect(self) -> Iterable[GaugeMetricFamily]:
        for name, meaning, value in (
            ("ready", "1 where /readyz says ready, else 0.", float(self._readiness.ready)),
            ("queued_images", "Images waiting for the network.", self._lane.queued),
            (
                "model_running_seconds",
                "How long the present run has lasted; 0 between runs.",
                self._lane.running_seconds,
            ),
            ("inspections", "Inspections kept.", len(self._inspections)),
            ("inspection_bytes", "Memory of the inspections kept.", self._inspections.size),
        ):
            yield GaugeMetricFamily(f"doodlescope_{name}", meaning, value=value)
