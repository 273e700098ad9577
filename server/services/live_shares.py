"""Turns at the torch lane for the two kinds of live answers, so that each has its share of it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Literal, get_args

from server.services.lane import Visit

Kind = Literal["guesses", "layers"]
KINDS: tuple[Kind, ...] = get_args(Kind)

AT_ONCE: dict[Kind, int] = {"guesses": 2, "layers": 1}
"""So much of each kind is with the lane at once: of guesses one batch more, so that the lane need
not wait while it is rendered; of layers one, as a network may be heavy, and who comes next is to
wait for one run of it only."""
TOGETHER = 2
"""So much of both kinds."""


class LiveShares:
    """Lets in what waits for the lane: next, the kind that has had less of the lane's time.

    So two kinds that both wait have half of it each, whatever a run of theirs takes; where one does
    not wait, the other has all. A kind that comes back after a pause begins level with the one that
    was served meanwhile: time that it did not want is not saved up. That is start-time fair
    queueing (Goyal, Vin and Cheng, 1997), with time as it was measured: what is with the lane is
    charged when it comes back, so that a share is exact but for ``TOGETHER`` runs.
    """

    def __init__(self) -> None:
        self._had: dict[Kind, float] = dict.fromkeys(KINDS, 0.0)
        self._level = 0.0
        self._waiting: dict[Kind, deque[asyncio.Future[None]]] = {kind: deque() for kind in KINDS}
        self._inside: dict[Kind, int] = dict.fromkeys(KINDS, 0)

    @asynccontextmanager
    async def turn(self, kind: Kind) -> AsyncIterator[Callable[[Visit], None]]:
        """Wait for a turn, and have it; the function given is to be told of each run."""
        await self._enter(kind)
        try:
            yield partial(self._charge, kind)
        finally:
            self._inside[kind] -= 1
            self._let_in()

    async def _enter(self, kind: Kind) -> None:
        if not self._waiting[kind] and not self._inside[kind]:
            self._had[kind] = max(self._had[kind], self._level)
        turn = asyncio.get_running_loop().create_future()
        self._waiting[kind].append(turn)
        self._let_in()
        try:
            await turn
        except asyncio.CancelledError:
            if turn in self._waiting[kind]:
                self._waiting[kind].remove(turn)
            elif not turn.cancelled():  # it was let in at that moment
                self._inside[kind] -= 1
                self._let_in()
            raise

    def _let_in(self) -> None:
        while sum(self._inside.values()) < TOGETHER:
            waiting = [kind for kind in KINDS if self._waiting[kind]]
            if not waiting:
                return
            kind = min(waiting, key=lambda kind: (self._had[kind], self._inside[kind]))
            if self._inside[kind] == AT_ONCE[kind]:
                return  # nor is the other kind let in, which has had more
            turn = self._waiting[kind].popleft()
            if turn.cancelled():
                continue
            self._level = self._had[kind]
            self._inside[kind] += 1
            turn.set_result(None)

    def _charge(self, kind: Kind, visit: Visit) -> None:
        self._had[kind] += (visit.finished - visit.started) / 1e9
