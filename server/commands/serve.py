"""``doodlescope serve``: the application under uvicorn, saying when it is ready to answer."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Literal

import typer
import uvicorn
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from models import model_names
from server.app import create_app, load_models
from server.commands.failure import CommandFailed, failing_on
from server.commands.late_progress import LateProgress
from server.commands.model import open_device
from server.services.catalog import Model
from server.services.sources import ModelUnavailable
from server.settings import ServedModel, Settings


class _AnnouncingServer(uvicorn.Server):
    """Prints the address once the models are loaded and the socket listens, not before.

    Below it, that of the page of each of the user's own models.
    """

    own: Sequence[Model] = ()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            for server in self.servers:
                for listening in server.sockets:
                    address = _address(listening)
                    typer.echo(f"doodlescope is ready at {address}")
                    for model in self.own:
                        typer.echo(f"  {model.title}: {address}/models/{model.name}")


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
    options: dict[str, Any] = {"host": host, "port": port, "device": device}
    options["models"] = tuple(models) or None
    settings = _settings({name: value for name, value in options.items() if value is not None})
    open_device(settings.device)
    if settings.default_model not in model_names():
        raise CommandFailed(
            f"DOODLESCOPE_DEFAULT_MODEL is {settings.default_model!r}; "
            f"there is {', '.join(model_names())}."
        )
    with LateProgress("Opening the models"), failing_on(ModelUnavailable):
        catalog = load_models(settings)
    server = _AnnouncingServer(
        uvicorn.Config(
            create_app(settings, load=lambda _: catalog),
            host=settings.host,
            port=settings.port,
            http=_protocol(),
            log_level="warning",
        )
    )
    server.own = [catalog.get(name) for name in catalog.names[len(model_names()) :]]
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
