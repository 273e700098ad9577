"""HTTP/1.1 as uvicorn reads it, with its own errors as problems, and limits on slow clients."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Literal

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from server.connection_limits import Connection, ConnectionLimits, Ending
from server.errors import HeadTooLarge, Overloaded, Problem, RequestTimeout, TooLarge
from server.problems import MEDIA_TYPE, answer, problem_body
from server.security import SECURITY_FIELDS

RETRY_SECONDS = 5
"""After which a client may try again that found no free connection."""


class MalformedRequest(Problem):
    """Bytes that are not an HTTP request, or a method that HTTP does not know."""

    status = 400
    slug = "malformed-request"
    title = "Malformed request"


class ProblemProtocol(HttpToolsProtocol, Connection):
    """Answers what cannot be read as a request as every other error is answered.

    Uvicorn answers such bytes itself, in plain text, since no application is called for them. It
    also waits for ever for what a client sends and takes; see ``check``, which ends that.
    """

    limits = ConnectionLimits()
    note: Callable[[Ending], None] = staticmethod(lambda _: None)
    """Is told why a connection was refused or ended."""
    _reading: Literal["head", "body", "nothing"] = "head"
    _since = 0.0
    """When what is read began."""
    _received = 0
    """Bytes of the request that is read."""
    _began_here = False
    """Whether the piece of data that is read has the beginning of what is read."""
    _paused_until = 0.0
    """When it was last seen that the client was not to send: that time is not the client's."""
    _answered: RequestResponseCycle | None = None
    """The request that an application answers; ``cycle`` may be of one that waits behind it."""
    _unsent = 0
    _unsent_deadline = 0.0

    def connection_lost(self, exc: Exception | None) -> None:
        """Let those who work on answers find the client gone."""
        self._leave()
        super().connection_lost(exc)
        self._answered = None

    def connection_made(self, transport: Any) -> None:
        """Take a connection, and refuse what it asks if there are too many."""
        super().connection_made(transport)
        self._since = self.loop.time()
        if len(self.connections) > self.limits.connections and not self._made_room():
            self.note("too_many")
            self.limit_concurrency = 0  # whose refusal is written by _start_asgi_task

    def data_received(self, data: bytes) -> None:
        """Read on, unless the request gets too long."""
        self._began_here = False
        super().data_received(data)
        # Whose part of this piece begins in its middle is counted from the next piece on.
        self._received += 1 if self._began_here else len(data)
        if self._reading == "head" and self._received > self.limits.head_bytes:
            self._refuse(
                HeadTooLarge(
                    f"The request line and header fields have more than "
                    f"{self.limits.head_bytes} bytes.",
                    limit=self.limits.head_bytes,
                )
            )
        elif self._reading == "body" and self._received > self.limits.request_bytes:
            self._refuse(
                TooLarge(
                    f"The request has more than {self.limits.request_bytes} bytes.",
                    limit=self.limits.request_bytes,
                )
            )

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self._begin("head")

    def on_headers_complete(self) -> None:
        """The head of a request is all here."""
        self._begin("body")
        super().on_headers_complete()
        if getattr(self.server_state, "is_ending", False):
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """The request is all here."""
        self._reading = "nothing"
        super().on_message_complete()

    @property
    def unsent(self) -> int:
        """Bytes of answers that wait for the client to take them."""
        return self.transport.get_write_buffer_size()

    @property
    def is_idle(self) -> bool:
        """Whether no request is being answered."""
        cycle: RequestResponseCycle | None = self.cycle  # None until the first request
        return cycle is None or cycle.response_complete

    def check(self, now: float) -> None:
        """End the connection if its client takes too long."""
        self._check_reader(now)
        if self.transport.is_closing() or self._reading == "nothing":
            return
        seconds = self.limits.seconds
        if self._reading == "head":
            if self.is_idle and now - self._since > seconds:
                self._give_up(f"The head of a request did not come within {seconds:g} seconds.")
            return
        if self.flow.read_paused:  # the server's doing
            self._since += max(0.0, now - max(self._paused_until, self._since))
            self._paused_until = now
            return
        self._paused_until = now
        if now - self._since > seconds + self._received / self.limits.rate:
            self._give_up(
                f"The body comes too slowly: {self._received} bytes in {now - self._since:.0f} "
                f"seconds. It may take {seconds:g} seconds, and one more for each "
                f"{self.limits.rate} bytes."
            )

    def abort(self, reason: Ending) -> None:
        """End the connection at once."""
        self._leave()
        self.note(reason)
        connected = self.transport.get_extra_info("socket")
        if connected is not None and not self.transport.is_closing():
            # By a reset, so that the system lets go of what it would send still.
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        """Write the problem and close; ``msg`` is uvicorn's sentence on what is wrong."""
        self._refuse(MalformedRequest(f"{msg} Its first line has a method, a path and a version."))

    def _check_reader(self, now: float) -> None:
        unsent = self.unsent
        if unsent > self._unsent:  # a new answer, or more of one
            self._unsent_deadline = now + self.limits.seconds + unsent / self.limits.rate
        self._unsent = unsent
        if unsent and now > self._unsent_deadline:
            self.abort("slow")

    def _begin(self, part: Literal["head", "body"]) -> None:
        self._reading, self._since, self._received = part, self.loop.time(), 0
        self._began_here = True

    def _give_up(self, why: str) -> None:
        if self._reading == "head" and self._received == 0:
            self.transport.close()  # nothing was asked
            return
        self.note("slow")
        self._refuse(RequestTimeout(why))

    def _refuse(self, problem: Problem) -> None:
        """Answer with a problem, unless the client would take it for another answer, and close."""
        if self.transport.is_closing():
            return
        in_head, self._reading = self._reading != "body", "nothing"
        if self.is_idle if in_head else not (self.pipeline or self.cycle.response_started):
            self.transport.write(_response(problem))
        self._leave()
        self.transport.close()

    def _leave(self) -> None:
        """Let whoever works on an answer find the client gone, so that no more is written."""
        for cycle in (self._answered, self.cycle, *(queued for queued, _ in self.pipeline)):
            if cycle is not None and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()

    def _made_room(self) -> bool:
        """Close a connection that asks nothing, the one that has done so for longest."""
        silent = [
            each
            for each in self.connections
            if isinstance(each, ProblemProtocol)
            and each is not self
            and each.is_idle
            and not each.transport.is_closing()
        ]
        if not silent:
            return False
        min(silent, key=lambda each: each._since).abort("idle")
        return True

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answered = cycle
        super()._start_asgi_task(cycle, app if app is self.app else self._no_connection_free)

    async def _no_connection_free(self, scope: Any, receive: Any, send: Any) -> None:
        """An application that refuses."""
        problem = Overloaded(
            f"{self.limits.connections} clients are connected already; ask again in a moment.",
            limit=self.limits.connections,
            retry_after=RETRY_SECONDS,
        )
        problem.headers["Connection"] = "close"
        await answer(problem, scope["path"])(scope, receive, send)


def limited(
    protocol: type[ProblemProtocol],
    limits: ConnectionLimits,
    note: Callable[[Ending], None] = lambda _: None,
) -> type[ProblemProtocol]:
    """The protocol of a server with these limits; ``note`` is told what they end."""
    return type(protocol.__name__, (protocol,), {"limits": limits, "note": staticmethod(note)})


def _response(problem: Problem) -> bytes:
    """A problem as the bytes of a response, after which the connection is closed."""
    body = problem_body(problem, "/")
    status = HTTPStatus(problem.status)
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: {MEDIA_TYPE}\r\n"
        f"content-length: {len(body)}\r\ncache-control: no-store\r\nconnection: close\r\n"
    )
    security = b"".join(b"%b: %b\r\n" % field for field in SECURITY_FIELDS)
    return head.encode("ascii") + security + b"\r\n" + body
