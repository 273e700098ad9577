"""Decoding of uploaded images: a few at once, a few more that wait, and no more."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import TypeVar

from fastapi.concurrency import run_in_threadpool

from server.errors import Overloaded

Result = TypeVar("Result")

WAITING_BYTES = 134_217_728
"""Bytes of the files that wait or are decoded."""
AT_ONCE = max(1, min(4, os.cpu_count() or 1))
"""An image of 25 million pixels needs 200 MB while it is decoded."""


class PictureDesk:
    """Takes image files in turn, so that many at once need neither all memory nor all processors.

    Args:
        at_once: images that are decoded at the same time.
        waiting_bytes: of files here; one file is always taken where there is none.
    """

    def __init__(self, at_once: int = AT_ONCE, waiting_bytes: int = WAITING_BYTES) -> None:
        self._turn = asyncio.Semaphore(at_once)
        self._limit = waiting_bytes
        self._bytes = 0

    @property
    def waiting_bytes(self) -> int:
        """Bytes of the files that wait or are decoded."""
        return self._bytes

    async def read(self, data: bytes, decode: Callable[[], Result]) -> Result:
        """What ``decode`` gives, beside the event loop, when it is the turn of this file.

        Raises:
            Overloaded: too many files wait already.
        """
        if self._bytes and self._bytes + len(data) > self._limit:
            raise Overloaded(
                f"Image files of {self._bytes} bytes wait to be decoded already; ask again in a "
                "moment.",
                limit=self._limit,
            )
        self._bytes += len(data)
        try:
            async with self._turn:
                return await run_in_threadpool(decode)
        finally:
            self._bytes -= len(data)
