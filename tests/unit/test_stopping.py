"""One limit on the end of a server, however many wait for something there."""

from __future__ import annotations

import asyncio
import functools
import socket
from typing import Any

import pytest
import uvicorn

from server.app import create_app
from server.bounded_server import BoundedServer
from server.connection_limits import ConnectionLimits
from server.protocol import ProblemProtocol
from server.services.lane import Lane
from server.services.lane_crew import MOMENT
from server.settings import Settings
from server.stopping import StopTime
from tests.support.asgi import running


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_time_runs_from_the_first_beginning() -> None:
    clock = Clock()
    stop_time = StopTime(10, clock)
    clock.now += 50
    assert stop_time.left == 10, "it has not begun"
    stop_time.begin()
    clock.now += 4
    stop_time.begin()
    assert stop_time.left == 6
    clock.now += 60
    assert stop_time.left == 0


@pytest.mark.parametrize(("used", "left"), [(0, 7), (4, 3), (100, MOMENT)])
def test_the_lane_has_what_clients_have_left(
    monkeypatch: pytest.MonkeyPatch, used: float, left: float
) -> None:
    waits: list[float] = []
    close = Lane.close

    async def noted(lane: Lane, seconds: float) -> bool:
        waits.append(seconds)
        return await close(lane, seconds)

    monkeypatch.setattr(Lane, "close", noted)
    clock = Clock()
    monkeypatch.setattr("server.app.StopTime", functools.partial(StopTime, clock=clock))
    app = create_app(Settings(stop_seconds=7, form="eager"))
    with running(app):
        app.state.stop_time.begin()
        clock.now += used
    assert waits == [left]


@pytest.mark.parametrize(("used", "left"), [(0, 9), (5.5, 3), (20, 0)])
def test_clients_have_what_live_sessions_have_left(used: float, left: int) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("nobody asks")

    async def scenario() -> int | None:
        config = uvicorn.Config(
            application, interface="asgi3", http=ProblemProtocol, lifespan="off", log_config=None
        )
        config.load()
        server = BoundedServer(config, ConnectionLimits())
        server.lifespan = config.lifespan_class(config)
        clock = Clock()
        stop_time = StopTime(9, clock)
        server.stop_time = lambda: stop_time
        await server.startup([socket.create_server(("127.0.0.1", 0))])
        stop_time.begin()
        clock.now += used
        await server.shutdown()
        return config.timeout_graceful_shutdown

    assert asyncio.run(asyncio.wait_for(scenario(), 20)) == left
