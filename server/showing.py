"""``show``: a live module on a page of its own, from a script or a notebook."""

from __future__ import annotations

import atexit
import gc
import html
import re
import socket
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import torch
import uvicorn
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from torch import nn

from server.app import create_app
from server.engine.example import Example
from server.services.catalog import Catalog
from server.services.live_models import live_model
from server.settings import Settings
from server.socket_protocol import socket_options

HOST = "127.0.0.1"

FRAMED_BY = "http://localhost:* http://127.0.0.1:* https://localhost:* vscode-webview:"
"""Pages that may show this one within them: notebooks of this machine."""

HEIGHT = 780
"""Of the frame in a notebook, in pixels."""

PATIENCE = 60.0
"""Seconds for the server to start and to stop."""


class Shown:
    """A server in a thread of this process that shows one module, until ``close``."""

    def __init__(self, server: uvicorn.Server, listening: socket.socket, path: str) -> None:
        self.url = f"http://{HOST}:{listening.getsockname()[1]}{path}"
        """The address of the page."""
        self._server = server
        self._listening = listening
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="doodlescope-show", daemon=True)
        self._thread.start()
        while not server.started and self._thread.is_alive():
            self._thread.join(0.02)
        if not server.started:
            raise RuntimeError("The server did not start.") from self._failure
        # The server's own process would freeze what is loaded; this one is not its own.
        gc.unfreeze()
        atexit.register(self.close)

    def close(self) -> None:
        """Stop the server; the module is as it was all along. May be called again."""
        self._server.should_exit = True
        self._thread.join(PATIENCE)
        self._listening.close()
        atexit.unregister(self.close)

    def wait(self) -> None:
        """Wait until the server is closed, or the user interrupts (Ctrl-C), which closes it."""
        try:
            while self._thread.is_alive():
                self._thread.join(0.5)
        except KeyboardInterrupt:
            self.close()

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._listening])
        except BaseException as error:  # uvicorn ends with SystemExit when it cannot start
            self._failure = error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"doodlescope shows it at {self.url} until .close()"

    def _repr_html_(self) -> str:
        """What a notebook shows of it: the page, in a frame."""
        address = html.escape(self.url, quote=True)
        return (
            f'<iframe src="{address}" width="100%" height="{HEIGHT}" title="doodlescope" '
            'allow="camera; clipboard-write" style="border: 0"></iframe>'
            f'<p><a href="{address}" target="_blank">Open it in a page of its own</a></p>'
        )


def show(
    model: nn.Module,
    example: Example,
    *,
    name: str | None = None,
    labels: Sequence[str] | None = None,
    normalise: tuple[float | Sequence[float], float | Sequence[float]] | None = None,
    port: int = 0,
    block: bool | None = None,
) -> Shown:
    """Show a module at work on an example: see ``server.show``."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"show takes a torch.nn.Module, not {type(model).__name__}.")
    title = name or type(model).__name__
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", title).strip(".-_") or "model"
    opened = live_model(model, example, slug, title, labels=labels, normalise=normalise)
    # Threads are the process's: as many as its user wants.
    settings = Settings(default_model=slug, threads=torch.get_num_threads(), models=())
    app = create_app(settings, load=lambda _: Catalog([opened], slug))
    listening = socket.create_server((HOST, port))
    try:
        server = uvicorn.Server(
            uvicorn.Config(
                Framed(app),
                http="auto",
                log_level="warning",
                lifespan="on",
                **socket_options(settings),
            )
        )
        shown = Shown(server, listening, f"/models/{slug}")
    except BaseException:
        listening.close()
        raise
    if block if block is not None else not is_interactive():
        print(f"{shown!r}, or until Ctrl-C.", flush=True)
        shown.wait()
    elif not _in_notebook():
        print(shown, flush=True)
    return shown


def is_interactive() -> bool:
    """Whether somebody types the next line: a notebook, IPython, or Python's own prompt."""
    return hasattr(sys, "ps1") or bool(sys.flags.interactive) or _ipython() is not None


def _in_notebook() -> bool:
    """Whether what a cell returns is displayed as HTML."""
    return type(_ipython()).__name__ == "ZMQInteractiveShell"


def _ipython() -> Any:
    """The IPython that runs this, or None."""
    module = sys.modules.get("IPython")
    with suppress(Exception):
        return module.get_ipython() if module is not None else None
    return None


class Framed:
    """Lets pages of this machine, as notebooks are, show an application's pages within them."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with a ``send`` that changes the policy."""

        async def send_framed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                policy = headers.get("content-security-policy", "")
                headers["content-security-policy"] = policy.replace(
                    "frame-ancestors 'none'", f"frame-ancestors {FRAMED_BY}"
                )
                if "x-frame-options" in headers:
                    del headers["x-frame-options"]
            await send(message)

        await self.app(scope, receive, send_framed)
