"""``doodlescope serve``: the application under uvicorn, saying when it is ready to answer."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from types import FrameType
from typing import Any, Literal

import typer
import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from models import model_names
from server.app import create_app, load_models
from server.bounded_server import BoundedServer, room_for
from server.commands.failure import CommandFailed, failing_on
from server.commands.late_progress import LateProgress
from server.commands.model import open_device
from server.connection_limits import ConnectionLimits
from server.logs import configure_logs
from server.memory import keep_freed_memory
from server.quick import QuickPolicy
from server.services.catalog import Model
from server.services.readiness import Readiness
from server.services.sources import ModelUnavailable
from server.settings import ServedModel, Settings
from server.socket_protocol import socket_options


class _AnnouncingServer(BoundedServer):
    """Prints the address once the models are loaded and the socket listens, not before.

    Below it, that of the page of each of the user's own models. Told to terminate, it is not ready
    any more, but answers for ``drain_seconds`` more; then it takes no new connections, finishes
    what it has taken, and ends.
    """

    own: Sequence[Model] = ()
    drain_seconds: float = 0.0
    readiness: Readiness | None = None
    prepare: Callable[[], object] | None = None
    """What takes long at its first use; is called in a thread."""
    before_stop: Callable[[], Awaitable[None]] | None = None
    _drained_at: float | None = None

    def __init__(
        self, config: uvicorn.Config, limits: ConnectionLimits, frozen_seconds: float = 0.0
    ) -> None:
        super().__init__(config, limits, frozen_seconds)
        self._held: list[str] | None = []

    def announce(self, line: str) -> None:
        """Print a line once the address has been printed."""
        if self._held is None:
            typer.echo(line)
        else:
            self._held.append(line)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and self.prepare is not None:
            # Whoever asks for it first would hold up everybody else.
            asyncio.get_running_loop().run_in_executor(None, self.prepare)
        if self.started:
            for server in self.servers:
                for listening in server.sockets:
                    address = _address(listening)
                    typer.echo(f"doodlescope is ready at {address}")
                    for model in self.own:
                        typer.echo(f"  {model.title}: {address}/models/{model.name}")
            held, self._held = self._held or [], None
            for line in held:
                typer.echo(line)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self.stop_time is not None:
            self.stop_time().begin()
        if self.before_stop is not None:
            await self.before_stop()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.readiness is not None:
            self.readiness.stop()
        if sig == signal.SIGTERM and self.drain_seconds and self._drained_at is None:
            self._drained_at = time.monotonic() + self.drain_seconds
        else:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        if self._drained_at is not None and time.monotonic() >= self._drained_at:
            self._drained_at = None
            super().handle_exit(signal.SIGTERM, None)
        return await super().on_tick(counter)


def serve(
    host: str | None,
    port: int | None,
    device: str | None,
    models: Sequence[ServedModel] = (),
) -> None:
    """Serve until interrupted; what is not given comes from the settings.

    Raises:
        CommandFailed: a setting is wrong, the device is not there, a model cannot be opened, or
            the server cannot start.
    """
    keep_freed_memory()  # before there is any
    options: dict[str, Any] = {"host": host, "port": port, "device": device}
    options["models"] = tuple(models) or None
    settings = _settings({name: value for name, value in options.items() if value is not None})
    configure_logs(settings.log_format, settings.log_level)
    open_device(settings.device)
    if settings.default_model not in model_names():
        raise CommandFailed(
            f"DOODLESCOPE_DEFAULT_MODEL is {settings.default_model!r}; "
            f"there is {', '.join(model_names())}."
        )
    with LateProgress("Opening the models"), failing_on(ModelUnavailable):
        catalog = load_models(settings)
    app = create_app(settings, load=lambda _: catalog)
    limits = _limits(settings)
    server = _AnnouncingServer(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            http=_protocol(app, limits),
            **socket_options(settings),
            log_config=None,
            access_log=False,
        ),
        limits,
        settings.frozen_seconds,
    )
    server.drain_seconds = settings.drain_seconds
    server.readiness = app.state.readiness
    app.state.announce = server.announce
    server.prepare = app.openapi
    server.stop_time = lambda: app.state.stop_time
    server.before_stop = lambda: app.state.live.close(app.state.stop_time.left)
    server.own = [catalog.get(name) for name in catalog.names[len(model_names()) :]]
    try:
        with suppress(KeyboardInterrupt):
            server.run()
    except SystemExit as error:  # uvicorn's, after it has logged why
        raise CommandFailed(
            f"The server could not start on {settings.host}:{settings.port}, as said above. "
            "Another address or port: --host, --port."
        ) from error
    readiness: Readiness = app.state.readiness
    if readiness.is_run_left:  # Python, which takes itself apart, could crash in its thread
        logging.shutdown()
        sys.stdout.flush()
        os._exit(0)


def _limits(settings: Settings) -> ConnectionLimits:
    """What connections may cost, as far as the system allows so many."""
    limits = ConnectionLimits(
        connections=settings.connections,
        seconds=settings.client_seconds,
        rate=settings.client_rate,
        body_bytes=settings.body_bytes,
        unsent_bytes=settings.unsent_bytes,
    )
    return replace(limits, connections=room_for(limits))


def _protocol(app: FastAPI, limits: ConnectionLimits) -> type[asyncio.Protocol] | Literal["auto"]:
    """The reader of HTTP: ours, but where its parser is not installed."""
    if sys.platform == "win32":
        return "auto"
    from server.protocol import ProblemProtocol, limited
    from server.quick_protocol import quick_protocol

    policy: QuickPolicy = app.state.quick_policy
    reader = ProblemProtocol if policy.is_off else quick_protocol(policy)
    return limited(reader, limits, app.state.metrics.connection_ended)


def _settings(given: dict[str, Any]) -> Settings:
    """The settings of the environment, with those given instead of theirs."""
    try:
        return Settings(**given)
    except ValidationError as error:
        raise CommandFailed("; ".join(map(_wrong_setting, error.errors()))) from error


def _wrong_setting(error: ErrorDetails) -> str:
    """What is wrong with a setting, under the name that it has in the environment."""
    if not error["loc"]:  # settings that do not fit each other
        return error["msg"]
    name = f"DOODLESCOPE_{'_'.join(map(str, error['loc']))}".upper()
    if error["loc"][0] == "api_keys":  # never shown
        return f"{name}: {error['msg']}"
    return f"{name} is {error['input']!r}: {error['msg']}"


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
