"""Ready only while requests are welcome; told to stop, the server finishes what it has taken."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import pytest

from scripts.started_server import started_process
from server.app import create_app
from server.errors import NotReady
from server.services.lane import Lane
from server.services.readiness import Readiness
from server.settings import Settings
from tests.api.test_lifecycle import gated
from tests.support.asgi import Client
from tests.support.drawings import HOUSE
from tests.support.problems import assert_problem


def test_a_running_server_is_ready(client: Client) -> None:
    response = client.get("/readyz")
    assert response.json() == {"status": "ready"}
    assert response.headers["cache-control"] == "no-store"


def test_a_server_that_has_not_started_is_not_ready() -> None:
    transport = httpx.ASGITransport(create_app(Settings()))

    async def asked() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return [await client.get(path) for path in ("/readyz", "/v2/health/ready")]

    ready, protocol = asyncio.run(asked())
    problem = assert_problem(ready, 503)
    assert problem["type"] == "/problems/not-ready"
    assert "starting" in problem["detail"]
    assert int(ready.headers["retry-after"]) >= 1
    assert (protocol.status_code, protocol.json()) == (400, {"ready": False})


def test_a_server_that_stops_answers_but_is_not_ready() -> None:
    with gated() as (client, _):
        assert "\ndoodlescope_ready 1.0\n" in client.get("/metrics").text
        client.app.state.readiness.stop()
        assert "\ndoodlescope_ready 0.0\n" in client.get("/metrics").text
        assert "stopping" in assert_problem(client.get("/readyz"), 503)["detail"]
        assert client.get("/v2/health/ready").status_code == 400
        assert client.get("/healthz").status_code == 200


def test_a_lane_whose_worker_has_ended_is_not_ready() -> None:
    lane = Lane(batch_images=1, queued_images=1)
    readiness = Readiness()
    readiness.started(lane)  # whose worker was never started
    with pytest.raises(NotReady, match="has ended"):
        readiness.check()


def test_sigterm_finishes_what_was_taken_and_loses_nothing() -> None:
    """Clients with full batches; the server is told to stop while they wait for it."""
    clients, drawings = 4, 256
    body = json.dumps([HOUSE] * drawings).encode()
    with started_process({"DOODLESCOPE_DRAIN_SECONDS": "2"}) as started:
        parts = urlsplit(started.address)
        head = (
            f"POST /api/v1/predictions HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode()

        sent = threading.Barrier(clients + 1)

        def ask(_: int) -> bytes:
            with socket.create_connection((str(parts.hostname), parts.port or 0)) as connection:
                connection.sendall(head + body)
                sent.wait(60)
                answer = b""
                while piece := connection.recv(65_536):
                    answer += piece
                    if answer.endswith(b"}]"):
                        break
                return answer

        with (
            ThreadPoolExecutor(clients) as pool,
            httpx.Client(base_url=started.address, timeout=60) as probe,
        ):
            probe.get("/readyz").raise_for_status()
            asked = [pool.submit(ask, number) for number in range(clients)]
            sent.wait(60)
            started.process.send_signal(signal.SIGTERM)
            # It drains first: still answering, but not ready.
            deadline = time.monotonic() + 20
            statuses = set()
            try:
                while time.monotonic() < deadline:
                    statuses.add(probe.get("/readyz").status_code)
                    time.sleep(0.05)
            except httpx.TransportError:
                pass  # it takes no new connections any more
            answers = [each.result(60) for each in asked]
        assert 503 in statuses
        for answer in answers:
            headers, _, content = answer.partition(b"\r\n\r\n")
            assert headers.startswith(b"HTTP/1.1 200 ")
            assert len(json.loads(content)) == drawings
        assert started.process.wait(60) in (0, -signal.SIGTERM)
        assert "Traceback" not in started.output()
