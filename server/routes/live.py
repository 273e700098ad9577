"""The live session: strokes in, guesses and feature maps out, over one WebSocket.

Sockets are not described by OpenAPI; ``docs/live.md`` has the protocol.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, WebSocket
from pydantic import TypeAdapter
from starlette.websockets import WebSocketDisconnect, WebSocketState

from server.authentication import take_allowance
from server.dependencies import Services, described_model
from server.errors import InvalidInput, OriginRefused, Problem
from server.observation import caller_of
from server.problems import answer, problem_body
from server.routes.bodies import parse_json, validated
from server.schemas.live import Hello, Message, Ping, Pong, Strokes, Watch
from server.services.live import FINISH_SECONDS, Live
from server.services.live_session import LiveAnswer, Seat, Watched
from server.services.metrics import Metrics

router = APIRouter()

HELLO_SECONDS = 10.0
"""A client has so long to say hello."""
SEND_SECONDS = 20.0
"""A client that takes nothing for so long is let go."""
BURST_SECONDS = 10
"""The messages of so many seconds may come at once, as after a stall of the network."""

GOING_AWAY = 1001
UNSUPPORTED = 1003
TOO_BIG = 1009
FAILED = 1011
TRY_LATER = 1013
NO_HELLO = 4400
NOTHING_CAME = 4408
TAKEN_OVER = 4409
TOO_MANY = 4429

_MESSAGE: TypeAdapter[Any] = TypeAdapter(Message)
_POLICY_VIOLATION = 1008
_LOG = logging.getLogger(__name__)


@router.websocket("/live")
async def live_session(socket: WebSocket) -> None:
    """Take a connection in, unless its page is another site's, or there are too many."""
    services: Services = socket.app.state.services
    live: Live = socket.app.state.live
    try:
        check_origin(socket, services.settings.cors_origins)
    except OriginRefused as problem:
        await _deny(socket, problem)
        return
    await socket.accept()
    if not live.enter():
        metrics: Metrics = socket.app.state.metrics
        metrics.connection_ended("live_full")
        await socket.close(TRY_LATER, "Too many live sessions; try again later.")
        return
    try:
        await _Connection(socket, services, live).run()
    finally:
        live.leave()


def check_origin(socket: WebSocket, allowed: tuple[str, ...]) -> None:
    """Raise OriginRefused for pages of other sites; clients that are no browsers name no origin.

    Browsers let any page open a socket to any server, with its cookies: so the server has to look.
    """
    origin = socket.headers.get("origin")
    if origin is None or urlsplit(origin).netloc.lower() == socket.headers.get("host", "").lower():
        return
    by_key = "authorization" in socket.headers or "x-api-key" in socket.headers
    needs_key = socket.app.state.door is not None
    # As over HTTP, cookies are never taken from pages of other sites.
    if (origin in allowed or "*" in allowed) and (by_key or not needs_key):
        return
    raise OriginRefused(
        "Pages of other sites may not open live sessions here.", pointer="origin", value=origin
    )


async def _deny(socket: WebSocket, problem: Problem) -> None:
    """Answer a handshake with a problem."""
    if "websocket.http.response" in socket.scope.get("extensions", {}):
        await socket.send_denial_response(answer(problem, socket.url.path))
    else:
        await socket.close(_POLICY_VIOLATION, problem.title)


