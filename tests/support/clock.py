"""A clock that a test sets."""

from __future__ import annotations


class Clock:
    """Seconds that pass only when ``now`` is set."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now
