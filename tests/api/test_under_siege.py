"""The real server among clients that send little, and told to stop while all of them ask."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import httpx

from benchmarks.load.awkward_models import HANG_SECONDS, SIDE, SIGN
from benchmarks.load.clients import PREDICTIONS, Asking, Connection, Tally, post
from benchmarks.soak import infer
from scripts.started_server import Started, started_process
from tests.support.drawings import HOUSE

CLIENT_SECONDS = 1.5
STOP_SECONDS = 5
SLOW_CLIENTS = 300
HANGING = json.dumps(
    [
        {
            "model": "benchmarks.load.awkward_models:Hanging",
            "name": "hanging",
            "input": [f"1x{SIDE}x{SIDE}"],
        }
    ]
)
ENVIRONMENT = {
    "DOODLESCOPE_MODELS": HANGING,
    "DOODLESCOPE_FORM": "eager",
    "DOODLESCOPE_CACHE": "off",
    "DOODLESCOPE_STOP_SECONDS": str(STOP_SECONDS),
    "DOODLESCOPE_CLIENT_SECONDS": str(CLIENT_SECONDS),
}


@contextmanager
def server(**settings: str) -> Iterator[tuple[Started, int]]:
    """A server, and its port."""
    with started_process({**ENVIRONMENT, **settings}) as started:
        port = urlsplit(started.address).port
        assert port is not None
        yield started, port


def test_slow_clients_stop_nobody_and_the_end_loses_nothing() -> None:
    with server(DOODLESCOPE_STUCK_SECONDS="2", DOODLESCOPE_CONNECTIONS="400") as (started, port):
        with ExitStack() as stack:
            slow = [
                stack.enter_context(socket.create_connection(("127.0.0.1", port)))
                for _ in range(SLOW_CLIENTS)
            ]
            for each in slow:
                each.sendall(b"POST /api/v1/predictions HTTP/1.1\r\nHost: x\r\n")
            with httpx.Client(base_url=started.address, timeout=60) as client:
                for _ in range(5):
                    assert client.post(PREDICTIONS, json={"drawing": HOUSE}).status_code == 200
            for each in slow:
                each.settimeout(30)
                assert each.recv(65_536).startswith(b"HTTP/1.1 408 ")
        asyncio.run(told_to_stop(started, port))


async def told_to_stop(started: Started, port: int) -> None:
    """While clients ask on connections that they keep, and a network hangs that was given up."""
    connection = Connection(port)
    assert (await connection.ask(infer("hanging", SIGN))).status == 504
    connection.close()
    tally, ends = Tally(), [False]
    request = post(PREDICTIONS, {"drawing": HOUSE})
    clients = [Asking(port, [request], tally, is_ending=lambda: ends[0]) for _ in range(12)]
    tasks = [asyncio.create_task(client.run()) for client in clients]
    async with asyncio.timeout(30):
        while tally.statuses[200] < 100:
            await asyncio.sleep(0.02)
    ends[0] = True
    began = time.monotonic()
    started.process.send_signal(signal.SIGTERM)
    await asyncio.wait_for(asyncio.gather(*tasks), 30)  # until no connection is taken
    assert await asyncio.to_thread(started.process.wait, 30) == -signal.SIGTERM
    assert time.monotonic() - began < STOP_SECONDS + 2
    assert (tally.lost, dict(tally.wrong)) == (0, {})
    assert "Traceback" not in started.output()
    await asyncio.sleep(0.01)  # for connections to be closed


def test_interrupted_it_does_not_wait_for_a_run_that_does_not_end() -> None:
    with server(DOODLESCOPE_STOP_SECONDS="1") as (started, port):
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(infer("hanging", SIGN))
            with httpx.Client(base_url=started.address, timeout=60) as probe:
                while "doodlescope_model_running_seconds 0.0" in probe.get("/metrics").text:
                    time.sleep(0.02)
            began = time.monotonic()
            started.process.send_signal(signal.SIGINT)
            assert started.process.wait(30) == 0
        assert time.monotonic() - began < HANG_SECONDS - 1
