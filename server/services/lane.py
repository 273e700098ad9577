"""The torch lane: one worker thread, through which every run of a model goes.

Runs never interleave on a module, so tracing and prediction cannot disturb each other. There is no
batching timer: a batch is whatever queued while the last run was busy.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from server.errors import ClosingDown, Overloaded
from server.services.lane_job import Job
from server.services.lane_worker import Worker

Item = TypeVar("Item")
Result = TypeVar("Result")

Refusal = Literal["queue_full", "stopping"]


@dataclass(frozen=True)
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
        threads: intra-op threads of PyTorch on the lane.
        observers: are told what it does.
    """

    def __init__(
        self,
        *,
        batch_images: int,
        queued_images: int,
        threads: int = 1,
        observers: Sequence[LaneObserver] = (),
    ) -> None:
        self._batch_images = batch_images
        self._queued_images = queued_images
        self._observers = tuple(observers)
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._worker = Worker(self._next, self._deliver, self._ran, threads)

    def start(self) -> None:
        """Start the worker."""
        self._worker.start()

    async def close(self) -> None:
        """Take nothing new, finish what is queued, and stop the worker."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        await asyncio.to_thread(self._worker.join)

    @property
    def queued(self) -> int:
        """Images waiting, without those whose callers have gone."""
        with self._changed:
            return self._waiting()

    @property
    def works(self) -> bool:
        """Whether it takes jobs and its worker lives."""
        return not self._closing and self._worker.is_alive

    @property
    def running_seconds(self) -> float:
        """How long the present run has lasted; 0 between runs."""
        return self._worker.running_seconds

    async def batched(
        self,
        run: Callable[[Sequence[Item]], Sequence[Result]],
        item: Item,
        images: int = 1,
    ) -> Result:
        """Run ``item`` together with others that queue for the same ``run``.

        ``run`` maps items to as many results. When the caller is cancelled while it waits, the item
        is skipped.

        Raises:
            Overloaded: the queue is full.
            ClosingDown: the lane is closing.
        """
        return await self._submit(Job(run, item, images, shared=True))  # type: ignore[no-any-return]

    async def alone(self, run: Callable[[], Result]) -> Result:
        """Run ``run()`` by itself, in its turn; raises as ``batched`` does."""
        job = Job(lambda _: [run()], None, 1, shared=False)
        return await self._submit(job)  # type: ignore[no-any-return]

    async def _submit(self, job: Job) -> Any:
        with self._changed:
            if self._closing:
                self._refuse("stopping")
                raise ClosingDown("The server is stopping; ask again in a moment.")
            self._jobs = deque(job for job in self._jobs if not job.future.cancelled())
            if self._waiting() + job.images > self._queued_images:
                self._refuse("queue_full")
                raise Overloaded(
                    f"{self._queued_images} images wait for the network already; "
                    "ask again in a moment.",
                    limit=self._queued_images,
                )
            self._jobs.append(job)
            self._changed.notify()
        result = await asyncio.wrap_future(job.future)
        for observer in self._observers:
            observer.answered(Visit(job.images, job.queued, job.started, job.finished))
        return result

    def _refuse(self, reason: Refusal) -> None:
        for observer in self._observers:
            observer.refused(reason)

    def _waiting(self) -> int:
        return sum(job.images for job in self._jobs if not job.future.cancelled())

    def _ran(self, jobs: Sequence[Job], seconds: float) -> None:
        """The end of a run, before those who wait for it hear of it."""
        for observer in self._observers:
            observer.ran(sum(job.images for job in jobs), seconds, shared=jobs[0].shared)

    def _deliver(self, jobs: Sequence[Job]) -> None:
        """Give the answers of a run to those who wait for them."""
        for job in jobs:
            if job.error is not None:
                job.future.set_exception(job.error)
            else:
                job.future.set_result(job.result)

    def _next(self) -> list[Job]:
        """The jobs of the next run, at least one; none when the lane has closed."""
        with self._changed:
            while True:
                while not self._jobs and not self._closing:
                    self._changed.wait()
                if not self._jobs:
                    return []
                first = self._jobs.popleft()
                if first.future.set_running_or_notify_cancel():
                    return [first, *self._companions(first)] if first.shared else [first]

    def _companions(self, first: Job) -> list[Job]:
        """Take what can run together with ``first`` out of the queue."""
        taken: list[Job] = []
        kept: deque[Job] = deque()
        images = first.images
        for job in self._jobs:
            fits = job.shared and job.run == first.run
            if not fits or images + job.images > self._batch_images:
                kept.append(job)
            elif job.future.set_running_or_notify_cancel():
                taken.append(job)
                images += job.images
        self._jobs = kept
        return taken
