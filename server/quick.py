"""What the reader of HTTP and the quick route of predictions tell each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from server.compression import is_elsewhere
from server.observation import Exchange

PATH = "/predictions"
"""The route that is answered quickly, as its router has it."""

OUTCOME = "doodlescope.outcome"
"""Key of a scope: what was found out about a request before it came to its route, bytes of JSON to
answer with or an exception to raise."""

_UNUSUAL = frozenset(
    {
        *(b"content-encoding", b"expect", b"transfer-encoding", b"upgrade"),
        *(b"x-forwarded-for", b"x-forwarded-proto"),  # the server's own middleware reads them
    }
)


class QuickAnswers(Protocol):
    """``server.services.quick_predictions.QuickPredictions``, as those see it who serve it."""

    most_bytes: int
    """Of a body that may be read quickly."""

    def read(self, body: bytes) -> Any:
        """The question in a body; None: it is not a usual one. Raises a ``Problem``."""

    def ask(self, question: Any, done: Callable[[Any], None]) -> Any:
        """The job of a question, of which ``done`` will be told; raises a ``Problem``."""

    def withdraw(self, job: Any) -> None:
        """Nobody waits for a job any more."""

    def note_failed(self, error: BaseException) -> None:
        """Log why a question failed; where its request is known."""

    def answer(self, question: Any, job: Any) -> bytes | None:
        """JSON of the answer; None: there is none."""


@dataclass(eq=False)
class QuickPolicy:
    """What may be answered quickly, and what belongs to every such answer.

    Args:
        path: of the predictions, with the prefix of the API.
        observers: are told of every exchange.
        compression: "auto", "always" or "never", as the settings have it.
        is_cross_origin: whether pages of other sites may ask, so that an Origin matters.
        is_off: every request goes all of the way: it needs a key, or is traced.
    """

    path: str
    observers: Sequence[Callable[[Exchange], None]]
    compression: str
    is_cross_origin: bool
    is_off: bool
    raw_path: bytes = field(init=False)
    """The path as it is sent."""
    answers: QuickAnswers | None = None
    """Who answers, while the application runs."""

    def __post_init__(self) -> None:
        self.raw_path = self.path.encode("ascii")

    def unusual(self) -> frozenset[bytes]:
        """The header fields that send a request the ordinary way."""
        return _UNUSUAL | {b"origin"} if self.is_cross_origin else _UNUSUAL

    def packs_for(self, host: str) -> bool:
        """Whether answers for a client at ``host`` are compressed."""
        return self.compression == "always" or (self.compression == "auto" and is_elsewhere(host))
