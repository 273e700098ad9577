"""What wraps every request: security headers, HEAD, and a limit on the size of bodies."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.errors import UNSET, TooLarge
from server.header_fields import field, with_fields
from server.problems import answer
from server.security import SECURITY_FIELDS

_SECURITY = dict(SECURITY_FIELDS)
_STARTS = frozenset({"http.response.start", "websocket.http.response.start"})
"""Of an answer, also one that refuses a WebSocket."""


class SecurityHeaders:
    """Adds the security headers that a response does not have."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with a ``send`` that adds the headers."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] in _STARTS:
                message["headers"] = with_fields(message.get("headers", ()), _SECURITY)
            await send(message)

        await self.app(scope, receive, send_with_headers)


class HeadAsGet:
    """Answers HEAD as GET without the content, on every route (RFC 9110, section 9.3.2)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a HEAD on as a GET, with a ``send`` that drops the content."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def send_without_content(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        as_get = {**scope, "method": "GET"}
        try:
            await self.app(as_get, receive, send_without_content)
        finally:
            # Where it led to, which those outside of this may want to know.
            scope.update({key: as_get[key] for key in ("route", "root_path") if key in as_get})


class BodyLimit:
    """Refuses bodies above ``limit`` bytes: by their declared length, and while they stream in.

    What a refused client still sends is read and thrown away, up to ``limit`` bytes more: a client
    that sends its whole body before it reads would find a closed connection, not the answer.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with a ``receive`` that counts."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        declared = field(scope["headers"], b"content-length") or b""
        # Twenty digits are enough to know that it is too much.
        size = int(declared[:20]) if declared.isdigit() else 0
        if size > self.limit:
            await self._discard(receive)
            await answer(self._too_large(size), scope["path"])(scope, receive, send)
            return
        received = 0

        async def receive_within_limit() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.limit:
                if message.get("more_body", False):
                    await self._discard(receive)
                raise self._too_large(None)
            return message

        await self.app(scope, receive_within_limit, send)

    async def _discard(self, receive: Receive) -> None:
        discarded = 0
        while discarded <= self.limit:
            message = await receive()
            discarded += len(message.get("body", b""))
            if not message.get("more_body", False):
                return

    def _too_large(self, size: int | None) -> TooLarge:
        found = f"has {size} bytes" if size is not None else "is larger"
        return TooLarge(
            f"The body {found}; {self.limit} bytes are allowed.",
            value=UNSET if size is None else size,
            limit=self.limit,
        )
