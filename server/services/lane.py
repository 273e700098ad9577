"""The torch lane: one worker thread, through which every run of a model goes.

Runs never interleave on a module, so tracing and prediction cannot disturb each other. There is no
batching timer: a batch is whatever queued while the last run was busy.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

import torch

from server.errors import ClosingDown, Overloaded

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


@dataclass(eq=False)
class _Job:
    run: Callable[[Sequence[Any]], Sequence[Any]]
    item: Any
    images: int
    shared: bool
    future: Future[Any] = field(default_factory=Future)
    queued: int = field(default_factory=time.time_ns)
    started: int = 0
    finished: int = 0


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
        self._threads = threads
        self._observers = tuple(observers)
        self._running_since: float | None = None
        self._jobs: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._worker = threading.Thread(target=self._work, name="torch-lane", daemon=True)

    def start(self) -> None:
        """Start the worker."""
        self._worker.start()

    async def close(self) -> None:
        """Take nothing new, finish what is queued, and stop the worker."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._worker.is_alive():
            await asyncio.to_thread(self._worker.join)

    @property
    def queued(self) -> int:
        """Images waiting, without those whose callers have gone."""
        with self._changed:
            return self._waiting()

    @property
    def works(self) -> bool:
        """Whether it takes jobs and its worker lives."""
        return not self._closing and self._worker.is_alive()

    @property
    def running_seconds(self) -> float:
        """How long the present run has lasted; 0 between runs."""
        since = self._running_since
        return 0.0 if since is None else time.monotonic() - since

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
        return await self._submit(_Job(run, item, images, shared=True))  # type: ignore[no-any-return]

    async def alone(self, run: Callable[[], Result]) -> Result:
        """Run ``run()`` by itself, in its turn; raises as ``batched`` does."""
        job = _Job(lambda _: [run()], None, 1, shared=False)
        return await self._submit(job)  # type: ignore[no-any-return]

    async def _submit(self, job: _Job) -> Any:
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

    def _work(self) -> None:
        torch.set_num_threads(self._threads)
        while jobs := self._next():
            started = time.time_ns()
            self._running_since = time.monotonic()
            try:
                results = jobs[0].run([job.item for job in jobs])
                answers = list(zip(jobs, results, strict=True))
            except BaseException as error:
                self._note(jobs, started)
                for job in jobs:
                    job.future.set_exception(error)
            else:
                self._note(jobs, started)
                for job, result in answers:
                    job.future.set_result(result)

    def _note(self, jobs: Sequence[_Job], started: int) -> None:
        """The end of a run, before those who wait for it hear of it."""
        seconds = self.running_seconds
        self._running_since = None
        for job in jobs:
            job.started, job.finished = started, started + round(seconds * 1e9)
        for observer in self._observers:
            observer.ran(sum(job.images for job in jobs), seconds, shared=jobs[0].shared)

    def _next(self) -> list[_Job]:
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

    def _companions(self, first: _Job) -> list[_Job]:
        """Take what can run together with ``first`` out of the queue."""
        taken: list[_Job] = []
        kept: deque[_Job] = deque()
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
