"""A live session: a client's drawing, what it watches, and its place in the rounds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from server.errors import InvalidInput, OutOfStep, Problem
from server.schemas.live import Clear, Replace, Strokes
from server.services.live_drawing import LiveDrawing
from server.settings import Settings

SESSION_BYTES = 1_000
"""Memory that a session takes beside its points, roughly."""


@dataclass(frozen=True)
class Watched:
    """What answers hold beside the guesses."""

    layers: tuple[str, ...] = ()
    manifest: bool = False

    @property
    def inspects(self) -> bool:
        """Whether an inspection has to be kept for it."""
        return self.manifest or bool(self.layers)


@dataclass(eq=False)
class LiveSession:
    """What outlives a connection: a drawing, under a token that only its client knows."""

    token: str
    caller: str
    """Name of the API key that it was opened with; "" without one."""
    model: str
    top_k: int
    drawing: LiveDrawing = field(default_factory=LiveDrawing)
    sequence: int = 0
    watched: Watched = field(default_factory=Watched)

    @property
    def nbytes(self) -> int:
        """Memory that it takes, in bytes."""
        return SESSION_BYTES + self.drawing.nbytes

    def draw(self, message: Strokes, limits: Settings) -> None:
        """Change the drawing as a message says; a message that does not fit changes nothing.

        Raises:
            OutOfStep: it changes another state than the one that is here.
            InvalidInput: a sequence number that is not new, or changes that do not fit.
            LimitExceeded: too many strokes or points.
        """
        if message.sequence <= self.sequence:
            raise InvalidInput(
                f"Sequence numbers grow: the last one was {self.sequence}.",
                pointer="/sequence",
                value=message.sequence,
            )
        anew = bool(message.changes) and isinstance(message.changes[0], Clear | Replace)
        if not anew and message.base != self.sequence:
            raise OutOfStep(
                f"These are changes of state {message.base}, but the drawing here has state "
                f"{self.sequence}: replace it.",
                pointer="/base",
                value=message.base,
            )
        self.drawing = self.drawing.changed(message.changes, limits)
        self.sequence = message.sequence


@dataclass(frozen=True)
class Asked:
    """The state of a session that is answered."""

    sequence: int
    drawing: LiveDrawing
    watched: Watched


@dataclass(frozen=True)
class LiveAnswer:
    """What is sent for one state: a message, or a problem; and atlases after it."""

    sequence: int
    message: bytes = b""
    problem: Problem | None = None
    inspection: str = ""
    """Whose layers are in the atlases."""
    frames: tuple[tuple[str, ...], ...] = ()
    """The layers of each atlas."""


class Seat:
    """A connection's place in the rounds: it waits for its turn, once at a time.

    Args:
        session: whose newest state is answered.
        allow: is called before each run; raises RateLimited where there have been too many.
    """

    def __init__(self, session: LiveSession, allow: Callable[[], None]) -> None:
        self.session = session
        self.allow = allow
        self.state: Literal["idle", "waiting", "answering"] = "idle"
        self.closed = False
        self.changes = 0
        """States since the one that was answered last, or is being answered."""
        self.sent: tuple[str, frozenset[str]] = ("", frozenset())
        """The inspection of which maps were sent last, and of which layers."""
        self._answer: LiveAnswer | None = None
        self._answered = asyncio.Event()

    def take(self) -> Asked:
        """The newest state, which is answered now."""
        self.state = "answering"
        self.changes = 0
        session = self.session
        return Asked(session.sequence, session.drawing, session.watched)

    def put(self, answer: LiveAnswer) -> None:
        """Hand out the answer; the one before has been sent."""
        self._answer = answer
        self._answered.set()

    async def answer(self) -> LiveAnswer:
        """The next answer to be sent."""
        await self._answered.wait()
        self._answered.clear()
        assert self._answer is not None, "it was put"
        return self._answer
