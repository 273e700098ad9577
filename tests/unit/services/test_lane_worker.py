"""What fails in a batch: the items to blame, and not those that ran with them."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from server.errors import InvalidInput, ModelFailed, OutOfMemory, Problem
from server.services.lane import Lane
from server.services.lane_worker import RETRIED_WITHIN
from tests.support.clock import Clock

BATCH = 16
LIMIT = 60.0


class Picky:
    """A run that raises ``error`` when one of the bad items is among those that it is given."""

    def __init__(self, bad: frozenset[int], error: BaseException | None = None) -> None:
        self.bad = bad
        self.error = error or RuntimeError("a bad item")
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.runs: list[int] = []
        self.name = "picky"
        self.module = self

    def logits(self, items: Sequence[int]) -> list[int]:
        self.entered.set()
        assert self.gate.wait(20)
        if items == [-1]:  # the one that occupies the lane
            return [0]
        self.runs.append(len(items))
        if self.bad & set(items):
            raise self.error
        return [item * 10 for item in items]


async def answers(picky: Picky, count: int, clock: Clock | None = None) -> list[int | Problem]:
    """What so many callers get whose items run as one batch."""
    lane = Lane(
        batch_images=count, queued_images=2 * BATCH, run_seconds=LIMIT, clock=clock or Clock()
    )
    lane.start()
    first = asyncio.create_task(lane.batched(picky.logits, -1))
    assert await asyncio.to_thread(picky.entered.wait, 30)
    tasks = [asyncio.create_task(lane.batched(picky.logits, item)) for item in range(count)]
    await asyncio.sleep(0)
    picky.gate.set()
    told = await asyncio.gather(*tasks, return_exceptions=True)
    await first
    assert await lane.alone(lambda: 1) == 1
    await lane.close()
    assert all(isinstance(each, int | Problem) for each in told)
    return told  # type: ignore[return-value]


@settings(max_examples=12, deadline=None)
@given(st.sets(st.integers(0, BATCH - 1), max_size=3))
def test_bad_items_fail_alone(bad: set[int]) -> None:
    picky = Picky(frozenset(bad))
    told = asyncio.run(answers(picky, BATCH))
    for item, answer in enumerate(told):
        if item in bad:
            assert isinstance(answer, ModelFailed)
            assert answer.__cause__ is picky.error
        else:
            assert answer == item * 10
    # In halves: to find one takes two runs for each time that the batch can be halved.
    assert len(picky.runs) <= 1 + 2 * len(bad) * BATCH.bit_length()


def test_what_fails_on_everything_is_not_tried_on_everything() -> None:
    picky = Picky(frozenset(range(64)))
    told = asyncio.run(answers(picky, 32))
    assert all(isinstance(each, ModelFailed) for each in told)
    assert len(picky.runs) <= 12


def test_what_took_long_to_fail_is_not_tried_again() -> None:
    clock = Clock()

    class Slow(Picky):
        def logits(self, items: Sequence[int]) -> list[int]:
            if items != [-1]:
                clock.now += 1.1 * RETRIED_WITHIN * LIMIT
            return super().logits(items)

    slow = Slow(frozenset({3}))
    told = asyncio.run(answers(slow, 8, clock))
    assert all(isinstance(each, ModelFailed) for each in told)
    assert slow.runs == [8]


MEMORY = (
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"),
    RuntimeError(
        "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate"
    ),
    RuntimeError("Failed to allocate memory for requested buffer of size 4096"),
    RuntimeError("std::bad_alloc"),
)


@pytest.mark.parametrize("error", MEMORY, ids=lambda error: str(error)[:20] or "MemoryError")
def test_memory_that_runs_out(error: BaseException) -> None:
    told = asyncio.run(answers(Picky(frozenset({2}), error), 4))
    assert told[:2] == [0, 10]
    assert told[3] == 30
    assert isinstance(told[2], OutOfMemory)
    assert (told[2].status, told[2].headers) == (503, {"Retry-After": "1"})


def test_memory_that_runs_out_by_itself() -> None:
    async def scenario() -> None:
        lane = Lane(batch_images=1, queued_images=1)
        lane.start()
        with pytest.raises(OutOfMemory):
            # More than any machine has: PyTorch's own message, whatever it is here.
            await lane.alone(lambda: torch.empty(2**60, dtype=torch.uint8))
        assert await lane.alone(lambda: 1) == 1
        await lane.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "run",
    [
        lambda: sys.exit(1),
        lambda: next(iter(())),
        lambda: (_ for _ in ()).throw(asyncio.CancelledError()),
        lambda: (_ for _ in ()).throw(KeyboardInterrupt()),
        lambda: (_ for _ in ()).throw(GeneratorExit()),
    ],
    ids=["exit", "StopIteration", "cancelled", "interrupt", "GeneratorExit"],
)
def test_what_would_end_the_server_or_the_request_is_a_failure(run: Callable[[], object]) -> None:
    async def scenario() -> None:
        lane = Lane(batch_images=1, queued_images=1)
        lane.start()
        with pytest.raises(ModelFailed):
            await asyncio.wait_for(lane.alone(run), 10)
        assert await lane.alone(lambda: 1) == 1
        await lane.close()

    asyncio.run(scenario())


def test_problems_are_what_they_were() -> None:
    told = asyncio.run(answers(Picky(frozenset({0}), InvalidInput("no such thing")), 1))
    assert isinstance(told[0], InvalidInput)


def test_observers_that_fail_do_not_end_the_lane() -> None:
    class Broken:
        def ran(self, images: int, seconds: float, *, shared: bool) -> None:
            raise ZeroDivisionError

        def refused(self, reason: str) -> None: ...

        def answered(self, visit: object) -> None: ...

    async def scenario() -> None:
        lane = Lane(batch_images=1, queued_images=1, observers=[Broken()])
        lane.start()
        assert [await lane.alone(lambda: 1) for _ in range(3)] == [1, 1, 1]
        await lane.close()

    asyncio.run(scenario())
