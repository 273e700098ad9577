"""Clients of the soak: those that ask and wait, and those that servers fear.

Each runs until it is cancelled, and counts in a ``Tally`` how it went. What a client was promised
is told apart from what it brought upon itself: ``Kind`` says which answers are right for it.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
RETRY = re.compile(rb"\r\nretry-after: *(\d+)\r\n", re.IGNORECASE)
PATIENCE = 30.0
"""Seconds for one answer."""
PAUSE = 0.05
"""Seconds before a client that was refused asks again: sooner than it was told, as many do."""
PREDICTIONS = "/api/v1/predictions"


@dataclass
class Tally:
    """What one kind of client was answered."""

    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    """Seconds, of answers with 200."""
    refusals: list[float] = field(default_factory=list)
    """Seconds, of answers with 503."""
    closed: int = 0
    """Connections that the server ended, of clients that deserve it."""
    lost: int = 0
    """Requests that were sent whole, and whose answer did not come whole."""
    refused: int = 0
    """Connections that were not taken."""
    wrong: Counter[str] = field(default_factory=Counter)
    """Answers that this kind of client must not get."""


@dataclass(frozen=True)
class Answer:
    """One answer."""

    status: int
    head: bytes
    body: bytes


class Connection:
    """One connection, which sends a request and reads its answer."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def connect(self) -> None:
        """Connect, unless it is connected.

        Raises:
            OSError: the server takes no connections.
        """
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)

    async def ask(self, request: bytes) -> Answer:
        """The answer to a request.

        Raises:
            OSError, asyncio.IncompleteReadError: the connection ended before it was there.
            TimeoutError: it did not come.
        """
        await self.connect()
        assert self._streams is not None
        reader, writer = self._streams
        try:
            async with asyncio.timeout(PATIENCE):
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                length = LENGTH.search(head)
                body = await reader.readexactly(int(length[1]) if length else 0)
        except BaseException:
            self.close()
            raise
        if b"\r\nconnection: close\r\n" in head.lower():
            self.close()
        return Answer(int(head[9:12]), head, body)

    def close(self) -> None:
        """Close."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def post(path: str, body: object) -> bytes:
    """A POST of JSON."""
    content = json.dumps(body, separators=(",", ":")).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


@dataclass
class Asking:
    """A client that asks again when it has its answer.

    ``allowed`` are the statuses, besides 200 and 503, that it may be answered with. When
    ``is_ending`` says so, a connection that is not taken is no loss, and the client's last.
    """

    port: int
    requests: Sequence[bytes]
    tally: Tally
    allowed: frozenset[int] = frozenset()
    is_ending: Callable[[], bool] = lambda: False

    async def run(self) -> None:
        """Ask for ever."""
        connection = Connection(self.port)
        try:
            while True:
                for request in self.requests:
                    try:
                        await connection.connect()
                    except OSError:
                        self.tally.refused += 1
                        if self.is_ending():
                            return
                        self.tally.wrong["connection refused"] += 1
                        await asyncio.sleep(PAUSE)
                        continue
                    await self._ask(connection, request)
        finally:
            connection.close()

    async def _ask(self, connection: Connection, request: bytes) -> None:
        began = time.perf_counter()
        try:
            answer = await connection.ask(request)
        except (OSError, EOFError, TimeoutError) as error:
            self.tally.lost += 1
            self.tally.wrong[f"lost: {type(error).__name__}"] += 1
            return
        seconds = time.perf_counter() - began
        self.tally.statuses[answer.status] += 1
        if answer.status == 200:
            self.tally.latencies.append(seconds)
        elif answer.status == 503 and _is_sane(answer):
            self.tally.refusals.append(seconds)
            await asyncio.sleep(PAUSE)
        elif answer.status not in self.allowed:
            self.tally.wrong[f"{answer.status}: {answer.body[:200]!r}"] += 1


def _is_sane(answer: Answer) -> bool:
    """Whether a refusal says when to ask again."""
    retry = RETRY.search(answer.head)
    return retry is not None and 1 <= int(retry[1]) <= 3_600


async def vanish(port: int, request: bytes, tally: Tally) -> None:
    """Send requests, whole or in part, and reset the connection instead of reading."""
    choose = random.Random(0)
    while True:
        await asyncio.sleep(PAUSE)
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            tally.refused += 1
            continue
        whole = choose.random() < 0.5
        writer.write(request if whole else request[: len(request) // 2])
        await asyncio.sleep(choose.random() * 0.01)
        connected: socket.socket = writer.get_extra_info("socket")
        # Without a word to the other end but a reset.
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        tally.closed += 1


async def trickle(port: int, request: bytes, tally: Tally) -> None:
    """Send a request a byte at a time, until the server has had enough."""
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            tally.refused += 1
            await asyncio.sleep(PAUSE)
            continue
        answer = asyncio.ensure_future(reader.readuntil(b"\r\n\r\n"))
        try:
            for place in range(len(request)):
                if answer.done():
                    break
                writer.write(request[place : place + 1])
                await asyncio.sleep(4 * PAUSE)
            tally.statuses[int((await answer)[9:12])] += 1
        except (OSError, EOFError):
            pass
        finally:
            answer.cancel()
            writer.close()
        tally.closed += 1


async def say_nothing(port: int, tally: Tally) -> None:
    """Connect, and wait for the server to close."""
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            tally.refused += 1
            await asyncio.sleep(PAUSE)
            continue
        try:
            await reader.read(-1)
        except OSError:
            pass
        finally:
            writer.close()
        tally.closed += 1


async def read_slowly(port: int, request: bytes, tally: Tally) -> None:
    """Ask for more than the system keeps for a connection, and read next to nothing of it."""
    while True:
        connected = socket.socket()
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connected.setblocking(False)
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_connect(connected, ("127.0.0.1", port))
            await loop.sock_sendall(connected, request)
            while await loop.sock_recv(connected, 16):
                await asyncio.sleep(10 * PAUSE)
                # A reset is heard of only behind what came before it.
                if connected.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                    break
        except OSError:
            pass
        finally:
            connected.close()
        tally.closed += 1
        await asyncio.sleep(PAUSE)


async def send_too_much(port: int, tally: Tally, size: int) -> None:
    """Announce a body that is larger than any may be, and send it as fast as it is taken."""
    head = (
        f"POST {PREDICTIONS} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {size}\r\n\r\n"
    ).encode()
    piece = b" " * 65_536
    while True:
        await asyncio.sleep(10 * PAUSE)
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            tally.refused += 1
            continue
        answer = asyncio.ensure_future(reader.readuntil(b"\r\n\r\n"))
        try:
            writer.write(head)
            sent = 0
            while sent < size and not answer.done():
                writer.write(piece[: size - sent])
                sent += len(piece)
                await writer.drain()
            tally.statuses[int((await asyncio.wait_for(answer, PATIENCE))[9:12])] += 1
        except (OSError, EOFError, TimeoutError):
            tally.closed += 1
        finally:
            answer.cancel()
            writer.close()
