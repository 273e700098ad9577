"""``doodlescope serve``: the application under uvicorn, saying when it is ready to answer."""

from __future__ import annotations

import asyncio
import socket
import sys
from contextlib import suppress
from typing import Any, Literal

import typer
import uvicorn
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from models import model_names
from server.app import create_app
from server.commands.failure import CommandFailed
from server.commands.model import open_device
from server.settings import Settings


class _AnnouncingServer(uvicorn.Server):
    """Prints the address once the models are loaded and the socket listens, not before."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            for server in self.servers:
                for listening in server.sockets:
                    typer.echo(f"doodlescope is ready at {_address(listening)}")


def serve(host: str | None, port: int | None, device: str | None) -> None:
    """Serve until interrupted; what is not given comes from the settings.

    Raises:
        CommandFailed: a setting is wrong, the device is not there, or the server cannot start.
    """
    options: dict[str, Any] = {"host": host, "port": port, "device": device}
    settings = _settings({name: value for name, value in options.items() if value is not None})
    open_device(settings.device)
    if settings.default_model not in model_names():
        raise CommandFailed(
            f"DOODLESCOPE_DEFAULT_MODEL is {settings.default_model!r}; "
            f"there is {', '.join(model_names())}."
        )
    server = _AnnouncingServer(
        uvicorn.Config(
            create_app(settings),
            host=settings.host,
            port=settings.port,
            http=_protocol(),
            log_level="warning",
        )
    )
    try:
        with suppress(KeyboardInterrupt):
            server.run()
    except SystemExit as error:  # uvicorn's, after it has logged why
        raise CommandFailed(
            f"The server could not start on {settings.host}:{settings.port}, as said above. "
            "Another address or port: --host, --port."
        ) from error


def _protocol() -> type[asyncio.Protocol] | Literal["auto"]:
    """The reader of HTTP: ours, but where its parser is not installed."""
    if sys.platform == "win32":
        return "auto"
    from server.protocol import ProblemProtocol

    return ProblemProtocol


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
    return f"{name} is {error['input']!r}: {error['msg']}"


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
