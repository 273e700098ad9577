"""``doodlescope serve``: the application under uvicorn, saying when it is ready to answer."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Any

import typer
import uvicorn
from pydantic import ValidationError

from server.app import create_app
from server.commands.failure import CommandFailed, failing_on
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
    given = {name: value for name, value in options.items() if value is not None}
    with failing_on(ValidationError):
        settings = Settings(**given)
    open_device(settings.device)
    server = _AnnouncingServer(
        uvicorn.Config(
            create_app(settings), host=settings.host, port=settings.port, log_level="warning"
        )
    )
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        raise CommandFailed(
            f"the server could not start on {settings.host}:{settings.port}; see the log above."
        )


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
