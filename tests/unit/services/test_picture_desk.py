"""Image files are decoded in turn, beside the event loop, and only so many wait."""

from __future__ import annotations

import asyncio
import threading

import pytest

from server.errors import Overloaded
from server.services.picture_desk import PictureDesk


def test_a_few_at_once_in_other_threads_and_the_rest_in_turn() -> None:
    desk = PictureDesk(at_once=2, waiting_bytes=100)
    together, most = 0, 0
    both = threading.Barrier(2)

    def decode() -> int:
        nonlocal together, most
        together += 1
        most = max(most, together)
        both.wait(60)
        together -= 1
        return threading.get_ident()

    async def scenario() -> list[int]:
        return await asyncio.gather(*(desk.read(bytes(10), decode) for _ in range(6)))

    threads = asyncio.run(scenario())
    assert most == 2
    assert threading.get_ident() not in threads
    assert desk.waiting_bytes == 0


def test_more_bytes_than_may_wait_are_refused() -> None:
    desk = PictureDesk(at_once=1, waiting_bytes=100)
    go_on = threading.Event()

    async def scenario() -> None:
        first = asyncio.ensure_future(desk.read(bytes(60), lambda: go_on.wait(60)))
        second = asyncio.ensure_future(desk.read(bytes(40), lambda: True))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded) as refused:
            await desk.read(b"x", lambda: True)
        assert refused.value.limit == 100
        go_on.set()
        assert await first
        assert await second
        # However large: one that comes alone is taken.
        assert await desk.read(bytes(200), lambda: True)

    asyncio.run(scenario())
    assert desk.waiting_bytes == 0


def test_who_leaves_or_fails_makes_room() -> None:
    desk = PictureDesk(at_once=1, waiting_bytes=100)

    def fail() -> None:
        raise ValueError("damaged")

    async def scenario() -> None:
        with pytest.raises(ValueError, match="damaged"):
            await desk.read(bytes(10), fail)
        go_on = threading.Event()
        running = asyncio.ensure_future(desk.read(bytes(10), lambda: go_on.wait(60)))
        leaving = asyncio.ensure_future(desk.read(bytes(10), lambda: True))
        await asyncio.sleep(0)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        assert desk.waiting_bytes == 10
        go_on.set()
        await running

    asyncio.run(scenario())
    assert desk.waiting_bytes == 0
