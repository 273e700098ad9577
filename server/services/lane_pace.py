"""How long the work that waits for the torch lane will take, by how long it took lately."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

from server.services.lane_job import Job

SLOWER = 0.2
"""Weight of a run that took longer than expected; a quicker one is believed at once."""
MOST_KINDS = 256
"""Of so many kinds of work the pace is known, the last ones."""
MOST_RETRY_SECONDS = 60


class Pace:
    """Seconds for an image, for each kind of work.

    A kind is a run that can be shared, or what is run alone for a model. The first run of a kind is
    slow, and so are batches of one: what is expected is rather too little than too much.
    """

    def __init__(self) -> None:
        self._seconds: dict[Hashable, float] = {}

    def ran(self, jobs: Sequence[Job], images: int, seconds: float) -> None:
        """Learn from a run of so many images, at least one."""
        kind = _kind(jobs[0])
        each = seconds / max(1, images)
        known = self._seconds.pop(kind, math.inf)
        self._seconds[kind] = each if each < known else known + SLOWER * (each - known)
        if len(self._seconds) > MOST_KINDS:
            self._seconds.pop(next(iter(self._seconds)))

    def expected(self, job: Job) -> float:
        """How many seconds a job will take; 0 for one of an unknown kind."""
        return self._seconds.get(_kind(job), 0.0) * job.images


def retry_after(seconds: float) -> int:
    """When to ask again, in whole seconds, where so much work waits."""
    return min(MOST_RETRY_SECONDS, max(1, math.ceil(seconds)))


def _kind(job: Job) -> Hashable:
    if job.shared:
        return job.run
    return job.about.name if job.about is not None else ""
