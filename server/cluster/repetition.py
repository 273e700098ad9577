"""In a proxy: a request whose replica dies is sent to another one.

Every request of the API may be repeated: predictions keep nothing, and what is kept has the hash of
its input for an id. So a proxy reads the whole body first, holds the answer back until it is whole
(up to a size), and begins again when there is none. An answer that arrives in pieces is passed on
as it comes, and cannot be repeated once it has begun.
"""

from __future__ import annotations

import asyncio
import logging
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.cluster.carried import carry
from server.errors import NotReady, Problem, TooLarge
from server.observation import REQUEST_ID
from server.problems import answer

HELD_BYTES = 4 * 2**20
"""Answers of a known length are held back until they are whole up to this one."""
FIRST_PAUSE = 0.05
"""Seconds before the first repetition; each further one waits four times as long."""

_TIMEOUT = "x-request-timeout-seconds"
# By these a client could tell Ray's proxy what only its owner may.
_ORDERS = frozenset(
    {_TIMEOUT, "x-request-disconnect-disabled", "serve-multiplexed-model-id", "x-session-id"}
)
_LOG = logging.getLogger("doodlescope.proxy")


class Repetition:
    """Sends a request again when it got no answer, and tells the proxy's own errors as problems.

    Args:
        app: is wrapped: Ray's proxy. It sends nothing where a replica died.
        repeats: how often a request is sent again.
        body_bytes: largest body.
        request_seconds: how long the proxy waits for an answer.
    """

    def __init__(self, app: ASGIApp, repeats: int, body_bytes: int, request_seconds: int) -> None:
        self.app = app
        self.repeats = repeats
        self.body_bytes = body_bytes
        self.request_seconds = request_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, by as many replicas as it takes."""
        if scope["type"] != "http" or scope["path"].startswith("/-/"):  # Ray's own addresses
            await self.app(scope, receive, send)
            return
        try:
            body = await self._body(receive, Headers(scope=scope).get("content-length", ""))
        except TooLarge as error:
            await answer(error, scope["path"])(scope, receive, send)
            return
        if body is None:
            return
        headers = [(name, value) for name, value in scope["headers"] if not _is_order(name)]
        headers.append((_TIMEOUT.encode(), str(self.request_seconds).encode()))
        if REQUEST_ID not in Headers(scope=scope):  # else each attempt would get one of its own
            headers.append((REQUEST_ID.lower().encode(), uuid.uuid4().hex.encode()))
        asked = {**scope, "headers": headers}
        carry(asked, body)
        for attempt in range(self.repeats + 1):
            exchange = _Exchange(body, receive, send)
            await self.app(dict(asked), exchange.receive, exchange.send)
            if await exchange.finish(scope["path"], self.request_seconds):
                return
            _LOG.warning("A replica gave no answer to %s (attempt %d)", scope["path"], attempt + 1)
            await asyncio.sleep(FIRST_PAUSE * 4**attempt)
        ended = NotReady(f"{self.repeats + 1} replicas ended before they could answer.")
        await answer(ended, scope["path"])(scope, receive, send)

    async def _body(self, receive: Receive, declared: str) -> bytes | None:
        """The whole body; None if the client went away; raises TooLarge."""
        if declared.isdigit() and int(declared[:20]) > self.body_bytes:
            raise self._too_large()
        pieces: list[bytes] = []
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            if size > self.body_bytes:
                raise self._too_large()
            more = message.get("more_body", False)
        return b"".join(pieces)

    def _too_large(self) -> TooLarge:
        return TooLarge(
            f"The body is larger than the {self.body_bytes} bytes that are allowed.",
            limit=self.body_bytes,
        )


class _Exchange:
    """One attempt: gives the body again, and holds the answer back."""

    def __init__(self, body: bytes, receive: Receive, send: Send) -> None:
        self._body: bytes | None = body
        self._receive = receive
        self._send = send
        self._start: Message | None = None
        self._held: list[Message] = []
        self._size = 0
        self._passed_on = False
        self._whole = False
        self._left = False

    async def receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        message = await self._receive()
        self._left = self._left or message["type"] == "http.disconnect"
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            _drop_second_id(message)
            self._start = message
        self._whole = message["type"] == "http.response.body" and not message.get("more_body")
        if self._passed_on:
            await self._send(message)
            return
        self._held.append(message)
        self._size += len(message.get("body", b""))
        if message["type"] == "http.response.body" and not self._whole and not self._holds():
            await self._pass_on()

    async def finish(self, path: str, seconds: int) -> bool:
        """Send what is held; False if there is nothing to send and the client waits."""
        if self._whole and not self._passed_on:
            problem = self._problem(seconds)
            if problem is None:
                await self._pass_on()
            else:
                await answer(problem, path)({"type": "http"}, self._receive, self._send)
        return self._whole or self._passed_on or self._left

    def _holds(self) -> bool:
        """Whether the rest of an answer is waited for: it has an end, and is not large."""
        assert self._start is not None
        length = Headers(raw=self._start["headers"]).get("content-length", "")
        return length.isdigit() and max(int(length), self._size) <= HELD_BYTES

    async def _pass_on(self) -> None:
        self._passed_on = True
        for message in self._held:
            await self._send(message)
        self._held.clear()

    def _problem(self, seconds: int) -> Problem | None:
        """What the proxy itself has to say: it writes plain text."""
        assert self._start is not None
        if not Headers(raw=self._start["headers"]).get("content-type", "").startswith("text/plain"):
            return None
        if self._start["status"] == 408:
            return NotReady(f"No replica answered within {seconds} seconds.", limit=seconds)
        if self._start["status"] == 503:
            return NotReady("No replica can take this request; ask again in a moment.")
        return None


def _is_order(name: bytes) -> bool:
    return name.decode("latin-1").replace("_", "-") in _ORDERS


def _drop_second_id(start: Message) -> None:
    """Keep the id that the replica gave a request, where the proxy has added one as well."""
    ids = Headers(raw=start["headers"]).getlist(REQUEST_ID)
    if len(ids) > 1:
        MutableHeaders(scope=start)[REQUEST_ID] = ids[0]
