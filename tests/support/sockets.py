"""A real server of sockets in this process, and a client of a live session."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from server.settings import Settings
from server.socket_protocol import socket_options

LIVE = "/api/v1/live"
PATIENCE = 30.0


@contextmanager
def serving(app: FastAPI, settings: Settings | None = None) -> Iterator[str]:
    """The address, such as 127.0.0.1:40123, at which an application answers until the end."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, log_level="warning", lifespan="on", **socket_options(settings or Settings())
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        thread.join(0.02)
    assert server.started, "the server did not start"
    try:
        yield f"127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(60)
        listening.close()
        assert not thread.is_alive()


class Drawer:
    """Draws over a live session, and reads what comes."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.sequence = 0

    def send(self, **message: Any) -> None:
        self.connection.send(json.dumps(message))

    def hello(self, **members: Any) -> dict[str, Any]:
        """Say hello; returns what the server tells."""
        self.send(type="hello", **members)
        told = self.message()
        if told["type"] == "ready":
            self.sequence = told["sequence"]
        return told

    def draw(self, *changes: dict[str, Any]) -> int:
        """Send changes of the last state; returns the number of the new one."""
        base = self.sequence
        self.sequence += 1
        self.send(type="strokes", sequence=self.sequence, base=base, changes=changes)
        return self.sequence

    def replace(self, drawing: Any) -> int:
        return self.draw({"change": "replace", "drawing": drawing})

    def message(self) -> dict[str, Any]:
        """The next message that is text; there is no other before it."""
        data = self.connection.recv(timeout=PATIENCE)
        assert isinstance(data, str), "text is next"
        message: dict[str, Any] = json.loads(data)
        return message

    def frame(self) -> bytes:
        """The next message that is binary; guesses may come before it."""
        while True:
            data = self.connection.recv(timeout=PATIENCE)
            if isinstance(data, bytes):
                return data
            assert json.loads(data)["type"] == "prediction", data

    def inspection(self, sequence: int) -> dict[str, Any]:
        """The inspection of a state; guesses, and inspections of older ones, are passed over."""
        while True:
            message = self.message()
            assert message["type"] in ("prediction", "inspection"), message
            if message["type"] == "prediction":
                continue
            if message["sequence"] == sequence:
                return message
            assert message["sequence"] < sequence
            for _ in range(message["frames"]):
                self.frame()

    def answer(self, sequence: int) -> dict[str, Any]:
        """The prediction for a state; those of older ones are passed over."""
        while True:
            message = self.message()
            assert message["type"] == "prediction", message
            if message["sequence"] == sequence:
                return message
            assert message["sequence"] < sequence

    def closed(self) -> tuple[int, str]:
        """The code and the reason that the server closes with; what comes before is passed over."""
        said = None
        try:
            while True:
                self.connection.recv(timeout=PATIENCE)
        except ConnectionClosed as closed:
            said = closed.rcvd
        assert said is not None, "closed without a word"
        return said.code, said.reason


@contextmanager
def connected(address: str, **options: Any) -> Iterator[Drawer]:
    """A connection to a live session, before hello."""
    with connect(
        f"ws://{address}{LIVE}", compression=None, max_size=None, close_timeout=5, **options
    ) as connection:
        yield Drawer(connection)


@contextmanager
def drawer(address: str, **hello: Any) -> Iterator[Drawer]:
    """A client that has said hello."""
    with connected(address) as client:
        ready = client.hello(**hello)
        assert ready["type"] == "ready", ready
        yield client
