"""A load of so many connections, each of which asks again when it has its answer.

A program of its own, so that it takes nothing from the server's interpreter: on one processor, with
sockets that never block, requests that are written beforehand, and of HTTP what it needs. It prints
a measurement as JSON.

    python -m benchmarks.load.closed_loop --port 8000 --path /predict --bodies FILE --concurrency 8
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import re
import select
import socket
import sys
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.load.measurement import Measurement, percentile
from benchmarks.load.processes import family, machine_seconds, processor_seconds

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CHUNK = 65_536
PATIENCE = 30.0
"""Seconds without any answer after which the load is given up."""
MOST_ERRORS = 1_000
PRIORITY = -10
"""Above what else runs, where that is allowed: an answer's time is taken when it comes."""


@dataclass(eq=False)
class Connection:
    """One client; ``expected`` is the length of the answer under way, 0 before its head is read."""

    socket: socket.socket
    asked: float = 0.0
    received: bytes = b""
    expected: int = 0


@dataclass
class Tally:
    """What has been answered since it was last cleared."""

    latencies: array[float] = field(default_factory=lambda: array("d"))
    errors: int = 0
    first_error: str = ""

    def clear(self) -> None:
        """Begin anew, but keep errors: those of the warm-up count."""
        self.latencies = array("d")

    def wrong(self, what: str) -> None:
        """Count an error; the first one is kept to be shown."""
        self.errors += 1
        self.first_error = self.first_error or what


class ClosedLoop:
    """Connections to a port of this machine, and what they were answered.

    Args:
        port: where the server listens.
        requests: whole requests, head and body, sent in turn.
        concurrency: how many connections.
    """

    def __init__(self, port: int, requests: Sequence[bytes], concurrency: int) -> None:
        self.tally = Tally()
        self._port = port
        self._requests: Iterator[bytes] = itertools.cycle(requests)
        self._poll = select.epoll()
        self._connections: dict[int, Connection] = {}
        for _ in range(concurrency):
            connected = self._connected()
            self._connections[connected.fileno()] = Connection(connected)

    def run(self, seconds: float) -> None:
        """Keep every connection asking for so long; the answers then under way are left to come.

        Raises:
            TimeoutError: no answer came for half a minute, or there are too many errors.
        """
        self._until(time.perf_counter() + seconds, again=True)

    def drain(self) -> None:
        """Take the answers that are under way, and close."""
        with contextlib.suppress(TimeoutError):
            self._until(time.perf_counter() + PATIENCE, again=False)
        for connection in self._connections.values():
            connection.socket.close()
        self._poll.close()

    def _until(self, end: float, *, again: bool) -> None:
        clock = time.perf_counter
        if again:
            for connection in self._connections.values():
                if not connection.asked:
                    self._ask(connection)
        heard = clock()
        while (now := clock()) < end:
            if not again and not any(each.asked for each in self._connections.values()):
                return
            ready = self._poll.poll(min(end - now, 1.0))
            if ready:
                heard = clock()
            elif clock() - heard > PATIENCE:
                raise TimeoutError(f"no answer for {PATIENCE:.0f} seconds")
            for number, _ in ready:
                connection = self._connections[number]
                if self._take(connection) and again:
                    self._ask(connection)
            if self.tally.errors > MOST_ERRORS:
                raise TimeoutError(f"{self.tally.errors} errors: {self.tally.first_error}")

    def _ask(self, connection: Connection) -> None:
        request = next(self._requests)
        connection.asked = time.perf_counter()
        try:
            sent = connection.socket.send(request)
            if sent < len(request):  # the system's buffer is full
                connection.socket.setblocking(True)
                connection.socket.sendall(request[sent:])
                connection.socket.setblocking(False)
        except OSError:  # reading, which is next, finds it closed as well, and counts that
            connection.socket.setblocking(False)

    def _take(self, connection: Connection) -> bool:
        """Read what has come; whether that ends an answer."""
        try:
            data = connection.socket.recv(CHUNK)
        except BlockingIOError:
            return False
        except OSError as error:
            self._lost(connection, f"{error}")
            return True
        if not data:
            self._lost(connection, "the server closed the connection")
            return True
        received = connection.received + data if connection.received else data
        expected = connection.expected or _length(received)
        if not expected or len(received) < expected:
            connection.received, connection.expected = received, expected
            return False
        if received[9:12] == b"200":
            self.tally.latencies.append(time.perf_counter() - connection.asked)
        else:
            self.tally.wrong(received[:500].decode("utf-8", "replace"))
        connection.received, connection.expected, connection.asked = b"", 0, 0.0
        return True

    def _lost(self, connection: Connection, why: str) -> None:
        """Count it, and connect anew."""
        self.tally.wrong(why)
        del self._connections[connection.socket.fileno()]
        self._poll.unregister(connection.socket)
        connection.socket.close()
        connection.socket = self._connected()
        connection.received, connection.expected, connection.asked = b"", 0, 0.0
        self._connections[connection.socket.fileno()] = connection

    def _connected(self) -> socket.socket:
        connected = socket.create_connection(("127.0.0.1", self._port), PATIENCE)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.setblocking(False)
        self._poll.register(connected, select.EPOLLIN)
        return connected


