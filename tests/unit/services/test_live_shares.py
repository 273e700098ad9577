"""The share of the lane's time that guesses and layers have, told by runs of known cost."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from server.services.lane import Visit
from server.services.live_shares import TOGETHER, Kind, LiveShares

Scenario = Callable[[], Coroutine[Any, Any, None]]


class TimedLane:
    """Runs one thing after another; its clock goes on by what each of them costs, and no other."""

    def __init__(self) -> None:
        self.now = 0.0
        self.runs: list[tuple[Kind, float, float]] = []
        """Of each run: its kind, when it began, and what it cost."""
        self._free = asyncio.Lock()  # which lets in by turns

    async def run(self, kind: Kind, cost: float) -> Visit:
        async with self._free:
            began = self.now
            await asyncio.sleep(0)
            self.now += cost
            self.runs.append((kind, began, cost))
            await asyncio.sleep(0)
        return Visit(1, 0, round(began * 1e9), round(self.now * 1e9))

    def had(self, kind: Kind, since: float = 0.0, until: float = math.inf) -> float:
        """The time that runs of a kind had which began between two moments."""
        return sum(
            cost for each, began, cost in self.runs if each == kind and since <= began < until
        )


async def keep_asking(
    shares: LiveShares, lane: TimedLane, kind: Kind, cost: float, until: float
) -> None:
    """Always have one more run of a kind waiting."""
    while lane.now < until:
        async with shares.turn(kind) as visited:
            visited(await lane.run(kind, cost))


def run(scenario: Scenario) -> None:
    asyncio.run(asyncio.wait_for(scenario(), 30))


async def all_ask(lane: TimedLane, until: float, **costs: float) -> None:
    shares = LiveShares()
    await asyncio.gather(
        *(
            keep_asking(shares, lane, kind, cost, until)  # type: ignore[arg-type]
            for kind, cost in costs.items()
            for _ in range(4)
        )
    )


@pytest.mark.parametrize(("guesses", "layers"), [(15, 6), (1, 40), (40, 1), (5, 5), (16, 900)])
def test_two_kinds_that_wait_have_half_of_the_time_each(guesses: float, layers: float) -> None:
    async def scenario() -> None:
        lane = TimedLane()
        await all_ask(lane, 10_000, guesses=guesses, layers=layers)
        most = TOGETHER * max(guesses, layers)
        assert lane.had("guesses", until=10_000) == pytest.approx(5_000, abs=most)
        assert lane.had("layers", until=10_000) == pytest.approx(5_000, abs=most)

    run(scenario)


@pytest.mark.parametrize("kind", ["guesses", "layers"])
def test_one_kind_that_waits_alone_has_all_of_it(kind: Kind) -> None:
    async def scenario() -> None:
        lane = TimedLane()
        await all_ask(lane, 1_000, **{kind: 7})
        assert lane.had(kind) == lane.now >= 1_000

    run(scenario)


@pytest.mark.parametrize(("first", "second"), [("guesses", "layers"), ("layers", "guesses")])
def test_time_that_a_kind_did_not_want_is_not_saved_up(first: Kind, second: Kind) -> None:
    async def scenario() -> None:
        lane, shares = TimedLane(), LiveShares()
        going_on = [keep_asking(shares, lane, first, 10, 4_000) for _ in range(3)]
        tasks = [asyncio.create_task(each) for each in going_on]
        while lane.now < 2_000:
            await asyncio.sleep(0)
        since = lane.now
        await asyncio.gather(*(keep_asking(shares, lane, second, 10, 3_000) for _ in range(3)))
        assert lane.had(second, since, 3_000) == pytest.approx((3_000 - since) / 2, abs=40)
        await asyncio.gather(*tasks)

    run(scenario)


def test_guesses_that_come_wait_for_one_run_of_layers_at_most() -> None:
    async def scenario() -> None:
        lane, shares = TimedLane(), LiveShares()
        heavy = [
            asyncio.create_task(keep_asking(shares, lane, "layers", 1_000, 20_000))
            for _ in range(5)
        ]
        for _ in range(50):
            await asyncio.sleep(0)
        for number in range(5):
            while lane.now < 3_000 * number:
                await asyncio.sleep(0)
            asked = lane.now
            async with shares.turn("guesses") as visited:
                visited(await lane.run("guesses", 1))
            _, began, _ = next(
                each for each in lane.runs if each[0] == "guesses" and each[1] >= asked
            )
            assert began - asked <= 1_000
        await asyncio.gather(*heavy)

    run(scenario)


def test_who_leaves_gives_the_turn_on() -> None:
    async def scenario() -> None:
        shares = LiveShares()

        async def hold(kind: Kind) -> None:
            async with shares.turn(kind):
                await asyncio.sleep(3_600)

        async def fail() -> None:
            async with shares.turn("layers"):
                raise ZeroDivisionError

        inside = asyncio.create_task(hold("layers"))
        await asyncio.sleep(0)
        waiting, next_one = (asyncio.create_task(hold("layers")) for _ in range(2))
        await asyncio.sleep(0)
        waiting.cancel()  # while it waits
        inside.cancel()  # while it has its turn, which is the next one's then
        await asyncio.wait([waiting, inside])
        next_one.cancel()  # at the moment at which it is let in
        await asyncio.wait([next_one])
        with pytest.raises(ZeroDivisionError):
            await fail()
        for kind in ("guesses", "layers", "layers", "guesses"):
            async with asyncio.timeout(5), shares.turn(kind):
                pass

    run(scenario)
