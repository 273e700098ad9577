"""The torch lane: batches without a timer, a bounded queue, no work for callers who have gone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest
import torch

from server.errors import ClosingDown, ModelFailed, Overloaded
from server.services.lane import Lane
from server.services.lane_job import Job


class Runs:
    """A run that waits for ``gate`` and remembers what it was given."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.started = threading.Event()
        self.batches: list[list[int]] = []
        self.threads: set[str] = set()

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.started.set()
        assert self.gate.wait(10)
        self.batches.append(list(items))
        self.threads.add(threading.current_thread().name)
        return [item * 10 for item in items]


class Waking:
    """An event loop that counts how often it is woken from another thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.woken = 0

    def call_soon_threadsafe(self, *arguments: Any) -> asyncio.Handle:
        self.woken += 1
        return self._loop.call_soon_threadsafe(*arguments)


def lane_of(batch: int = 8, queued: int = 16) -> Lane:
    lane = Lane(batch_images=batch, queued_images=queued)
    lane.start()
    return lane


async def busy(lane: Lane, runs: Runs) -> asyncio.Task[int]:
    """A first item that occupies the lane until the gate opens."""
    task = asyncio.create_task(lane.batched(runs, 0))
    await asyncio.to_thread(runs.started.wait, 10)
    return task


async def queue(lane: Lane, runs: Runs, items: Sequence[int]) -> list[asyncio.Task[int]]:
    tasks = [asyncio.create_task(lane.batched(runs, item)) for item in items]
    await asyncio.sleep(0)
    return tasks


def test_a_batch_is_what_queued_while_the_last_one_ran() -> None:
    async def scenario() -> None:
        lane, runs = lane_of(), Runs()
        first = await busy(lane, runs)
        tasks = await queue(lane, runs, range(1, 13))
        runs.gate.set()
        assert await asyncio.gather(first, *tasks) == [item * 10 for item in range(13)]
        assert runs.batches == [[0], [*range(1, 9)], [*range(9, 13)]]
        assert runs.threads == {"torch-lane"}
        await lane.close()

    asyncio.run(scenario())


def test_a_batch_counts_images() -> None:
    async def scenario() -> None:
        lane, runs = lane_of(batch=8), Runs()
        first = await busy(lane, runs)
        tasks = [asyncio.create_task(lane.batched(runs, item, item)) for item in (5, 4, 3, 9)]
        await asyncio.sleep(0)
        assert lane.queued == 12
        runs.gate.set()
        results = await asyncio.gather(first, *tasks, return_exceptions=True)
        assert results[:4] == [0, 50, 40, 30]
        assert isinstance(results[4], Overloaded)  # 5 + 4 + 3 + 9 > 16
        assert runs.batches == [[0], [5, 3], [4]]
        await lane.close()

    asyncio.run(scenario())


def test_what_runs_alone_is_not_batched_and_keeps_its_turn() -> None:
    async def scenario() -> None:
        lane, runs = lane_of(), Runs()
        first = await busy(lane, runs)
        alone = asyncio.create_task(lane.alone(lambda: len(runs.batches)))
        tasks = await queue(lane, runs, [1, 2])
        other = Runs()
        other.gate.set()
        third = asyncio.create_task(lane.batched(other, 7))
        await asyncio.sleep(0)
        runs.gate.set()
        assert await alone == 1  # after the first batch, before the second
        assert await asyncio.gather(first, *tasks, third) == [0, 10, 20, 70]
        assert other.batches == [[7]]
        await lane.close()

    asyncio.run(scenario())


def test_callers_who_have_gone_are_skipped() -> None:
    async def scenario() -> None:
        lane, runs = lane_of(), Runs()
        first = await busy(lane, runs)
        tasks = await queue(lane, runs, [1, 2, 3])
        tasks[0].cancel()
        tasks[1].cancel()
        await asyncio.sleep(0)
        assert lane.queued == 1
        runs.gate.set()
        assert await first == 0
        assert await tasks[2] == 30
        assert runs.batches == [[0], [3]]
        await lane.close()

    asyncio.run(scenario())


def test_a_full_queue_refuses_and_those_who_left_make_room() -> None:
    async def scenario() -> None:
        lane, runs = lane_of(queued=3), Runs()
        first = await busy(lane, runs)
        tasks = await queue(lane, runs, [1, 2, 3])
        with pytest.raises(Overloaded) as caught:
            await lane.batched(runs, 4)
        assert caught.value.headers == {"Retry-After": "1"}
        assert caught.value.limit == 3
        with pytest.raises(Overloaded):
            await lane.alone(lambda: None)
        tasks[1].cancel()
        await asyncio.sleep(0)
        late = asyncio.create_task(lane.batched(runs, 5))
        await asyncio.sleep(0)
        runs.gate.set()
        assert [*await asyncio.gather(first, tasks[0], tasks[2], late)] == [0, 10, 30, 50]
        await lane.close()

    asyncio.run(scenario())


def test_a_failing_run_fails_its_callers_and_nobody_else() -> None:
    def broken(items: Sequence[int]) -> list[int]:
        raise ZeroDivisionError(len(items))

    def too_few(items: Sequence[int]) -> list[int]:
        return list(items)[:-1]

    async def scenario() -> None:
        lane, runs = lane_of(), Runs()
        runs.gate.set()
        for run, error in ((broken, ZeroDivisionError), (too_few, ValueError)):
            with pytest.raises(ModelFailed) as caught:
                await lane.batched(run, 1)
            assert isinstance(caught.value.__cause__, error)
        with pytest.raises(ZeroDivisionError):
            await lane.alone(lambda: broken([1]))
        assert await lane.batched(runs, 2) == 20
        await lane.close()

    asyncio.run(scenario())


def test_closing_finishes_what_is_queued_and_takes_nothing_new() -> None:
    async def scenario() -> None:
        lane, runs = lane_of(batch=2), Runs()
        first = await busy(lane, runs)
        tasks = await queue(lane, runs, [1, 2, 3])
        closing = asyncio.create_task(lane.close())
        await asyncio.sleep(0)
        with pytest.raises(ClosingDown):
            await lane.batched(runs, 4)
        runs.gate.set()
        await closing
        assert await asyncio.gather(first, *tasks) == [0, 10, 20, 30]

    asyncio.run(scenario())


def test_jobs_without_tasks_are_handed_back_at_once_and_in_order() -> None:
    async def scenario() -> None:
        lane, runs = lane_of(batch=4), Runs()
        first = await busy(lane, runs)
        loop = Waking(asyncio.get_running_loop())
        done: list[Job] = []
        finished = asyncio.Event()

        def note(job: Job) -> None:
            done.append(job)
            if len(done) == 5:
                finished.set()

        jobs = [Job(runs, item, 1, True, loop, note) for item in range(1, 8)]  # type: ignore[arg-type]
        for job in jobs:
            lane.submit(job)
        lane.withdraw(jobs[0])
        lane.withdraw(jobs[4])
        lane.withdraw(jobs[4])
        assert lane.queued == 5
        runs.gate.set()
        await first
        await finished.wait()
        assert [job.item for job in done] == [2, 3, 4, 6, 7]
        assert [job.result for job in done] == [20, 30, 40, 60, 70]
        assert runs.batches == [[0], [2, 3, 4, 6], [7]]
        assert loop.woken == 2
        assert lane.queued == 0
        lane.withdraw(jobs[5])  # too late: nothing changes
        await lane.close()

    asyncio.run(scenario())


def test_who_leaves_while_it_runs_is_not_called() -> None:
    async def scenario() -> None:
        lane, runs = lane_of(), Runs()
        done: list[Job] = []
        job = Job(runs, 1, 1, True, asyncio.get_running_loop(), done.append)
        lane.submit(job)
        await asyncio.to_thread(runs.started.wait, 10)
        lane.withdraw(job)
        runs.gate.set()
        await lane.alone(lambda: None)
        assert runs.batches == [[1]]
        assert not done
        await lane.close()

    asyncio.run(scenario())


def test_threads_of_pytorch_are_set_on_the_lane_alone() -> None:
    async def scenario() -> int:
        lane = Lane(batch_images=1, queued_images=1, threads=1)
        lane.start()
        threads = await lane.alone(torch.get_num_threads)
        await lane.close()
        return threads

    before = torch.get_num_threads()
    assert asyncio.run(scenario()) == 1
    assert torch.get_num_threads() == before
