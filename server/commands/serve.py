"""``doodlescope serve``: the application under uvicorn, saying when it is ready to answer."""

from __future__ import annotations

import socket

import typer
import uvicorn

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


def serve(host: str, port: int, device: str) -> None:
    """Serve until interrupted.

    Raises:
        CommandFailed: the device is not there, or the server could not start.
    """
    open_device(device)
    settings = Settings.model_validate({**Settings().model_dump(), "device": device})
    server = _AnnouncingServer(
        uvicorn.Config(create_app(settings), host=host, port=port, log_level="warning")
    )
    try:
        server.run()
    except KeyboardInterrupt:
        return
    if not server.started:
        raise CommandFailed(f"the server could not start on {host}:{port}; the log above says why.")


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
