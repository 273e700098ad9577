"""Token buckets: so many requests a minute for each caller, of whom only so many are remembered."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass

MINUTE = 60.0


@dataclass(frozen=True)
class Allowance:
    """Whether a request may go on, and what is left."""

    allowed: bool
    remaining: int
    """Requests that may follow at once."""
    seconds: int
    """Until one more is allowed, or, where some are, until all of them are again; rounded up."""


class RateLimit:
    """A bucket for each caller holds ``requests`` tokens and gets as many new ones every minute.

    Args:
        requests: a minute, and at once after a pause.
        callers: are remembered; beyond them, whoever asked least recently starts anew.
    """

    def __init__(self, requests: int, callers: int = 10_000) -> None:
        self.requests = requests
        self._callers = callers
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, caller: str, now: float) -> Allowance:
        """Take a token out of a caller's bucket, at ``now`` seconds of a clock that never jumps."""
        tokens, then = self._buckets.pop(caller, (float(self.requests), now))
        rate = self.requests / MINUTE
        tokens = min(self.requests, tokens + (now - then) * rate)
        allowed = tokens >= 1
        if allowed:
            tokens -= 1
        self._buckets[caller] = (tokens, now)
        while len(self._buckets) > self._callers:
            self._buckets.popitem(last=False)
        lacking = self.requests - tokens if allowed else 1 - tokens
        return Allowance(allowed, int(tokens), max(1, math.ceil(lacking / rate)))
