"""Compressed answers for other machines, with what every client can unpack: gzip.

Level 1 is measured (docs/serving.md): higher ones cost twice the time for some bytes less. On this
machine itself, where bytes cost next to nothing, none of it pays.
"""

from __future__ import annotations

import asyncio
import ipaddress
import zlib
from functools import lru_cache

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LEAST_BYTES = 1_400
"""What fits into one packet is sent as it is."""
LONG_BYTES = 65_536
"""Longer ones are packed beside the event loop, so that others do not wait for it."""
LEVEL = 1
_GZIP = zlib.MAX_WBITS + 16

# Of application/x-ndjson each line is to arrive when it is written; .npz, PNG and WebP are packed.
_PACKABLE = frozenset(
    {
        "application/json",
        "application/octet-stream",
        "application/problem+json",
        "image/svg+xml",
        "text/css",
        "text/html",
        "text/javascript",
        "text/plain",
    }
)


class Compression:
    """Packs answers that are worth it, where the client says that it can unpack them.

    Args:
        app: is wrapped.
        always: for clients on this machine as well.
    """

    def __init__(self, app: ASGIApp, always: bool) -> None:
        self.app = app
        self.always = always

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with a ``send`` that packs."""
        host = (scope.get("client") or ("", 0))[0]
        if scope["type"] != "http" or not (self.always or is_elsewhere(host)):
            await self.app(scope, receive, send)
            return
        accepts = accepts_gzip(Headers(scope=scope).get("accept-encoding", ""))
        await self.app(scope, receive, _Packer(send, accepts))


class _Packer:
    """Sends one answer on, packed if it should be."""

    def __init__(self, send: Send, accepts: bool) -> None:
        self._send = send
        self._accepts = accepts
        self._start: Message | None = None
        self._packer: zlib._Compress | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
        elif message["type"] != "http.response.body":
            await self._send(message)
        elif self._start is not None:
            await self._begin(self._start, message)
        else:
            await self._go_on(message)

    async def _begin(self, start: Message, first: Message) -> None:
        """Decide by the head and the first piece, and send both."""
        self._start = None
        headers = MutableHeaders(scope=start)
        more = first.get("more_body", False)
        if _is_packable(headers):
            headers.add_vary_header("Accept-Encoding")
            long = more or len(first.get("body", b"")) >= LEAST_BYTES
            if self._accepts and long and start["status"] == 200:
                self._packer = zlib.compressobj(LEVEL, zlib.DEFLATED, _GZIP)
                headers["Content-Encoding"] = "gzip"
                if tag := headers.get("etag"):
                    # Other bytes than those that a strong tag stands for.
                    headers["ETag"] = tag if tag.startswith("W/") else f"W/{tag}"
                del headers["Accept-Ranges"]
        elif start["status"] == 304:
            headers.add_vary_header("Accept-Encoding")
        if self._packer is None:
            await self._send(start)
            await self._send(first)
            return
        if more:
            del headers["Content-Length"]
            await self._send(start)
            await self._go_on(first)
            return
        body = await self._packed(first.get("body", b""), more=False)
        headers["Content-Length"] = str(len(body))
        await self._send(start)
        await self._send({**first, "body": body})

    async def _go_on(self, message: Message) -> None:
        if self._packer is not None:
            body = await self._packed(
                message.get("body", b""), more=message.get("more_body", False)
            )
            message = {**message, "body": body}
        await self._send(message)

    async def _packed(self, body: bytes, *, more: bool) -> bytes:
        if len(body) > LONG_BYTES:
            return await asyncio.to_thread(self._pack, body, more)
        return self._pack(body, more)

    def _pack(self, body: bytes, more: bool) -> bytes:
        assert self._packer is not None
        packed = self._packer.compress(body)
        return packed if more else packed + self._packer.flush()


def _is_packable(headers: Headers) -> bool:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind in _PACKABLE and "content-encoding" not in headers


@lru_cache(maxsize=256)
def accepts_gzip(field: str) -> bool:
    """Whether an Accept-Encoding takes gzip, by its name or by ``*``, with a weight above 0."""
    weights: dict[str, bool] = {}
    for part in field.lower().split(","):
        coding, _, weight = part.partition(";")
        weights[coding.strip()] = weight.replace(" ", "").rstrip("0") not in ("q=", "q=0.")
    return weights.get("gzip", weights.get("*", False))


@lru_cache(maxsize=1_024)
def is_elsewhere(host: str) -> bool:
    """Whether a client is on another machine; behind a proxy here, the proxy sees to it."""
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:  # a socket of this machine, or a test
        return False
