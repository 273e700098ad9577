"""The torch lane: one worker thread, through which every run of a model goes.

Runs never interleave on a module, so tracing and prediction cannot disturb each other. There is no
batching timer: a batch is whatever queued while the last run was busy.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from server.errors import ClosingDown, ModelFailed, OutOfMemory, Overloaded, Problem
from server.services.lane_crew import Crew
from server.services.lane_failures import problem_of
from server.services.lane_job import Job, NamedModule
from server.services.lane_pace import Pace, retry_after

Item = TypeVar("Item")
Result = TypeVar("Result")

Refusal = Literal["queue_full", "stopping", "model_hangs"]

RUN_SECONDS = 60.0
"""The longest that a run may take, where nobody says how long."""
CLOSE_SECONDS = 30.0
"""How long closing waits for runs, where nobody says how long."""

_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class Visit:
    """One job's way through the lane, in nanoseconds since 1970."""

    images: int
    queued: int
    started: int
    finished: int


class LaneObserver(Protocol):
    """Is told what the lane does; must be quick, and safe to call from any thread."""

    def ran(self, images: int, seconds: float, *, shared: bool) -> None:
        """One run is over, of so many images; ``shared``: as a batch of whoever queued."""

    def refused(self, reason: Refusal) -> None:
        """A job was not taken."""

    def answered(self, visit: Visit) -> None:
        """A job is done; called where it was asked for."""


