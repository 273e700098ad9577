"""Traces for OpenTelemetry, where the environment says where they go; else nothing is imported.

FastAPI makes the span of each request, and goes on with the trace of a caller who sends
``traceparent``; below it stand the spans of its jobs on the torch lane.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from server import __version__
from server.services.lane import Refusal, Visit

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
SERVICE = "doodlescope"

_LOG = logging.getLogger(__name__)


class Tracing:
    """Sends spans; observes the torch lane."""

    def __init__(self, provider: TracerProvider) -> None:
        self.provider = provider
        self._tracer = provider.get_tracer(SERVICE, __version__)

    def ran(self, images: int, seconds: float, *, shared: bool) -> None:
        """Nothing: a run belongs to several requests, each of which has its span."""

    def refused(self, reason: Refusal) -> None:
        """Nothing: the request's own span has the status."""

    def answered(self, visit: Visit) -> None:
        """Two spans below the request's: how long the job waited, and how long its run took."""
        attributes = {"doodlescope.images": visit.images}
        waited = self._tracer.start_span("queue", start_time=visit.queued)
        waited.end(visit.started)
        ran = self._tracer.start_span("model", start_time=visit.started, attributes=attributes)
        ran.end(visit.finished)

    def close(self) -> None:
        """Send what has not been sent yet; may take seconds where nobody takes it."""
        self.provider.shutdown()


def open_tracing(environment: Mapping[str, str]) -> Tracing | None:
    """Tracing as the standard's variables have it; None: they name no endpoint.

    Without the packages of the extra ``tracing`` there is none either, and a warning.
    """
    disabled = environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    if disabled or not any(environment.get(name) for name in ENDPOINTS):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError as error:
        _LOG.warning(
            "No traces are sent: an endpoint is configured, but %s is not installed. "
            "pip install '.[tracing]' brings it.",
            error.name,
        )
        return None
    ours = {SERVICE_NAME: SERVICE, SERVICE_VERSION: __version__}
    named = "OTEL_SERVICE_NAME" in environment
    resource = Resource.create({} if named else ours)
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider)
