"""The load generator counts what a server really answered."""

from __future__ import annotations

import asyncio
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from benchmarks.load.closed_loop import ClosedLoop, measure, request_bytes

pytestmark = pytest.mark.skipif(not hasattr(select, "epoll"), reason="epoll is of Linux")

OK = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nlate"
REQUEST = request_bytes("/predict", b'{"bitmap": []}', 1)


@dataclass
class Counting:
    """A server of one thread that answers as it is told, and counts."""

    delay: float = 0.0
    answers: tuple[bytes, ...] = (OK,)
    """In turn; an empty one closes the connection."""
    asked: int = 0
    clients: int = 0
    bodies: set[bytes] = field(default_factory=set)
    port: int = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.clients += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                self.bodies.add(await reader.readexactly(length))
                answer = self.answers[self.asked % len(self.answers)]
                self.asked += 1
                if not answer:
                    break
                await asyncio.sleep(self.delay)
                # In two pieces, as answers do come.
                writer.write(answer[:30])
                await writer.drain()
                await asyncio.sleep(0)
                writer.write(answer[30:])
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()


@pytest.fixture
def counting() -> Iterator[Counting]:
    served = Counting()
    listening = socket.create_server(("127.0.0.1", 0))
    served.port = listening.getsockname()[1]
    stop: list[Callable[[], object]] = []

    async def serve() -> None:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        stop.append(lambda: loop.call_soon_threadsafe(stopped.set))
        server = await asyncio.start_server(served.answer, sock=listening)
        await stopped.wait()
        server.close()

    # When it ends, asyncio.run cancels whatever still waits for a request.
    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    yield served
    stop[0]()
    thread.join()


class Patient(ClosedLoop):
    """Goes on until two answers have come: in a short time a busy machine may give none."""

    def run(self, seconds: float) -> None:
        super().run(seconds)
        while len(self.tally.latencies) < 2:
            super().run(0.05)


def run_until(counting: Counting, requests: int, loop: ClosedLoop) -> None:
    """Load until the server has been asked so often: a busy machine takes its time."""
    while counting.asked < requests:
        loop.run(0.05)
    loop.drain()


def test_every_answer_is_counted_once(counting: Counting) -> None:
    bodies = [b'{"number": %d}' % number for number in range(7)]
    requests = [request_bytes("/predict", body, counting.port) for body in bodies]
    loop = ClosedLoop(counting.port, requests, 4)
    run_until(counting, 20, loop)
    assert counting.clients == 4
    assert len(loop.tally.latencies) == counting.asked
    assert counting.bodies == set(bodies)
    assert loop.tally.errors == 0


def test_the_times_are_those_that_a_client_waits(counting: Counting) -> None:
    counting.delay = 0.02
    result = measure(Patient(counting.port, [REQUEST], 2), 2, 0.4, 0.05)
    assert 20 <= result.p50 <= result.p99
    # Two clients that wait 20 ms each time.
    assert 2 <= result.requests <= 2 * result.seconds / 0.02 + 2
    assert result.rate == pytest.approx(result.requests / result.seconds)
    assert (result.errors, result.first_error) == (0, "")


def test_requests_of_the_warm_up_are_not_counted_and_the_clocks_are_read_around_the_rest(
    counting: Counting,
) -> None:
    reads: list[int] = []

    def used() -> float:
        reads.append(counting.asked)
        return float(len(reads))

    result = measure(Patient(counting.port, [REQUEST], 1), 1, 0.1, 0.1, used)
    assert 0 < reads[0] < reads[1]
    assert result.server_cpu == 1.0
    assert abs(result.requests - (reads[1] - reads[0])) <= 1  # one is under way at either end
    assert result.efficiency == result.requests


def test_other_answers_and_closed_connections_are_errors(counting: Counting) -> None:
    counting.answers = (OK, BUSY, OK, b"")
    loop = ClosedLoop(counting.port, [REQUEST], 1)
    run_until(counting, 12, loop)
    answered, wrong = len(loop.tally.latencies), loop.tally.errors
    assert answered + wrong == counting.asked
    assert abs(answered - wrong) <= 1
    assert loop.tally.first_error.startswith("HTTP/1.1 503")
    assert counting.clients > 2


def test_a_server_that_only_fails_ends_the_load(
    counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.load.closed_loop.MOST_ERRORS", 200)
    counting.answers = (BUSY,)
    loop = ClosedLoop(counting.port, [REQUEST], 4)
    began = time.monotonic()
    with pytest.raises(TimeoutError, match=r"20\d errors: HTTP.* 503"):
        loop.run(60)
    assert time.monotonic() - began < 30
    loop.drain()
