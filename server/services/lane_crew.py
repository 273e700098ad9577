"""The workers of the torch lane: one at work, and those given up because their run does not end.

Python cannot end a thread, so a model that hangs keeps its own. Another worker takes its place and
goes on with the other models; the one that hangs is not run until it has come back, since no two
threads may run one module. A model that hangs without letting go of Python's global lock stops the
whole process; only another process can notice that (see ``server.stillness``).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from server.errors import ModelHangs, ModelTooSlow, NotReady, Problem
from server.services.lane_job import Job, NamedModule
from server.services.lane_worker import Worker

MOST_GIVEN_UP = 4
"""So many threads may hang; with one more, nothing is run until one of them comes back."""
GLANCES = 10
"""The watch looks so many times within the time that a run may take."""
GLANCE_SECONDS = 1.0
"""But at least so often."""
MOMENT = 1.0
"""Seconds for a run to end that nobody waits for."""
PAUSE = 0.05
"""Seconds between two looks at a worker that is to end."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class _Hanging:
    worker: Worker
    model: NamedModule | None
    """None: it is not known what runs there, so that it may be any."""

    @property
    def name(self) -> str:
        return self.model.name if self.model else "A run"


class Crew:
    """Keeps one worker at work.

    Args:
        take: as in ``Source``.
        deliver: as in ``Source``.
        ran: as in ``Source``.
        threads: intra-op threads of PyTorch.
        seconds: the longest that a run may take.
        clock: in seconds.
    """

    def __init__(
        self,
        take: Callable[[], Sequence[Job]],
        deliver: Callable[[Sequence[Job]], None],
        ran: Callable[[Sequence[Job], float], None],
        *,
        threads: int,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.take = take
        self.deliver = deliver
        self.ran = ran
        self._threads = threads
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._hanging: tuple[_Hanging, ...] = ()
        self._worker = self._new_worker()
        self._closed = threading.Event()
        self._watch = threading.Thread(target=self._look_around, name="torch-watch", daemon=True)

    def start(self) -> None:
        """Start the worker, and the thread that watches it."""
        self._worker.start()
        self._watch.start()

    def join(self, seconds: float) -> bool:
        """Wait until the worker, whose ``take`` gives nothing any more, has ended.

        At most so long, and where nobody waits for what it runs, only a moment. Returns whether no
        thread is left, of those that hang neither.
        """
        began = time.monotonic()
        while self._worker.is_alive:
            waited = time.monotonic() - began
            if waited > seconds or (waited > MOMENT and not self._worker.is_awaited):
                break
            self._worker.join(PAUSE)  # which another one may replace meanwhile
        self._closed.set()
        if self._watch.is_alive():
            self._watch.join()
        return not self._worker.is_alive and not self._hanging

    @property
    def works(self) -> bool:
        """Whether a worker lives that runs what it takes."""
        return self._worker.is_alive and len(self._hanging) <= MOST_GIVEN_UP

    @property
    def running_seconds(self) -> float:
        """How long the present run has lasted; 0 between runs."""
        return self._worker.running_seconds

    @property
    def hanging(self) -> tuple[str, ...]:
        """The names of the models of which a run does not end, one for each such run."""
        return tuple(each.name for each in self._hanging)

    def refusal(self, job: Job) -> Problem | None:
        """Why a job must not be run now, if so: its model hangs, or may."""
        if not self._hanging:
            return None
        return self._refusal(job)

    def _refusal(self, job: Job) -> Problem | None:
        hanging = self._hanging
        retry_after = max(1, round(self._seconds))
        if len(hanging) > MOST_GIVEN_UP:
            return NotReady(
                f"{len(hanging)} runs of networks hang, so that no more are begun.",
                limit=MOST_GIVEN_UP,
                retry_after=retry_after,
            )
        asked = job.model
        for each in hanging:
            if asked is None or each.model is None or each.model.module is asked.module:
                return ModelHangs(
                    f"{each.name} hangs: a run has lasted for {each.worker.running_seconds:.0f} "
                    "seconds. It is asked again when that has ended.",
                    limit=self._seconds,
                    retry_after=retry_after,
                )
        return None

    def look(self) -> None:
        """Give the worker up if its run has lasted too long, and put another in its place."""
        with self._lock:
            given_up = self._worker.give_up()
            if given_up is None:
                return
            hanging = _Hanging(self._worker, given_up.running[0].model)
            self._hanging = (*self._hanging, hanging)
            self._worker = self._new_worker()
            self._worker.start()
        _LOG.error(
            "%s has been running for %.0f seconds and is given up; %d of its requests fail. "
            "Runs that hang: %d.",
            hanging.name,
            given_up.seconds,
            len(given_up.running) + len(given_up.waiting),
            len(self._hanging),
        )
        too_slow = ModelTooSlow(
            f"{hanging.name} did not answer within {self._seconds:g} seconds.", limit=self._seconds
        )
        for jobs, error in ((given_up.running, too_slow), (given_up.waiting, None)):
            for job in jobs:
                job.error = error or self.refusal(job) or too_slow
            if jobs:
                self.deliver(jobs)

    def ended(self, worker: Worker) -> None:
        """A worker that was given up has come back: its model may be run again."""
        with self._lock:
            back = [each for each in self._hanging if each.worker is worker]
            self._hanging = tuple(each for each in self._hanging if each.worker is not worker)
        for each in back:
            _LOG.warning("%s has come back after all and is asked again.", each.name)

    def _new_worker(self) -> Worker:
        return Worker(self, self._threads, self._seconds, self._clock)

    def _look_around(self) -> None:
        pause = min(GLANCE_SECONDS, self._seconds / GLANCES)
        while not self._closed.wait(pause):
            try:
                self.look()
            except Exception:  # such as an event loop that has ended; the watch goes on
                _LOG.exception("The watch over the networks could not do all of its work.")
