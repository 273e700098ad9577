"""What one connection may cost: time to send a request, time to take an answer, and memory.

Without them a few clients that send or read a byte now and then would hold everything there is.
"""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

Ending = Literal["too_many", "idle", "slow", "unsent", "live_full"]
"""Why the server refused a connection, or ended it: there were too many; it asked nothing, and made
room for another one; its client sent or read too slowly; too much waited to be read; there were too
many live sessions."""
ENDINGS: tuple[Ending, ...] = get_args(Ending)

KEEPALIVE = (
    ("TCP_KEEPIDLE", 60),
    ("TCP_KEEPINTVL", 15),
    ("TCP_KEEPCNT", 4),
    ("TCP_USER_TIMEOUT", 60_000),
)
"""Seconds of silence before the other end is asked whether it is there, seconds between and number
of such questions, and milliseconds that it has to confirm what it was sent."""


@dataclass(frozen=True)
class ConnectionLimits:
    """Of one server.

    A body has ``seconds`` and, for each ``rate`` bytes of it, one more; so has an answer.
    """

    connections: int = 1_000
    """Most at once; beyond it those that ask nothing are closed, or a new one is refused."""
    seconds: float = 15.0
    """For the head of a request, from its first byte; a silent connection has as many."""
    rate: int = 4_096
    """Bytes a second, on average, of a body that comes, and of an answer that is taken."""
    head_bytes: int = 65_536
    """Longest head of a request: its first line and its header fields."""
    body_bytes: int = 12_582_912
    """Longest body of a request."""
    unsent_bytes: int = 268_435_456
    """Answers in memory, of all connections, that clients have not taken yet."""

    @property
    def request_bytes(self) -> int:
        """The most that is read of one request: refused bodies are read on, but not for ever."""
        return self.head_bytes + 3 * self.body_bytes


class Connection(ABC):
    """A connection that a sweep looks after."""

    @property
    @abstractmethod
    def unsent(self) -> int:
        """Bytes of answers that wait for the client to take them."""

    @abstractmethod
    def check(self, now: float) -> None:
        """End it if its client takes too long; ``now`` is the time of the event loop."""

    @abstractmethod
    def abort(self, reason: Ending) -> None:
        """End it at once."""


def sweep(connections: Iterable[object], limits: ConnectionLimits, now: float) -> None:
    """End what takes too long, and the largest answers of slow readers where they are too many.

    Args:
        connections: those that are no ``Connection`` (WebSockets) look after themselves.
        limits: of the server.
        now: time of the event loop.
    """
    ours = [each for each in list(connections) if isinstance(each, Connection)]
    for connection in ours:
        connection.check(now)
    total = sum(connection.unsent for connection in ours)
    if total <= limits.unsent_bytes:
        return
    for connection in sorted(ours, key=lambda each: each.unsent, reverse=True):
        total -= connection.unsent
        connection.abort("unsent")
        if total <= limits.unsent_bytes:
            return


def notice_lost_peers(listening: socket.socket) -> None:
    """Let the system end connections whose other end has vanished without a word.

    Connections that a socket accepts have its options (on Linux; elsewhere some of them).
    """
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE:
        if hasattr(socket, name):
            listening.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