class Lane:
    """A bounded queue and the thread that works it off, in order.

    Args:
        batch_images: most images in one run; a single job may have more.
        queued_images: most images that wait.
        queue_seconds: the longest that a job is expected to wait, judging by earlier runs.
        threads: intra-op threads of PyTorch on the lane.
        run_seconds: the longest that a run may take.
        observers: are told what it does.
        clock: in seconds.
    """

    def __init__(
        self,
        *,
        batch_images: int,
        queued_images: int,
        queue_seconds: float = math.inf,
        threads: int = 1,
        run_seconds: float = RUN_SECONDS,
        observers: Sequence[LaneObserver] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._batch_images = batch_images
        self._queued_images = queued_images
        self._queue_seconds = queue_seconds
        self._observers = tuple(observers)
        # A queue out of whose middle those who leave are taken as fast as the first one.
        self._jobs: OrderedDict[Job, None] = OrderedDict()
        self._waiting = 0  # images of those jobs
        self._expected = 0.0  # seconds that they will take
        self._pace = Pace()
        self._changed = threading.Condition()
        self._is_idle = False  # the worker waits to be told of a job
        self._closing = False
        self._crew = Crew(
            self._next,
            self._deliver,
            self._ran,
            threads=threads,
            seconds=run_seconds,
            clock=clock,
        )

    def start(self) -> None:
        """Start the worker, and the watch over it."""
        self._crew.start()

    async def close(self, seconds: float = CLOSE_SECONDS) -> bool:
        """Take nothing new, finish what is queued, and stop the worker.

        Waits ``seconds`` at most, and no longer than somebody waits for what is run. Returns
        whether all has ended: a run that hangs goes on in its thread.
        """
        with self._changed:
            self._closing = True
            self._changed.notify()
        return await asyncio.to_thread(self._crew.join, seconds)

    @property
    def queued(self) -> int:
        """Images waiting, without those whose callers have gone."""
        return self._waiting

    @property
    def works(self) -> bool:
        """Whether it takes jobs and its worker lives."""
        return not self._closing and self._crew.works

    @property
    def hanging(self) -> tuple[str, ...]:
        """The names of the models of which a run does not end, one for each such run."""
        return self._crew.hanging

    @property
    def running_seconds(self) -> float:
        """How long the present run has lasted; 0 between runs."""
        return self._crew.running_seconds

    async def batched(
        self,
        run: Callable[[Sequence[Item]], Sequence[Result]],
        item: Item,
        images: int = 1,
        *,
        visited: Callable[[Visit], None] | None = None,
    ) -> Result:
        """Run ``item`` together with others that queue for the same ``run``.

        ``run`` maps items to as many results. When the caller is cancelled while it waits, the item
        is skipped. ``visited`` is told when the run is over, whether it failed or not.

        Raises:
            Overloaded: the queue is full.
            ModelFailed: the run raised, for this item alone too.
            OutOfMemory: memory ran out, for this item alone too.
            ModelTooSlow: the run took too long.
            ModelHangs: an earlier run of the same model has not ended.
            ClosingDown: the lane is closing.
        """
        return await self._answer(run, item, images, shared=True, visited=visited)  # type: ignore[no-any-return]

    async def alone(
        self,
        run: Callable[[], Result],
        model: NamedModule | None = None,
        visited: Callable[[Visit], None] | None = None,
    ) -> Result:
        """Run ``run()`` by itself, in its turn.

        ``model`` is whose module it runs. While the run of a model does not end, work of which
        nobody says so waits for it too. ``visited`` is as in ``batched``.

        Raises:
            Overloaded, ModelHangs, ModelTooSlow, OutOfMemory, ClosingDown: as ``batched`` does.
            Exception: as ``run`` does.
        """
        return await self._answer(  # type: ignore[no-any-return]
            lambda _: [run()], None, 1, shared=False, about=model, visited=visited
        )

    async def forward(
        self,
        run: Callable[[], Result],
        model: NamedModule,
        visited: Callable[[Visit], None] | None = None,
    ) -> Result:
        """Run ``run()``, a forward pass of a model, by itself; raises as ``batched`` does."""
        try:
            return await self.alone(run, model, visited)
        except Problem:
            raise
        except Exception as error:
            problem = problem_of(error, model.name)
            self.note_failed(problem)
            raise problem from error

    def submit(self, job: Job) -> None:
        """Queue a job, to be handed back in the event loop that this is called in.

        Raises:
            Overloaded: the queue is full.
            ModelHangs: an earlier run of the same model has not ended.
            ClosingDown: the lane is closing.
        """
        if refusal := self._crew.refusal(job):
            self._refuse("model_hangs")
            raise refusal
        job.expected = self._pace.expected(job)
        with self._changed:
            self._check_room(job.images)
            self._jobs[job] = None
            self._waiting += job.images
            self._expected += job.expected
            if self._is_idle:
                self._is_idle = False
                self._changed.notify()

    def check_room(self, images: int = 1) -> None:
        """Raise what ``submit`` would for a job of so many images, before it is worth making."""
        with self._changed:
            self._check_room(images)

    def _check_room(self, images: int) -> None:
        if self._closing:
            self._refuse("stopping")
            raise ClosingDown("The server is stopping; ask again in a moment.")
        if self._waiting + images > self._queued_images:
            self._refuse("queue_full")
            raise Overloaded(
                f"{self._queued_images} images wait for the network already; "
                "ask again in a moment.",
                limit=self._queued_images,
                retry_after=retry_after(self._expected),
            )
        if self._expected > self._queue_seconds:
            self._refuse("queue_full")
            raise Overloaded(
                f"What waits for the network will take {self._expected:.0f} seconds; "
                f"{self._queue_seconds:g} are the most. Ask again later.",
                limit=self._queue_seconds,
                retry_after=retry_after(self._expected - self._queue_seconds / 2),
            )

    def withdraw(self, job: Job) -> None:
        """Let go of a job whose caller has gone; one that runs already is not handed back."""
        job.is_over = True
        with self._changed:
            if job in self._jobs:
                self._remove(job)

    def note_answered(self, job: Job) -> None:
        """Tell observers that a job was handed back; where it was asked for, and by who asked."""
        visit = _visit(job)
        for observer in self._observers:
            observer.answered(visit)

    def note_failed(self, error: BaseException) -> None:
        """Log why a job failed, where the model is to blame; by who asked, whose request it is."""
        if isinstance(error, ModelFailed | OutOfMemory):
            cause = error.__cause__
            _LOG.error("%s %s", error.detail, "" if cause is None else repr(cause), exc_info=cause)

    async def _answer(
        self,
        run: Callable[[Sequence[Any]], Sequence[Any]],
        item: Any,
        images: int,
        *,
        shared: bool,
        about: NamedModule | None = None,
        visited: Callable[[Visit], None] | None = None,
    ) -> Any:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        job = Job(run, item, images, shared, loop, functools.partial(_settle, answer))
        job.about = about
        self.submit(job)
        try:
            result = await answer
        except asyncio.CancelledError:
            self.withdraw(job)
            raise
        except Exception as error:
            self.note_failed(error)
            raise
        finally:
            if visited is not None and job.finished:
                visited(_visit(job))
        self.note_answered(job)
        return result

    def _refuse(self, reason: Refusal) -> None:
        for observer in self._observers:
            observer.refused(reason)

    def _remove(self, job: Job) -> None:
        del self._jobs[job]
        self._waiting -= job.images
        self._expected = self._expected - job.expected if self._jobs else 0.0

    def _ran(self, jobs: Sequence[Job], seconds: float) -> None:
        """The end of a run, before those who wait for it hear of it."""
        images = sum(job.images for job in jobs)
        self._pace.ran(jobs, images, seconds)
        for observer in self._observers:
            observer.ran(images, seconds, shared=jobs[0].shared)

    def _deliver(self, jobs: Sequence[Job]) -> None:
        """Give the answers of a run to those who wait for them: each event loop is woken once."""
        for loop in {job.loop for job in jobs}:
            own = [job for job in jobs if job.loop is loop]
            with suppress(RuntimeError):  # the loop is closed, and nobody waits
                loop.call_soon_threadsafe(_hand_back, own)

    def _next(self) -> list[Job]:
        """The jobs of the next run, at least one; none when the lane has closed."""
        with self._changed:
            while not self._jobs and not self._closing:
                self._is_idle = True
                self._changed.wait()
            if not self._jobs:
                return []
            first = next(iter(self._jobs))
            self._remove(first)
            return [first, *self._companions(first)] if first.shared else [first]

    def _companions(self, first: Job) -> list[Job]:
        """Take what can run together with ``first`` out of the queue."""
        taken: list[Job] = []
        room = self._batch_images - first.images
        for job in self._jobs:
            if room <= 0:
                break
            if job.shared and job.images <= room and job.run == first.run:
                taken.append(job)
                room -= job.images
        for job in taken:
            self._remove(job)
        return taken


def _visit(job: Job) -> Visit:
    return Visit(job.images, job.queued, job.started, job.finished)


def _hand_back(jobs: Sequence[Job]) -> None:
    """Call those who wait for jobs, in the event loop that they wait in."""
    for job in jobs:
        if not job.is_over:
            job.is_over = True
            try:
                job.done(job)
            except Exception:  # which is that caller's own, and not to cost the others theirs
                _LOG.exception("An answer could not be handed back.")


def _settle(answer: asyncio.Future[Any], job: Job) -> None:
    if answer.done():  # cancelled a moment ago
        return
    if job.error is None:
        answer.set_result(job.result)
    else:
        answer.set_exception(job.error)
