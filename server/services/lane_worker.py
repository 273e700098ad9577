"""The thread of the torch lane: takes jobs, runs them together, and hands them back answered."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import torch

from server.services.lane_job import Job


class Worker:
    """Runs jobs one batch after another, in a thread of its own.

    Args:
        take: gives the jobs of the next run, at least one, waiting for them; none: it is to end.
        deliver: is given them back with their results or errors.
        ran: is told of each run: its jobs and the seconds that it took, before they are delivered.
        threads: intra-op threads of PyTorch.
    """

    def __init__(
        self,
        take: Callable[[], Sequence[Job]],
        deliver: Callable[[Sequence[Job]], None],
        ran: Callable[[Sequence[Job], float], None],
        threads: int,
    ) -> None:
        self._take = take
        self._deliver = deliver
        self._ran = ran
        self._threads = threads
        self._running_since: float | None = None
        self._thread = threading.Thread(target=self._work, name="torch-lane", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def join(self) -> None:
        """Wait until the thread has ended, if it was started."""
        if self._thread.is_alive():
            self._thread.join()

    @property
    def is_alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    @property
    def running_seconds(self) -> float:
        """How long the present run has lasted; 0 between runs."""
        since = self._running_since
        return 0.0 if since is None else time.monotonic() - since

    def _work(self) -> None:
        torch.set_num_threads(self._threads)
        while jobs := self._take():
            started = time.time_ns()
            self._running_since = time.monotonic()
            try:
                results = jobs[0].run([job.item for job in jobs])
                for job, result in zip(jobs, results, strict=True):
                    job.result = result
            except BaseException as error:
                for job in jobs:
                    job.error = error
            seconds = self.running_seconds
            self._running_since = None
            for job in jobs:
                job.started, job.finished = started, started + round(seconds * 1e9)
            self._ran(jobs, seconds)
            self._deliver(jobs)
