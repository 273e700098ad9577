"""How long a server that stops goes on: one limit for everybody who waits for something there."""

from __future__ import annotations

import time
from collections.abc import Callable


class StopTime:
    """Runs from the moment at which the server begins to stop.

    Args:
        seconds: that it may go on from then.
        clock: gives seconds, and never jumps.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._ends: float | None = None

    def begin(self) -> None:
        """The server begins to stop; only the first time counts."""
        if self._ends is None:
            self._ends = self._clock() + self._seconds

    @property
    def left(self) -> float:
        """Seconds that are left, at least 0; all of them before the server begins to stop."""
        if self._ends is None:
            return self._seconds
        return max(0.0, self._ends - self._clock())
