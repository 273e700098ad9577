"""What one load on one server came to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Measurement:
    """One load, of so many connections, each with one request under way."""

    concurrency: int
    seconds: float
    """Of wall-clock time, without the warm-up."""
    requests: int
    """Answered with 200 in that time."""
    errors: int
    """Other answers, and connections that the server closed or left without an answer."""
    first_error: str
    p50: float
    """Milliseconds from the request's first byte to the answer's last one; the median."""
    p99: float
    server_cpu: float
    """Seconds of processor time, user and system, of all of the server's processes."""
    generator_cpu: float
    """The same of the program that made the load."""
    other_cpu: float
    """The same of everything else on the machine."""

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds

    @property
    def efficiency(self) -> float:
        """Requests for a second of the server's processor time; 0 where none was counted."""
        return self.requests / self.server_cpu if self.server_cpu else 0.0


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value below which the share (0..1) of the ascending values lies; 0 where there are none.

    Between two values it is interpolated linearly, as ``numpy.percentile`` does.
    """
    if not ordered:
        return 0.0
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])
