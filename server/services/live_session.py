"""A live session: a client's drawing, what it watches, and its places in the lines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from server.errors import InvalidInput, OutOfStep, Problem
from server.schemas.live import Clear, Replace, Strokes
from server.services.live_drawing import LiveDrawing
from server.services.live_shares import KINDS, Kind
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

    kind: Kind
    sequence: int
    message: bytes = b""
    problem: Problem | None = None
    inspection: str = ""
    """Whose layers are in the atlases."""
    frames: tuple[tuple[str, ...], ...] = ()
    """The layers of each atlas."""


@dataclass(eq=False)
class Place:
    """Of a seat, in the line of those who want answers of one kind: once at a time."""

    state: Literal["idle", "waiting", "answering"] = "idle"
    changes: int = 0
    """1 where there is a state that is neither answered nor being answered, else 0."""

    @property
    def unanswered(self) -> int:
        """States that somebody waits for."""
        return self.changes + (self.state == "answering")


class Seat:
    """A connection's place in both lines, and the answers that wait to be sent.

    Args:
        session: whose newest state is answered.
        allow: is called before a state is run; raises RateLimited where there have been too many.
    """

    def __init__(self, session: LiveSession, allow: Callable[[], None]) -> None:
        self.session = session
        self.closed = False
        self.places: dict[Kind, Place] = {kind: Place() for kind in KINDS}
        self.sent: tuple[str, frozenset[str]] = ("", frozenset())
        """The inspection of which maps were sent last, and of which layers."""
        self._allow = allow
        self._allowed: tuple[int, frozenset[Kind]] = (0, frozenset())
        self._answers: dict[Kind, LiveAnswer] = {}
        self._answered = asyncio.Event()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is waited for, made or sent."""
        return all(place.state == "idle" for place in self.places.values())

    def take(self, kind: Kind) -> Asked:
        """The newest state, which is answered now."""
        place = self.places[kind]
        place.state, place.changes = "answering", 0
        session = self.session
        return Asked(session.sequence, session.drawing, session.watched)

    def allow(self, kind: Kind, sequence: int) -> None:
        """Count the run for a state; its guesses and its layers together count once.

        Raises:
            RateLimited: there have been too many.
        """
        allowed, kinds = self._allowed
        if allowed != sequence or kind in kinds:
            self._allow()
            kinds = frozenset()
        self._allowed = (sequence, kinds | {kind})

    def put(self, answer: LiveAnswer) -> None:
        """Hand out an answer; the one before of its kind has been sent."""
        self._answers[answer.kind] = answer
        self._answered.set()

    async def answer(self) -> LiveAnswer:
        """The next answer to be sent: guesses first."""
        while not self._answers:
            self._answered.clear()
            await self._answered.wait()
        return self.answer_of("guesses") or self._answers.pop("layers")

    def answer_of(self, kind: Kind) -> LiveAnswer | None:
        """The next answer of a kind, if there is one."""
        return self._answers.pop(kind, None)
