"""How long the queue will take, and what those are told who find it too long."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from server.errors import Overloaded
from server.services.lane import Lane
from server.services.lane_job import Job
from server.services.lane_pace import MOST_KINDS, MOST_RETRY_SECONDS, Pace, retry_after
from tests.support.clock import Clock


def job_of(run: object, images: int = 1, *, shared: bool = True) -> Job:
    loop = asyncio.new_event_loop()
    loop.close()
    return Job(run, None, images, shared, loop, lambda _: None)  # type: ignore[arg-type]


def test_a_pace_is_learnt_for_each_kind_of_work() -> None:
    pace, quick, slow = Pace(), job_of(len), job_of(sum, 3)
    assert pace.expected(quick) == 0
    pace.ran([quick], 1, 2.0)
    pace.ran([slow], 4, 40.0)
    assert pace.expected(quick) == 2
    assert pace.expected(slow) == 30
    pace.ran([quick], 10, 1.0)  # the first run is slow, and so are small batches
    assert pace.expected(quick) == pytest.approx(0.1)
    pace.ran([quick], 1, 1.1)  # one slow run is no trend
    assert pace.expected(quick) == pytest.approx(0.3)


def test_only_so_many_kinds_are_remembered() -> None:
    pace = Pace()
    jobs = [job_of(object()) for _ in range(MOST_KINDS + 1)]
    for job in jobs:
        pace.ran([job], 1, 1.0)
    assert [pace.expected(job) for job in (jobs[0], jobs[1], jobs[-1])] == [0, 1, 1]


@pytest.mark.parametrize(("seconds", "told"), [(0, 1), (-3, 1), (2.1, 3), (1e9, 60)])
def test_when_to_ask_again(seconds: float, told: int) -> None:
    assert retry_after(seconds) == told <= MOST_RETRY_SECONDS


def test_who_would_wait_too_long_is_refused_at_once() -> None:
    clock, gate, entered = Clock(), threading.Event(), threading.Event()
    gate.set()

    def run(items: Sequence[int]) -> list[int]:
        entered.set()
        assert gate.wait(20)
        clock.now += 2 * len(items)
        return list(items)

    async def scenario() -> None:
        lane = Lane(
            batch_images=1, queued_images=100, queue_seconds=5, run_seconds=1e9, clock=clock
        )
        lane.start()
        assert await lane.batched(run, 0) == 0  # which takes two seconds
        gate.clear()
        entered.clear()
        tasks = [asyncio.create_task(lane.batched(run, 1))]
        assert await asyncio.to_thread(entered.wait, 10)
        tasks += [asyncio.create_task(lane.batched(run, item)) for item in (2, 3, 4)]
        await asyncio.sleep(0)
        for refused in (lane.batched(run, 5), lane.alone(lambda: 1)):
            with pytest.raises(Overloaded, match="will take 6 seconds; 5 are the most") as told:
                await refused
            assert told.value.headers == {"Retry-After": "4"}
        with pytest.raises(Overloaded):
            lane.check_room()
        tasks[2].cancel()  # which makes room
        await asyncio.sleep(0)
        lane.check_room()
        gate.set()
        assert [await tasks[number] for number in (0, 1, 3)] == [1, 2, 4]
        assert lane.queued == 0
        await lane.close()

    asyncio.run(scenario())
