"""The thread of the torch lane: takes jobs, runs them together, and hands them back answered."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from server.errors import Problem
from server.services.lane_failures import is_safe, problem_of
from server.services.lane_job import Job
from server.services.memory import free_memory, is_out_of_memory

RETRIED_WITHIN = 0.25
"""Jobs that failed together are run apart only if that took at most this share of the limit."""

_LOG = logging.getLogger(__name__)


class Source(Protocol):
    """Where the jobs come from, and go to."""

    def take(self) -> Sequence[Job]:
        """The jobs of the next run, at least one, waiting for them; none: the worker is to end."""

    def deliver(self, jobs: Sequence[Job]) -> None:
        """Take jobs back, each with its result or its error."""

    def ran(self, jobs: Sequence[Job], seconds: float) -> None:
        """Hear of a run, before its jobs are delivered."""

    def refusal(self, job: Job) -> Problem | None:
        """Why a job must not be run now, if so."""

    def ended(self, worker: Worker) -> None:
        """A worker that was given up has come back from its run."""


@dataclass(frozen=True)
class GivenUp:
    """What a worker had in hand when it was given up."""

    running: Sequence[Job]
    """In the run that does not end."""
    waiting: Sequence[Job]
    """Of the same batch, still to be run."""
    seconds: float
    """How long the run had lasted."""


class Worker:
    """Runs jobs one batch after another, in a thread of its own.

    When a run of several jobs raises, they are run again in halves, until those that fail are
    found: one bad item fails alone. That ends early where nothing succeeds.

    Args:
        source: of the jobs.
        threads: intra-op threads of PyTorch.
        seconds: after which a run will be given up, by whoever watches.
        clock: in seconds.
    """

    def __init__(
        self,
        source: Source,
        threads: int,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._threads = threads
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._running: Sequence[Job] = ()
        self._waiting: Sequence[Sequence[Job]] = ()
        self._since: float | None = None
        self._is_given_up = False
        self._thread = threading.Thread(target=self._work, name="torch-lane", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def join(self, seconds: float | None = None) -> None:
        """Wait until the thread has ended, if it was started; at most so long."""
        if self._thread.is_alive():
            self._thread.join(seconds)

    @property
    def is_alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    @property
    def running_seconds(self) -> float:
        """How long the present run has lasted; 0 between runs."""
        since = self._since
        return 0.0 if since is None else self._clock() - since

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits for what it runs."""
        with self._lock:
            groups = (self._running, *self._waiting)
        return any(not job.is_over for group in groups for job in group)

    def give_up(self) -> GivenUp | None:
        """Take its jobs from it if its run has lasted too long; what it still gives is dropped.

        Its thread cannot be ended. It ends by itself when the run does.
        """
        with self._lock:
            if self._is_given_up or self.running_seconds <= self._seconds:
                return None
            self._is_given_up = True
            waiting = [job for group in self._waiting for job in group]
            found = GivenUp(self._running, waiting, self.running_seconds)
            self._running, self._waiting = (), ()
            return found

    def _work(self) -> None:
        torch.set_num_threads(self._threads)
        while jobs := self._source.take():
            if not self._answer(jobs):
                self._source.ended(self)
                return
            del jobs  # not kept while waiting for others

    def _answer(self, jobs: Sequence[Job]) -> bool:
        """Run jobs and deliver them; False: it was given up meanwhile."""
        if refusal := self._source.refusal(jobs[0]):
            self._fail(jobs, refusal)
            return True
        began = self._clock()
        groups = [jobs]
        failures, most = 0, 2 * len(jobs).bit_length()
        while groups:
            group = groups.pop()
            error = self._attempt(group, groups)
            if self._is_given_up:
                return False
            if error is None:
                failures = 0
                self._deliver(group)
                continue
            failures += 1
            soon = self._clock() - began <= RETRIED_WITHIN * self._seconds
            if len(group) > 1 and soon and failures < most:
                half = len(group) // 2
                groups += [group[half:], group[:half]]
                continue
            self._fail(group, error)
            if failures >= most:  # and nothing succeeded in between: it fails on everything
                for rest in groups:
                    self._fail(rest, error)
                return True
        return True

    def _attempt(self, group: Sequence[Job], waiting: Sequence[Sequence[Job]]) -> Exception | None:
        """One run, which leaves the results with the jobs; why it failed, if so."""
        error: Exception | None = None
        started = time.time_ns()
        with self._lock:
            self._running, self._waiting, self._since = group, waiting, self._clock()
        try:
            results = group[0].run([job.item for job in group])
            answers = list(zip(group, results, strict=True))
        except BaseException as raised:
            answers = []
            error = self._read(raised, group[0])
        with self._lock:
            if self._is_given_up:
                return error
            seconds = self.running_seconds
            self._running, self._waiting, self._since = (), (), None
        for job, result in answers:
            job.result = result
        for job in group:
            job.started, job.finished = started, started + round(seconds * 1e9)
        self._tell(group, seconds)
        return error

    def _read(self, raised: BaseException, job: Job) -> Exception:
        """What the error means for those who wait."""
        name = job.model.name if job.model else None
        if is_out_of_memory(raised):
            problem = problem_of(raised.with_traceback(None), name)
            free_memory()  # what the failed run held was in its traceback
            return problem
        if job.shared or not is_safe(raised):
            return problem_of(raised, name)
        assert isinstance(raised, Exception)
        return raised

    def _fail(self, jobs: Sequence[Job], error: Exception) -> None:
        for job in jobs:
            job.error = error
        self._deliver(jobs)

    def _deliver(self, jobs: Sequence[Job]) -> None:
        try:
            self._source.deliver(jobs)
        except Exception:  # such as an event loop that has ended
            _LOG.exception("Answers of the network could not be handed back.")

    def _tell(self, jobs: Sequence[Job], seconds: float) -> None:
        try:
            self._source.ran(jobs, seconds)
        except Exception:  # an observer's, which is no reason to stop
            _LOG.exception("A run of the network could not be noted.")
