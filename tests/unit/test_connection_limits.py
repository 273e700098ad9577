"""What one connection may cost, without a network: what comes, what goes, and the time between."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from server.connection_limits import ConnectionLimits, notice_lost_peers, sweep
from server.protocol import ProblemProtocol, limited

LIMITS = ConnectionLimits(
    connections=3, seconds=10, rate=100, head_bytes=400, body_bytes=1_000, unsent_bytes=5_000
)
HEAD = b"POST /asked HTTP/1.1\r\nHost: test\r\n"


class Transport(asyncio.Transport):
    """Keeps what is written, as a client that reads nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.waiting = 0
        self.is_closed = False
        self.is_aborted = False
        self.is_paused = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def write(self, data: Any) -> None:
        self.sent += data

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def is_closing(self) -> bool:
        return self.is_closed or self.is_aborted

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_aborted = True

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False


class Server:
    """Connections of one server, whose application answers with the size of the body."""

    def __init__(self, limits: ConnectionLimits = LIMITS) -> None:
        self.asked: list[str] = []
        self.ended: list[str] = []
        self.reads = True
        config = uvicorn.Config(self.application, interface="asgi3", log_config=None)
        config.load()
        self.state = ServerState()
        self._protocol = limited(ProblemProtocol, limits, self.ended.append)
        self._config = config

    async def application(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.append(scope["path"])
        body, more = b"", self.reads
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.asked.append("disconnected")
                return
            body += message["body"]
            more = message["more_body"]
        content = str(len(body)).encode()
        fields = [(b"content-length", str(len(content)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        await send({"type": "http.response.body", "body": content})

    def connect(self) -> tuple[ProblemProtocol, Transport]:
        protocol = self._protocol(self._config, self.state, {})
        transport = Transport()
        protocol.connection_made(transport)
        return protocol, transport


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(scenario(), 20))


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def problem_in(transport: Transport) -> dict[str, Any]:
    """The one problem that was answered, on a connection that is closed."""
    head, _, body = transport.sent.partition(b"\r\n\r\n")
    assert transport.is_closed
    assert transport.sent.count(b"HTTP/1.1 ") == 1
    assert b"content-type: application/problem+json" in head
    assert b"connection: close" in head.lower()
    problem: dict[str, Any] = json.loads(body)
    assert head.startswith(b"HTTP/1.1 %d " % problem["status"])
    return problem


def test_a_head_that_trickles() -> None:
    async def scenario() -> None:
        server = Server()
        protocol, transport = server.connect()
        began = protocol.loop.time()
        protocol.data_received(HEAD)
        protocol.check(began + 9)
        assert not transport.sent
        protocol.data_received(b"X-More: of it\r\n")
        protocol.check(began + 11)
        problem = problem_in(transport)
        assert (problem["status"], problem["type"]) == (408, "/problems/request-timeout")
        assert not server.asked
        assert server.ended == ["slow"]

    run(scenario)


def test_a_connection_that_says_nothing_is_closed_without_a_word() -> None:
    async def scenario() -> None:
        server = Server()
        protocol, transport = server.connect()
        protocol.check(protocol.loop.time() + 11)
        assert transport.is_closed
        assert transport.sent == b""
        assert server.ended == [], "that is how connections end that are not used any more"

    run(scenario)


def test_a_body_that_trickles() -> None:
    async def scenario() -> None:
        server = Server()
        protocol, transport = server.connect()
        began = protocol.loop.time()
        protocol.data_received(HEAD + b"Content-Length: 900\r\n\r\n")
        await settle()
        protocol.data_received(b"x" * 300)
        protocol.check(began + 12.5)  # 10 seconds, and one for each 100 bytes
        assert not transport.sent
        protocol.check(began + 13.5)
        assert problem_in(transport)["type"] == "/problems/request-timeout"
        await settle()
        assert server.asked == ["/asked", "disconnected"]

    run(scenario)


def test_time_in_which_the_server_does_not_read_is_not_the_clients() -> None:
    async def scenario() -> None:
        server = Server()
        protocol, transport = server.connect()
        began = protocol.loop.time()
        protocol.data_received(HEAD + b"Content-Length: 100\r\n\r\n")
        protocol.flow.pause_reading()
        for second in range(1, 100):
            protocol.check(began + second)
        assert not transport.sent
        protocol.flow.resume_reading()
        protocol.check(began + 105)
        assert not transport.sent
        protocol.check(began + 112)
        assert problem_in(transport)["status"] == 408

    run(scenario)


def test_a_body_that_trickles_after_its_answer_ends_the_connection_and_no_more() -> None:
    async def scenario() -> None:
        server = Server()
        server.reads = False
        protocol, transport = server.connect()
        protocol.data_received(HEAD + b"Content-Length: 900\r\n\r\n")
        await settle()
        assert transport.sent.startswith(b"HTTP/1.1 200 ")
        protocol.check(protocol.loop.time() + 1_000)
        assert transport.is_closed
        assert transport.sent.count(b"HTTP/1.1") == 1

    run(scenario)


@pytest.mark.parametrize("pieces", [1, 60], ids=["at once", "in pieces"])
def test_a_head_without_end(pieces: int) -> None:
    async def scenario() -> None:
        server = Server()
        protocol, transport = server.connect()
        protocol.data_received(HEAD)
        for _ in range(pieces):
            if not transport.is_closing():
                protocol.data_received(b"X-Long: " + b"x" * (600 // pieces) + b"\r\n")
        problem = problem_in(transport)
        assert (problem["status"], problem["limit"]) == (431, LIMITS.head_bytes)
        assert not server.asked

    run(scenario)


def test_a_request_without_end() -> None:
    """Such as of fields behind its chunks, which are no part of the body."""

    async def scenario() -> None:
        protocol, transport = Server().connect()
        protocol.data_received(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n")
        sent = 0
        while not transport.is_closing():
            protocol.data_received(b"X: " + b"y" * 97 + b"\r\n")
            sent += 102
        assert sent <= LIMITS.request_bytes + 102
        assert problem_in(transport)["status"] == 413

    run(scenario)


def test_requests_one_after_another_have_a_limit_each() -> None:
    async def scenario() -> None:
        server = Server()
        protocol, transport = server.connect()
        for _ in range(20):
            protocol.data_received(HEAD + b"Content-Length: 300\r\n\r\n" + b"x" * 300)
            await settle()
        protocol.check(protocol.loop.time() + 1_000)  # uvicorn closes it when it stays idle
        assert not transport.is_closing()
        assert transport.sent.count(b"HTTP/1.1 200 ") == len(server.asked) == 20

    run(scenario)


def test_a_reader_that_is_too_slow() -> None:
    async def scenario() -> None:
        server = Server()
        protocol, transport = server.connect()
        now = protocol.loop.time()
        transport.waiting = 1_000
        protocol.check(now)  # 10 seconds, and one for each 100 bytes
        transport.waiting = 10
        protocol.check(now + 19)
        assert not transport.is_aborted
        transport.waiting = 500  # another answer: which has its own time
        protocol.check(now + 19.5)
        protocol.check(now + 34)
        assert not transport.is_aborted
        protocol.check(now + 35)
        assert server.ended == ["slow"]
        assert transport.is_aborted

    run(scenario)


def test_a_reader_is_watched_after_its_connection_was_closed() -> None:
    async def scenario() -> None:
        protocol, transport = Server().connect()
        now = protocol.loop.time()
        transport.waiting = 100
        protocol.check(now)
        transport.close()
        protocol.check(now + 12)
        assert transport.is_aborted

    run(scenario)


def test_answers_in_memory_have_a_limit_together() -> None:
    async def scenario() -> None:
        server = Server()
        made = [server.connect() for _ in range(3)]
        for (_, transport), waiting in zip(made, (1_000, 3_000, 2_000), strict=True):
            transport.waiting = waiting
        now = made[0][0].loop.time()
        sweep({*server.state.connections, object()}, LIMITS, now)
        assert [transport.is_aborted for _, transport in made] == [False, True, False]
        assert server.ended == ["unsent"]

    run(scenario)


def test_one_connection_too_many_takes_the_place_of_one_that_asks_nothing() -> None:
    async def scenario() -> None:
        server = Server()
        busy = [server.connect() for _ in range(2)]
        for protocol, _ in busy:
            protocol.data_received(HEAD + b"Content-Length: 100\r\n\r\n")
        _, idle = server.connect()
        _, fourth = server.connect()
        assert idle.is_aborted
        assert server.ended == ["idle"]
        assert not fourth.is_aborted
        assert not any(transport.is_closing() for _, transport in busy)

    run(scenario)


def test_one_connection_too_many_is_refused_where_all_are_busy() -> None:
    async def scenario() -> None:
        server = Server()
        busy = [server.connect() for _ in range(3)]
        for protocol, _ in busy:
            protocol.data_received(HEAD + b"Content-Length: 100\r\n\r\n")
        await settle()
        protocol, transport = server.connect()
        protocol.data_received(HEAD + b"Content-Length: 2\r\n\r\nab")
        await settle()
        problem = problem_in(transport)
        assert (problem["status"], problem["limit"]) == (503, LIMITS.connections)
        assert server.ended == ["too_many"]
        assert b"retry-after: 5" in transport.sent.lower()
        assert server.asked == ["/asked"] * 3
        for each, sent in busy:
            each.data_received(b"x" * 100)
            await settle()
            assert sent.sent.startswith(b"HTTP/1.1 200 ")

    run(scenario)


def test_at_its_end_a_server_answers_once_more_on_each_connection() -> None:
    async def scenario() -> None:
        server = Server()
        protocol, transport = server.connect()
        server.state.is_ending = True  # type: ignore[attr-defined]
        protocol.data_received(HEAD + b"Content-Length: 2\r\n\r\nab")
        await settle()
        assert b"connection: close" in transport.sent
        assert transport.is_closed

    run(scenario)


def test_connections_notice_when_the_other_end_has_vanished() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        socket.socket() as client,
    ):
        notice_lost_peers(listening)
        client.connect(listening.getsockname())
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            if hasattr(socket, "TCP_KEEPIDLE"):
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