class _Closing(Exception):
    """The connection has to be closed, with a code and a reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class _Meter:
    """Counts messages: so many a second, on average over ``BURST_SECONDS``."""

    def __init__(self, rate: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._room = float(rate * BURST_SECONDS)
        self._then = clock()

    def take(self) -> None:
        """Count one; raises _Closing when it is one too many."""
        now = self._clock()
        self._room += (now - self._then) * self._rate
        self._room = min(self._room, self._rate * BURST_SECONDS) - 1
        self._then = now
        if self._room < 0:
            raise _Closing(TOO_MANY, f"More than {self._rate} messages a second.")


class _Connection:
    """One socket: what comes goes to the session, and its answers go out."""

    def __init__(self, socket: WebSocket, services: Services, live: Live) -> None:
        self._socket = socket
        self._services = services
        self._live = live
        self._limits = services.settings
        self._meter = _Meter(self._limits.live_messages)
        self._ousted = asyncio.Event()

    async def run(self) -> None:
        """Until one of both ends goes."""
        try:
            seat = await self._hello()
            keep = False
            try:
                keep = await self._converse(seat)
            finally:
                self._live.rise(seat, keep=keep)
        except _Closing as closing:
            await self._close(closing.code, closing.reason)
        except (WebSocketDisconnect, TimeoutError):
            pass  # it has gone, or it takes nothing: there is nobody to tell
        except Exception:
            _LOG.exception("A live connection failed.")
            await self._close(FAILED, "Something went wrong on the server.")

    async def _hello(self) -> Seat:
        """The seat of a client that has said hello."""
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                text = await self._receive()
        except TimeoutError:
            raise _Closing(NOTHING_CAME, f"No hello within {HELLO_SECONDS:g} seconds.") from None
        try:
            hello = await self._read(text)
            if not isinstance(hello, Hello):
                raise InvalidInput("The first message is hello.", pointer="/type", value=hello.type)
            scope = self._socket.scope
            seat, ready = self._live.greet(
                hello, caller_of(scope), lambda: take_allowance(scope), self._ousted.set
            )
        except Problem as problem:
            await self._send(_problem(problem, self._socket.url.path, None))
            raise _Closing(NO_HELLO, "The first message is a valid hello.") from None
        await self._send(ready.model_dump_json().encode())
        if ready.resumed and ready.sequence:
            self._live.turns.ask(seat)
        return seat

    async def _converse(self, seat: Seat) -> bool:
        """Read and write until one of both ends; whether the session may be resumed."""
        stopping = self._live.stopping
        tasks = [
            asyncio.ensure_future(work)
            for work in (
                self._read_all(seat),
                self._send_all(seat),
                stopping.wait(),
                self._ousted.wait(),
            )
        ]
        reading, sending, *_ = tasks
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if self._ousted.is_set():
                raise _Closing(TAKEN_OVER, "Another connection goes on with this session.")
            if stopping.is_set():
                reading.cancel()
                await self._finish(seat, sending)
                raise _Closing(GOING_AWAY, "The server is stopping; connect again.")
            done = sending if sending.done() else reading
            return bool(done.result())
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _finish(self, seat: Seat, sending: asyncio.Future[Any]) -> None:
        """Wait for the answers that are under way."""
        deadline = time.monotonic() + FINISH_SECONDS
        while not seat.is_idle and not sending.done() and time.monotonic() < deadline:
            await asyncio.sleep(0.01)

    async def _read_all(self, seat: Seat) -> bool:
        """Take what comes; whether the client may come back, which one that says goodbye won't."""
        idle = self._limits.live_idle_seconds
        drawn = time.monotonic()
        while True:
            try:
                async with asyncio.timeout(drawn + idle - time.monotonic()):
                    text = await self._receive()
            except TimeoutError:
                raise _Closing(NOTHING_CAME, f"No strokes for {idle} seconds.") from None
            except WebSocketDisconnect as gone:
                return gone.code != _NORMAL
            if await self._take(seat, text):
                drawn = time.monotonic()

    async def _take(self, seat: Seat, text: str) -> bool:
        """Do what a message says; whether it was about the drawing."""
        sequence: int | None = None
        try:
            message = await self._read(text)
            match message:
                case Strokes():
                    sequence = message.sequence
                    seat.session.draw(message, self._limits)
                    self._live.turns.ask(seat)
                    return True
                case Watch():
                    await self._watch(seat, message)
                case Ping():
                    await self._send(Pong(id=message.id).model_dump_json().encode())
                case _:
                    raise InvalidInput("hello comes once, at the beginning.", pointer="/type")
        except Problem as problem:
            await self._send(_problem(problem, self._socket.url.path, sequence))
        return False

    async def _watch(self, seat: Seat, message: Watch) -> None:
        """Take note of what is watched; what is there of it already is sent in its turn."""
        session = seat.session
        if message.layers:
            model = await described_model(self._services, session.model)
            known = {node.name for node in model.nodes}
            for index, name in enumerate(message.layers):
                if name not in known:
                    raise InvalidInput(
                        f"{model.name} has no layer of that name.",
                        pointer=f"/layers/{index}",
                        value=name,
                    )
        watched = Watched(tuple(dict.fromkeys(message.layers)), message.manifest)
        if watched == session.watched:
            return
        session.watched = watched
        self._live.turns.look(seat)

    async def _send_all(self, seat: Seat) -> None:
        """Send each answer, and what follows it; the next one is made when the client took it."""
        while True:
            await self._send_answer(seat, await seat.answer())

    async def _send_answer(self, seat: Seat, answer: LiveAnswer) -> None:
        path = self._socket.url.path
        if answer.problem is not None:
            await self._send(_problem(answer.problem, path, answer.sequence))
        else:
            await self._send(answer.message)
        try:
            for layers in answer.frames:
                await self._send_frame(await self._live.turns.frame(answer, layers))
                # Guesses do not wait until all maps have gone.
                if (guesses := seat.answer_of("guesses")) is not None:
                    await self._send_answer(seat, guesses)
        except Problem as problem:  # the inspection has been let go meanwhile
            seat.sent = ("", frozenset())
            await self._send(_problem(problem, path, answer.sequence))
        self._live.turns.finished(seat, answer)

    async def _read(self, text: str) -> Any:
        """A message that has come; raises Problem."""
        return validated(_MESSAGE, await parse_json(text.encode(), self._limits))

    async def _receive(self) -> str:
        """The next text; raises WebSocketDisconnect, or _Closing for what may not come."""
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005), message.get("reason"))
        self._meter.take()
        text = message.get("text")
        if text is None:
            raise _Closing(UNSUPPORTED, "Messages are text.")
        if len(text) > self._limits.json_bytes:
            raise _Closing(TOO_BIG, f"A message has at most {self._limits.json_bytes} bytes.")
        return str(text)

    async def _send(self, text: bytes) -> None:
        async with asyncio.timeout(SEND_SECONDS):
            await self._socket.send({"type": "websocket.send", "text": text.decode()})

    async def _send_frame(self, data: bytes) -> None:
        async with asyncio.timeout(SEND_SECONDS):
            await self._socket.send({"type": "websocket.send", "bytes": data})

    async def _close(self, code: int, reason: str) -> None:
        if self._socket.application_state is not WebSocketState.CONNECTED:
            return
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._socket.close(code, reason)
        except (TimeoutError, WebSocketDisconnect, RuntimeError):
            pass  # it has gone meanwhile


_NORMAL = 1000
"""The client is done, and says so."""


def _problem(problem: Problem, path: str, sequence: int | None) -> bytes:
    """A problem as a message."""
    body = problem_body(problem, path)
    number = "null" if sequence is None else str(sequence)
    again = problem.headers.get("Retry-After", "null")
    return b'{"type":"problem","sequence":%b,"retry_after":%b,"problem":%b}' % (
        number.encode(),
        again.encode(),
        body,
    )
