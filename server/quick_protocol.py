"""HTTP/1.1 that answers usual predictions where it has read them: no task, and no way to go.

Half of what a small prediction costs is the way from the socket to the route and back. A request
goes that way only if something about it is not usual: its head, its body, or its answer. On it
stand all that wraps a request (keys, traces, proxies, compression), and the ordinary route.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from server.compression import LEAST_BYTES, accepts_gzip
from server.errors import Problem
from server.known_heads import KnownHead, KnownHeads
from server.observation import (
    INTERRUPTED,
    REQUEST_ID,
    Exchange,
    current_request_id,
    request_id_given,
)
from server.protocol import ProblemProtocol
from server.quick import OUTCOME, QuickAnswers, QuickPolicy
from server.security import SECURITY_FIELDS

_JSON = b"application/json"
_ID = REQUEST_ID.lower().encode()


class _Nobody:
    """Stands for those who would wait for a body: nobody does."""

    def set(self) -> None:
        """Wake nobody."""


@dataclass(eq=False, slots=True)
class _QuickCycle:
    """A request and its answer, as far as the reader of HTTP looks at them."""

    keep_alive: bool
    headers: list[tuple[bytes, bytes]]
    body: bytearray | bytes = field(default_factory=bytearray)
    more_body: bool = True
    disconnected: bool = False
    response_started: bool = False
    response_complete: bool = False
    message_event: ClassVar[_Nobody] = _Nobody()


@dataclass(eq=False, slots=True)
class _Request:
    """A usual request on its way."""

    cycle: RequestResponseCycle | _QuickCycle
    fields: dict[bytes, bytes]
    quick: QuickAnswers
    began: float
    question: Any = None
    job: Any = None


def quick_protocol(policy: QuickPolicy) -> type[ProblemProtocol]:
    """The protocol of a server whose usual predictions are answered quickly."""
    unusual, heads, known = policy.unusual(), _Heads(), KnownHeads()

    class Quick(QuickProtocol):
        """With the policy of one server."""

    Quick.policy, Quick.unusual, Quick.heads, Quick.known = policy, unusual, heads, known
    return Quick


class _Heads:
    """The part of an answer's head that stays the same for a second."""

    def __init__(self) -> None:
        self._fields: Any = None
        self._head = b""

    def head(self, fields: Sequence[tuple[bytes, bytes]]) -> bytes:
        """Status line and header fields, with the server's own ``fields`` of this second."""
        if fields is not self._fields:
            ours = [*fields, *SECURITY_FIELDS, (b"content-type", _JSON)]
            lines = [b"%b: %b\r\n" % field for field in ours]
            self._fields, self._head = fields, b"HTTP/1.1 200 OK\r\n" + b"".join(lines)
        return self._head


