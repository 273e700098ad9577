"""What wraps every request from outside: its id, and a note of how it went for whoever asks."""

from __future__ import annotations

import itertools
import os
import re
import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.header_fields import field, with_fields

REQUEST_ID = "X-Request-ID"
_ID_FIELD = REQUEST_ID.lower().encode()
_GIVEN_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_ID_KEY = "doodlescope.request_id"
_CALLER_KEY = "doodlescope.caller"
# An id of nobody else's, without asking the system for one each time.
_PROCESS = os.urandom(8).hex()
_NUMBERS = itertools.count(1)
INTERRUPTED = 499
"""The status that stands for no answer: the client had gone, or the server stopped at once."""

current_request_id: ContextVar[str] = ContextVar("current_request_id", default="")
"""The id of the request that is being answered; "" outside of one."""


@dataclass(slots=True)
class Exchange:
    """One request and its answer, when it is over."""

    method: str
    path: str
    """As asked for: a stranger's text, without the query."""
    route: str | None
    """The template that it fitted, such as ``/models/{name}``; None where there is none."""
    status: int
    seconds: float
    body_bytes: int
    """Of the answer, as sent."""
    request_id: str
    client: str
    """Address of the other end; "" where the server does not know it."""
    caller: str
    """Name of the API key that it was asked with; "" without one."""


class Observation:
    """Gives every request an id, returned as X-Request-ID, and tells observers how it went.

    The id is the client's own where it sent a usable one.

    Args:
        app: is wrapped.
        prefix: of the addresses of the API, which its routes' templates lack.
        observers: are called once the answer has been sent.
    """

    def __init__(
        self, app: ASGIApp, prefix: str, observers: Sequence[Callable[[Exchange], None]]
    ) -> None:
        self.app = app
        self.prefix = prefix
        self.observers = tuple(observers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with a ``send`` that adds the id and remembers status and size."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = request_id_given(field(scope["headers"], _ID_FIELD))
        scope[_ID_KEY] = request_id
        # Not taken back at the end: the server logs an exception in the same task afterwards.
        current_request_id.set(request_id)
        outside = scope.get("root_path", "")
        fields = {_ID_FIELD: request_id.encode()}
        status, size = 0, 0

        async def observed_send(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = with_fields(message.get("headers", ()), fields)
            elif message["type"] == "http.response.body":
                size += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, observed_send)
        except Exception:
            status = 500  # which the server answers, outside of this
            raise
        finally:
            exchange = Exchange(
                method=scope["method"],
                path=scope["path"],
                route=self._route(scope, outside),
                status=status or INTERRUPTED,
                seconds=time.perf_counter() - began,
                body_bytes=size,
                request_id=request_id,
                client=(scope.get("client") or ("", 0))[0],
                caller=scope.get(_CALLER_KEY, ""),
            )
            for observer in self.observers:
                observer(exchange)

    def _route(self, scope: Scope, outside: str) -> str | None:
        template = getattr(scope.get("route"), "path_format", None)
        if isinstance(template, str):
            return f"{self.prefix if scope['path'].startswith(self.prefix) else ''}{template}"
        mounted = scope.get("root_path", "").removeprefix(outside)
        return f"{mounted}/{{path}}" if mounted else None


def request_id_of(scope: Scope) -> str:
    """The id of a request; "" of one that was not observed."""
    return str(scope.get(_ID_KEY, ""))


def set_caller(scope: Scope, name: str) -> None:
    """Note by whose key a request is asked."""
    scope[_CALLER_KEY] = name


def caller_of(scope: Scope) -> str:
    """By whose key a request is asked; "" without one."""
    return str(scope.get(_CALLER_KEY, ""))


def request_id_given(given: bytes | None) -> str:
    """The id of a request: what the client gave, where that is usable, or a new one."""
    if given and _GIVEN_ID.fullmatch(given):
        return given.decode("ascii")
    return f"{_PROCESS}{next(_NUMBERS):016x}"
