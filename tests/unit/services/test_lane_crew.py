"""Runs that hang: given up, their model set aside, others run; and threads that come back."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Sequence

import pytest

from server.errors import ModelHangs, ModelTooSlow, NotReady
from server.services.lane import Lane
from server.services.lane_crew import MOST_GIVEN_UP
from tests.support.clock import Clock

LIMIT = 0.5
"""Of a run, in seconds of a clock that stands still unless a test sets it."""


class Network:
    """A model that waits for its gate, and knows how many threads are in it."""

    def __init__(self, name: str = "network", *, hangs: bool = False) -> None:
        self.name = name
        self.module = object()
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.inside = 0
        self.most_inside = 0
        self.batches: list[list[int]] = []
        if not hangs:
            self.gate.set()

    def logits(self, items: Sequence[int]) -> list[int]:
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        self.entered.set()
        assert self.gate.wait(20)
        self.batches.append(list(items))
        self.inside -= 1
        return [item * 10 for item in items]


def lane_of(clock: Clock, batch: int = 8) -> Lane:
    lane = Lane(batch_images=batch, queued_images=64, run_seconds=LIMIT, clock=clock)
    lane.start()
    return lane


async def hang(lane: Lane, network: Network, clock: Clock, *items: int) -> list[BaseException]:
    """Let a run hang until the watch gives it up; what its callers were told."""
    network.entered.clear()
    tasks = [asyncio.create_task(lane.batched(network.logits, item)) for item in items]
    assert await asyncio.to_thread(network.entered.wait, 10)
    clock.now += 2 * LIMIT
    told = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)
    assert all(isinstance(each, BaseException) for each in told)
    return [each for each in told if isinstance(each, BaseException)]


async def until_nothing_hangs(lane: Lane) -> None:
    async with asyncio.timeout(10):
        while lane.hanging:
            await asyncio.sleep(0.01)


def test_a_run_that_hangs_fails_its_own_callers_and_others_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        clock = Clock()
        lane, stuck, other = lane_of(clock), Network("stuck", hangs=True), Network("other")
        [told] = await hang(lane, stuck, clock, 1)
        assert isinstance(told, ModelTooSlow)
        assert "stuck did not answer within 0.5 seconds" in told.detail
        assert lane.hanging == ("stuck",)
        assert lane.works
        assert await lane.batched(other.logits, 2) == 20
        assert await lane.alone(lambda: 3, other) == 3
        # At once, without a place in the queue, whoever asks for it and however.
        with pytest.raises(ModelHangs) as refused:
            await lane.batched(stuck.logits, 4)
        assert refused.value.status == 503
        assert int(refused.value.headers["Retry-After"]) >= 1
        with pytest.raises(ModelHangs):
            await lane.alone(lambda: 5, stuck)
        stuck.gate.set()
        await until_nothing_hangs(lane)
        assert await lane.batched(stuck.logits, 6) == 60
        assert stuck.batches == [[1], [6]]
        assert stuck.most_inside == 1
        assert await lane.close()

    with caplog.at_level(logging.WARNING):
        asyncio.run(scenario())
        # Whose worker says so when it is asked again already.
        end = time.monotonic() + 30
        while "stuck has come back" not in caplog.text:
            assert time.monotonic() < end
            time.sleep(0.01)
    assert "stuck has been running for 1 seconds and is given up" in caplog.text


def test_what_queues_for_a_model_that_hangs_fails_and_the_rest_of_the_queue_runs() -> None:
    async def scenario() -> None:
        clock = Clock()
        lane, stuck, other = lane_of(clock), Network("stuck", hangs=True), Network("other")
        first = asyncio.create_task(lane.batched(stuck.logits, 1))
        assert await asyncio.to_thread(stuck.entered.wait, 10)
        queued = [asyncio.create_task(lane.batched(stuck.logits, item)) for item in (2, 3)]
        alone = asyncio.create_task(lane.alone(lambda: stuck.logits([4]), stuck))
        last = asyncio.create_task(lane.batched(other.logits, 5))
        await asyncio.sleep(0)
        clock.now = 2 * LIMIT
        told = await asyncio.gather(first, *queued, alone, last, return_exceptions=True)
        kinds = [type(each) for each in told[:4]]
        assert kinds == [ModelTooSlow, ModelHangs, ModelHangs, ModelHangs]
        assert told[4] == 50
        stuck.gate.set()
        await until_nothing_hangs(lane)
        assert stuck.most_inside == 1
        assert await lane.close()

    asyncio.run(scenario())


def test_while_unknown_work_hangs_nothing_is_run() -> None:
    """It may be in any module, so that running one would be a second thread in it."""

    async def scenario() -> None:
        clock, gate, entered = Clock(), threading.Event(), threading.Event()
        lane, other = lane_of(clock), Network()

        def unknown() -> None:
            entered.set()
            assert gate.wait(20)

        task = asyncio.create_task(lane.alone(unknown))
        assert await asyncio.to_thread(entered.wait, 10)
        clock.now = 2 * LIMIT
        with pytest.raises(ModelTooSlow):
            await task
        with pytest.raises(ModelHangs):
            await lane.batched(other.logits, 1)
        gate.set()
        await until_nothing_hangs(lane)
        assert await lane.batched(other.logits, 1) == 10
        await lane.close()

    asyncio.run(scenario())


def _works(lane: Lane) -> bool:
    """Whether it does now: the type checker would take a property for settled."""
    return lane.works


def test_too_many_runs_that_hang_stop_all_until_one_comes_back() -> None:
    async def scenario() -> None:
        clock = Clock()
        lane, fine = lane_of(clock), Network("fine")
        networks = [Network(str(number), hangs=True) for number in range(MOST_GIVEN_UP + 1)]
        for network in networks:
            assert lane.works
            await hang(lane, network, clock, 1)
        assert not _works(lane)
        with pytest.raises(NotReady, match="5 runs of networks hang"):
            await lane.batched(fine.logits, 1)
        networks[2].gate.set()
        async with asyncio.timeout(10):
            while not lane.works:
                await asyncio.sleep(0.01)
        assert await lane.batched(fine.logits, 1) == 10
        assert lane.hanging == ("0", "1", "3", "4")
        for network in networks:
            network.gate.set()
        await until_nothing_hangs(lane)
        assert await lane.close()

    asyncio.run(scenario())


def test_the_late_result_of_a_run_that_was_given_up_is_dropped() -> None:
    async def scenario() -> None:
        clock = Clock()
        lane, stuck = lane_of(clock), Network(hangs=True)
        told = await hang(lane, stuck, clock, 1)
        stuck.gate.set()
        await until_nothing_hangs(lane)
        assert stuck.batches == [[1]]
        assert [type(each) for each in told] == [ModelTooSlow]
        assert lane.running_seconds == 0
        await lane.close()

    asyncio.run(scenario())


def test_closing_does_not_wait_for_a_run_that_hangs() -> None:
    async def scenario() -> None:
        clock = Clock()
        lane, stuck = lane_of(clock), Network(hangs=True)
        await hang(lane, stuck, clock, 1)
        assert not await lane.close()
        stuck.gate.set()

    asyncio.run(asyncio.wait_for(scenario(), 10))


def test_closing_waits_no_longer_than_it_may_and_not_for_those_who_left() -> None:
    async def scenario() -> None:
        lane, stuck = lane_of(Clock()), Network(hangs=True)
        task = asyncio.create_task(lane.batched(stuck.logits, 1))
        assert await asyncio.to_thread(stuck.entered.wait, 10)
        assert not await lane.close(0)
        task.cancel()
        stuck.gate.set()

    asyncio.run(asyncio.wait_for(scenario(), 10))