def _length(received: bytes) -> int:
    """Of the whole answer that begins so; 0 while its head is not complete.

    Raises:
        ValueError: it has no content-length; no server of the benchmark answers so.
    """
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return 0
    length = LENGTH.search(received, 0, end)
    if length is None:
        raise ValueError(f"an answer without a content-length: {received[:end]!r}")
    return end + 4 + int(length[1])


def request_bytes(path: str, body: bytes, port: int) -> bytes:
    """A POST of JSON."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def measure(
    loop: ClosedLoop,
    concurrency: int,
    seconds: float,
    warm_up: float,
    used: Callable[[], float] = lambda: 0.0,
) -> Measurement:
    """Load for ``warm_up`` seconds, then for ``seconds`` with the clocks running.

    Args:
        used: tells the server's processor time so far, in seconds.
    """
    loop.run(warm_up)
    loop.tally.clear()
    server, machine, own = used(), machine_seconds(), time.process_time()
    began = time.perf_counter()
    loop.run(seconds)
    wall = time.perf_counter() - began
    server, machine, own = used() - server, machine_seconds() - machine, time.process_time() - own
    latencies = sorted(loop.tally.latencies)
    loop.drain()
    return Measurement(
        concurrency=concurrency,
        seconds=wall,
        requests=len(latencies),
        errors=loop.tally.errors,
        first_error=loop.tally.first_error,
        p50=1e3 * percentile(latencies, 0.5),
        p99=1e3 * percentile(latencies, 0.99),
        server_cpu=server,
        generator_cpu=own,
        other_cpu=max(0.0, machine - server - own),
    )


def stand_apart() -> None:
    """Take the last processor, and precedence there where that is allowed."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)


def main() -> None:
    """Make a load, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--bodies", type=Path, required=True, help="one in each line")
    parser.add_argument("--concurrency", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--warm-up", type=float, default=0.5)
    parser.add_argument("--server", type=int, help="number of its first process")
    chosen = parser.parse_args()
    bodies = chosen.bodies.read_bytes().splitlines()
    requests = [request_bytes(chosen.path, body, chosen.port) for body in bodies]
    # Looked for once: a search among all processes would hold up the answers.
    processes = family(chosen.server) if chosen.server else []
    stand_apart()
    result = measure(
        ClosedLoop(chosen.port, requests, chosen.concurrency),
        chosen.concurrency,
        chosen.seconds,
        chosen.warm_up,
        lambda: processor_seconds(processes),
    )
    json.dump(asdict(result), sys.stdout)


if __name__ == "__main__":
    main()