class QuickProtocol(ProblemProtocol):
    """One connection; see ``quick_protocol``."""

    policy: QuickPolicy
    unusual: frozenset[bytes]
    heads: _Heads
    known: KnownHeads
    _request: _Request | None = None
    _parsed: dict[bytes, bytes] | None = None
    """Header fields of a usual request whose head the parser has just read."""
    _packs: bool = False

    @property
    def _is_ending(self) -> bool:
        return bool(getattr(self.server_state, "is_ending", False))

    def connection_made(self, transport: Any) -> None:
        """Note whether the client's answers are compressed."""
        super().connection_made(transport)
        self._packs = self.policy.packs_for(self.client[0] if self.client else "")

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of the request whose client has left."""
        request, self._request = self._request, None
        super().connection_lost(exc)
        if request is not None:
            request.cycle.disconnected = True
            if request.job is not None:
                request.quick.withdraw(request.job)
                request.job = None
            self._observe(request, INTERRUPTED, 0, request_id_given(request.fields.get(_ID)))

    def data_received(self, data: bytes) -> None:
        """Read on; without the parser where this is one request with a head that it read before."""
        quick = self.policy.answers
        # Between requests the parser waits for the beginning of one, and so can do without it.
        if (
            self._reading == "nothing"
            and quick is not None
            and self._may_begin()
            and (known := self.known.of(data)) is not None
        ):
            self._hear(known, data, quick)
            return
        is_beginning = self._reading == "nothing" or self._received == 0
        super().data_received(data)
        fields, self._parsed = self._parsed, None
        if fields is not None and is_beginning and self._reading == "nothing" and _ID not in fields:
            self.known.learn(data, fields)

    def _hear(self, head: KnownHead, data: bytes, quick: QuickAnswers) -> None:
        """Take a request, whole, whose head is known."""
        self._unset_keepalive_if_required()
        self._since = self.loop.time()
        cycle: Any = _QuickCycle(not self._is_ending, list(head.fields.items()))
        cycle.body, cycle.more_body = data[head.size :], False
        self.cycle = cycle
        self._request = _Request(cycle, head.fields, quick, time.perf_counter())
        self._ask(self._request)

    def _may_begin(self) -> bool:
        """Whether a usual request may be answered here now: no other is, and all is as always."""
        before: Any = self.cycle
        return (
            (before is None or before.response_complete)
            and self.limit_concurrency is None
            and not self.flow.write_paused
        )

    def on_message_begin(self) -> None:
        """The first byte of a request; what an application is told of it is made when it is."""
        self.url = b""
        self.expect_100_continue = False
        self.headers = []
        self._begin("head")

    def on_headers_complete(self) -> None:
        """Begin with a usual request that waits for no other, or make the scope of all others."""
        quick = self.policy.answers
        if (
            quick is not None
            and self.url == self.policy.raw_path
            and self.parser.get_method() == b"POST"
            and self.parser.get_http_version() == "1.1"
            and self._may_begin()
            and (fields := self._usual_fields(self.headers, quick)) is not None
        ):
            self._begin("body")
            stays = self.parser.should_keep_alive()
            self._parsed = fields if stays else None
            cycle: Any = _QuickCycle(stays and not self._is_ending, self.headers)
            self.cycle = cycle
            self._request = _Request(cycle, fields, quick, time.perf_counter())
            return
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        HttpToolsProtocol.on_message_begin(self)
        self.url, self.expect_100_continue = url, expects
        self.headers.extend(headers)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Ask, if the request that is to be answered now is all here."""
        super().on_message_complete()
        request = self._request
        if request is not None and request.question is None and not request.cycle.more_body:
            self._ask(request)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Begin with a request; its body may be on its way still."""
        quick, scope, fields = self.policy.answers, cycle.scope, None
        fits = scope["path"] == self.policy.path and scope["method"] == "POST"
        if quick is not None and fits and app is self.app:
            listed: Any = scope["headers"]
            fields = self._usual_fields(listed, quick)
        if fields is None or quick is None:
            super()._start_asgi_task(cycle, app)
            return
        self._request = _Request(cycle, fields, quick, time.perf_counter())
        if not cycle.more_body:
            self._ask(self._request)

    def _usual_fields(
        self, listed: list[tuple[bytes, bytes]], quick: QuickAnswers
    ) -> dict[bytes, bytes] | None:
        """The header fields of a POST that may be answered here; None of all others."""
        fields = dict(listed)
        length = fields.get(b"content-length", b"")
        usual = (
            fields.get(b"content-type") == _JSON
            and length.isdigit()
            and len(length) < 9
            and int(length) <= quick.most_bytes
            and self.unusual.isdisjoint(fields)
            and len(fields) == len(listed)  # none is there twice
            and not self.flow.write_paused
        )
        return fields if usual else None

    def _ask(self, request: _Request) -> None:
        quick = request.quick
        try:
            request.question = quick.read(bytes(request.cycle.body))
            if request.question is None:
                self._pass_on(request)
                return
            request.job = quick.ask(request.question, partial(self._answer, request))
        except Problem as problem:
            self._pass_on(request, problem)

    def _pass_on(self, request: _Request, outcome: Any = None) -> None:
        """Let the application answer, all of the way; ``outcome`` is what is known already."""
        self._request = None
        cycle = request.cycle
        if isinstance(cycle, _QuickCycle):
            cycle = self._whole(cycle)
        if outcome is not None:
            cycle.scope[OUTCOME] = outcome  # type: ignore[literal-required]
        super()._start_asgi_task(cycle, self.app)

    def _whole(self, quick: _QuickCycle) -> RequestResponseCycle:
        """What the application is told of a request that began quickly, and is all here."""
        scope: Any = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": "1.1",
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "root_path": self.root_path,
            "headers": quick.headers,
            "state": self.app_state.copy(),
            "method": "POST",
            "path": self.root_path + self.policy.path,
            "raw_path": self.root_path.encode("ascii") + self.policy.raw_path,
            "query_string": b"",
        }
        cycle = RequestResponseCycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=quick.keep_alive,
            on_response=self.on_response_complete,
        )
        cycle.body, cycle.more_body = bytearray(quick.body), False
        cycle.disconnected = quick.disconnected
        cycle.message_event.set()
        now: Any = self.cycle
        if now is quick:
            self.cycle = cycle
        return cycle

    def _answer(self, request: _Request, job: Any) -> None:
        # The job holds this request, so that together they would stay until a collection of
        # garbage, which would have all requests since the last one to look through.
        request.job = None
        if self.transport.is_closing():  # by the server; it is not lost yet, but takes no more
            return
        body = request.quick.answer(request.question, job)
        if body is None:
            self._pass_on(request, job.error)
            return
        if self._packs and len(body) >= LEAST_BYTES:
            accepted = request.fields.get(b"accept-encoding", b"").decode("latin-1")
            if accepts_gzip(accepted):
                self._pass_on(request, body)
                return
        self._write(request, body)

    def _write(self, request: _Request, body: bytes) -> None:
        self._request = None
        cycle = request.cycle
        request_id = request_id_given(request.fields.get(_ID))
        self.transport.write(
            b"%bcontent-length: %d\r\n%b: %b\r\n%b%b\r\n%b"
            % (
                self.heads.head(self.server_state.default_headers),
                len(body),
                _ID,
                request_id.encode(),
                b"vary: Accept-Encoding\r\n" if self._packs else b"",
                b"" if cycle.keep_alive else b"connection: close\r\n",
                body,
            )
        )
        cycle.response_started = cycle.response_complete = True
        if not cycle.keep_alive:
            self.transport.close()
        self._observe(request, 200, len(body), request_id)
        self.on_response_complete()

    def _observe(self, request: _Request, status: int, size: int, request_id: str) -> None:
        exchange = Exchange(
            method="POST",
            path=self.policy.path,
            route=self.policy.path,
            status=status,
            seconds=time.perf_counter() - request.began,
            body_bytes=size,
            request_id=request_id,
            client=self.client[0] if self.client else "",
            caller="",
        )
        before = current_request_id.set(request_id)
        for observer in self.policy.observers:
            observer(exchange)
        current_request_id.reset(before)
