"""Live sessions: who is connected, and the drawings of connections that were lost just now."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

from server.errors import InvalidInput
from server.schemas.live import Hello, LiveLimits, Ready
from server.services.catalog import Catalog
from server.services.inference import check_top_k
from server.services.live_session import LiveSession, Seat
from server.services.live_turns import Turns
from server.settings import Settings

RESUME_SECONDS = 60
"""How long the drawing of a lost connection is kept."""
LOST_BYTES = 67_108_864
"""Memory for all of those, in bytes; beyond it, those that were lost first go."""
FINISH_SECONDS = 2.0
"""How long a server that stops goes on sending the answers that are under way."""
_CLOSE_SECONDS = 5.0


class Live:
    """Everything that live connections share.

    Args:
        turns: whose turn it is.
        catalog: where the models are.
        limits: the settings.
        clock: gives seconds, and never jumps.
    """

    def __init__(
        self,
        turns: Turns,
        catalog: Catalog,
        limits: Settings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.turns = turns
        self.limits = limits
        self.stopping = asyncio.Event()
        """Is set when every connection has to go."""
        self._catalog = catalog
        self._clock = clock
        self._connections = 0
        self._seated: dict[str, tuple[Seat, Callable[[], None]]] = {}
        self._lost: OrderedDict[str, tuple[LiveSession, float]] = OrderedDict()
        self._lost_bytes = 0

    def start(self) -> None:
        """Begin to answer."""
        self.turns.start()

    async def close(self, seconds: float = _CLOSE_SECONDS) -> None:
        """Have every connection closed, after what is under way, within ``seconds``, and stop."""
        self.stopping.set()
        deadline = self._clock() + min(seconds, _CLOSE_SECONDS)
        while self._connections and self._clock() < deadline:
            await asyncio.sleep(0.02)
        await self.turns.close()

    @property
    def connections(self) -> int:
        """How many there are now."""
        return self._connections

    @property
    def lost(self) -> int:
        """Sessions without a connection that can be resumed."""
        self._forget()
        return len(self._lost)

    def enter(self) -> bool:
        """Whether one more connection is taken; ``leave`` it then."""
        if self._connections >= self.limits.live_connections:
            return False
        self._connections += 1
        return True

    def leave(self) -> None:
        """A connection that was taken has ended."""
        self._connections -= 1

    def greet(
        self, hello: Hello, caller: str, allow: Callable[[], None], oust: Callable[[], None]
    ) -> tuple[Seat, Ready]:
        """A seat for a client, and what to tell it; its session goes on, where it is there.

        Args:
            hello: of the client.
            caller: the name of its API key.
            allow: is called before each run.
            oust: is called when another connection goes on with the session.

        Raises:
            InvalidInput: a model that is not there or takes no drawings, or a wrong ``top_k``.
        """
        model = self._catalog.chosen(hello.model, "/model")
        check_top_k(model, hello.top_k, self.limits.top_k, "/top_k")
        if model.preparation is None:
            raise InvalidInput(
                f"{model.title} takes no drawings.", pointer="/model", value=model.name
            )
        session = self._resumed(hello.resume, caller, model.name) if hello.resume else None
        resumed = session is not None
        if session is None:
            session = LiveSession(secrets.token_urlsafe(24), caller, model.name, hello.top_k)
        session.top_k = hello.top_k
        seat = Seat(session, allow)
        self._seated[session.token] = (seat, oust)
        ready = Ready(
            session=session.token,
            resumed=resumed,
            sequence=session.sequence,
            model=model.name,
            limits=LiveLimits(
                message_bytes=self.limits.json_bytes,
                messages=self.limits.live_messages,
                strokes=self.limits.strokes,
                stroke_points=self.limits.stroke_points,
                drawing_points=self.limits.drawing_points,
                idle_seconds=self.limits.live_idle_seconds,
                resume_seconds=RESUME_SECONDS,
            ),
        )
        return seat, ready

    def rise(self, seat: Seat, *, keep: bool) -> None:
        """A connection has ended; ``keep``: its client may come back for the session."""
        self.turns.leave(seat)
        token = seat.session.token
        if self._seated.get(token, (None,))[0] is not seat:
            return  # another connection has it
        del self._seated[token]
        if keep:
            self._lost[token] = (seat.session, self._clock() + RESUME_SECONDS)
            self._lost_bytes += seat.session.nbytes
            asyncio.get_running_loop().call_later(RESUME_SECONDS + 1, self._forget)
        self._forget()

    def _resumed(self, token: str, caller: str, model: str) -> LiveSession | None:
        """The session of that token, if this client may go on with it."""
        self._forget()
        seat, oust = self._seated.get(token, (None, None))
        session = seat.session if seat else self._lost.get(token, (None,))[0]
        if session is None or (session.caller, session.model) != (caller, model):
            return None
        if seat is not None and oust is not None:
            # The client noticed before the server did that its connection was lost.
            self.turns.leave(seat)
            oust()
        else:
            self._drop(token)
        return session

    def _forget(self) -> None:
        """Let go of lost sessions that are too old, or too many."""
        now = self._clock()
        while self._lost:
            token, (_, until) = next(iter(self._lost.items()))
            many = len(self._lost) > self.limits.live_connections
            if not (until <= now or many or self._lost_bytes > LOST_BYTES):
                return
            self._drop(token)

    def _drop(self, token: str) -> None:
        session, _ = self._lost.pop(token)
        self._lost_bytes -= session.nbytes
