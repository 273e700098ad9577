"""Traces reach a collector where one is configured; else the SDK is not even imported."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from server.app import create_app
from server.services.tracing import open_tracing
from server.settings import Settings
from tests.support.asgi import running
from tests.support.drawings import HOUSE

SECRET = "a-key-that-no-collector-may-read"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@contextmanager
def collector() -> Iterator[tuple[str, list[ExportTraceServiceRequest]]]:
    """A collector of traces on this machine: its address, and what it has been sent."""
    taken: list[ExportTraceServiceRequest] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            taken.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", taken
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def attributes(span: Any) -> dict[str, Any]:
    return {
        each.key: getattr(each.value, each.value.WhichOneof("value")) for each in span.attributes
    }


def test_spans_of_requests_and_of_their_work(monkeypatch: pytest.MonkeyPatch) -> None:
    with collector() as (address, taken):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
        # All at the end, and not some of them where five seconds happen to have passed.
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "600000")
        with running(create_app(Settings())) as client:
            parent = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
            body = {"drawing": HOUSE}
            secrets = {
                "Authorization": f"Bearer {SECRET}",
                "Cookie": f"doodlescope_session={SECRET}",
            }
            asked = parent | secrets
            assert client.post("/api/v1/predictions", json=body, headers=asked).is_success
            client.get("/api/v1/models/nobody")
            client.get("/healthz")
    assert SECRET.encode() not in b"".join(request.SerializeToString() for request in taken)
    (resource,) = [each for request in taken for each in request.resource_spans]
    assert attributes(resource.resource)["service.name"] == "doodlescope"
    spans = {span.name: span for scope in resource.scope_spans for span in scope.spans}
    assert set(spans) == {
        "POST /api/v1/predictions",
        "GET /api/v1/models/{name}",
        "queue",
        "model",
    }
    request, queue, model = spans["POST /api/v1/predictions"], spans["queue"], spans["model"]
    assert request.trace_id.hex() == TRACE
    assert request.parent_span_id.hex() == PARENT
    assert attributes(request)["http.response.status_code"] == 200
    for child in (queue, model):
        assert child.trace_id == request.trace_id
        assert child.parent_span_id == request.span_id
    assert attributes(model)["doodlescope.images"] == 1
    assert request.start_time_unix_nano <= queue.start_time_unix_nano
    assert queue.end_time_unix_nano == model.start_time_unix_nano < model.end_time_unix_nano
    missing = spans["GET /api/v1/models/{name}"]
    assert attributes(missing)["http.response.status_code"] == 404
    assert missing.trace_id != request.trace_id


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"},
    ],
)
def test_no_endpoint_no_traces(environment: dict[str, str]) -> None:
    assert open_tracing(environment) is None


def test_without_an_endpoint_the_sdk_is_not_imported() -> None:
    code = (
        "import sys; from server.app import create_app; create_app();"
        "print([name for name in sys.modules if name.startswith('opentelemetry.') "
        "and name.split('.')[1] in ('sdk', 'exporter', 'proto')])"
    )
    environment = {"PATH": "", "PYTHONPATH": "."}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_without_the_packages_it_says_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    assert open_tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}) is None
    assert "pip install '.[tracing]'" in caplog.text
