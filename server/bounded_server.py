"""Uvicorn's server, with limits on its connections, and an end that loses nothing."""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import socket
import time
from collections.abc import Callable

import uvicorn
from uvicorn.server import ServerState

from server.connection_limits import ConnectionLimits, notice_lost_peers, sweep
from server.stopping import StopTime

SWEEP_TICKS = 10
"""Uvicorn ticks ten times a second; connections are looked after once."""
LAST_SECONDS = 0.5
"""At the end, how long those who are connected can still ask once more."""
PAUSE = 0.02

_LOG = logging.getLogger(__name__)


class EndingState(ServerState):
    """What connections know of their server."""

    is_ending = False
    """Whether each answer is to be the last one on its connection."""


class BoundedServer(uvicorn.Server):
    """Looks after slow clients, notices when it stands still, and ends in order.

    At the end it takes the connections that have been made, then no more; answers each client
    once more, telling it that the connection is closed; and finishes what it has taken.

    Args:
        config: as uvicorn has it.
        limits: on connections.
        frozen_seconds: when the event loop stands still for longer, the process writes where each
            thread is and ends, which needs no lock of Python's; 0: never.
    """

    stop_time: Callable[[], StopTime] | None = None
    """Gives the time that is left for the end, of which the application has its part too; where
    there is none, ``timeout_graceful_shutdown`` of the configuration is what clients have."""

    def __init__(
        self, config: uvicorn.Config, limits: ConnectionLimits, frozen_seconds: float = 0.0
    ) -> None:
        super().__init__(config)
        self.server_state = self._state = EndingState()
        self._limits = limits
        self._frozen_seconds = frozen_seconds
        self._moved_at = float("-inf")

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as uvicorn does."""
        await super().startup(sockets)
        if not self.started:
            return
        for listening in self._listening():
            with listening:
                notice_lost_peers(listening)

    async def on_tick(self, counter: int) -> bool:
        """Look after connections."""
        if counter % SWEEP_TICKS == 0:
            sweep(self._state.connections, self._limits, asyncio.get_running_loop().time())
        self._moved()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End as uvicorn does, after the last requests of those who are connected."""
        stop_time = self.stop_time() if self.stop_time is not None else None
        if stop_time is not None:
            stop_time.begin()
        self._state.is_ending = True
        await self._take_the_last()
        ends = time.monotonic() + LAST_SECONDS
        while self._state.connections and time.monotonic() < ends and not self.force_exit:
            await asyncio.sleep(PAUSE)
        if self._frozen_seconds:
            faulthandler.cancel_dump_traceback_later()
        if stop_time is not None:
            self.config.timeout_graceful_shutdown = int(stop_time.left)
        await super().shutdown(sockets)

    def _listening(self) -> list[socket.socket]:
        """The sockets that take connections, each duplicated."""
        return [
            socket.socket(fileno=os.dup(each.fileno()))
            for server in self.servers
            for each in server.sockets
        ]

    async def _take_the_last(self) -> None:
        """Take what the system has connected, which closing would reset; then listen no more."""
        loop = asyncio.get_running_loop()
        taken: list[socket.socket] = []
        for listening in self._listening():
            with listening:
                listening.setblocking(False)
                while len(taken) < self.config.backlog:
                    try:
                        connection, _ = listening.accept()
                    except OSError:  # there is none
                        break
                    connection.setblocking(False)
                    taken.append(connection)
        for server in self.servers:
            server.close()
        for connection in taken:
            await loop.connect_accepted_socket(self._connection, connection)

    def _connection(self) -> asyncio.Protocol:
        made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self._state, app_state=self.lifespan.state
        )
        return made

    def _moved(self) -> None:
        now = time.monotonic()
        if self._frozen_seconds and now - self._moved_at > self._frozen_seconds / 10:
            self._moved_at = now
            faulthandler.dump_traceback_later(self._frozen_seconds, exit=True)


def room_for(limits: ConnectionLimits, *, reserved: int = 256) -> int:
    """Let this process open so many connections, and ``reserved`` files; how many it can.

    Most systems allow fewer files than that at first, and more if asked.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return limits.connections
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.connections + reserved
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return limits.connections
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    if most < wanted:
        _LOG.warning(
            "The system allows %d open files: %d connections at once, not %d.",
            most,
            max(1, most - reserved),
            limits.connections,
        )
    return min(limits.connections, max(1, most - reserved))
