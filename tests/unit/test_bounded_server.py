"""How a server ends, and how it notices that it stands still."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import uvicorn

from server.bounded_server import BoundedServer, room_for
from server.connection_limits import ConnectionLimits
from server.protocol import ProblemProtocol

ROOT = Path(__file__).parents[2]
REQUEST = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"

FROZEN = """
import ctypes, threading, uvicorn
from server.bounded_server import BoundedServer
from server.connection_limits import ConnectionLimits

async def application(scope, receive, send):
    pass

def hold_the_lock():
    print("holding", flush=True)
    ctypes.PyDLL(None).sleep(600)  # which, unlike time.sleep, lets nobody else run

class Server(BoundedServer):
    async def on_tick(self, counter):
        ends = await super().on_tick(counter)
        if counter == 0:  # from now on it would be noticed
            threading.Thread(target=hold_the_lock).start()
        return ends

config = uvicorn.Config(application, port=0, lifespan="off", log_config=None)
Server(config, ConnectionLimits(), frozen_seconds=2).run()
"""


async def application(scope: Any, receive: Any, send: Any) -> None:
    fields = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": b"ok"})


def server_of(listening: socket.socket) -> BoundedServer:
    config = uvicorn.Config(
        application, interface="asgi3", http=ProblemProtocol, lifespan="off", log_config=None
    )
    config.load()
    server = BoundedServer(config, ConnectionLimits())
    server.lifespan = config.lifespan_class(config)
    return server


def test_who_is_connected_when_it_ends_is_answered_once_more() -> None:
    async def scenario() -> list[bytes]:
        listening = socket.create_server(("127.0.0.1", 0))
        server = server_of(listening)
        await server.startup([listening])
        address = listening.getsockname()
        # Connected by the system: nothing in this loop has taken them yet.
        clients = [socket.create_connection(address, 10) for _ in range(20)]
        for client in clients:
            client.sendall(REQUEST)
        await server.shutdown([listening])
        found = []
        for client in clients:
            with client:
                found.append(await asyncio.to_thread(_all_of, client))
        return found

    for answer in asyncio.run(scenario()):
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"connection: close" in answer
        assert answer.endswith(b"ok")


def _all_of(client: socket.socket) -> bytes:
    found = b""
    while piece := client.recv(65_536):
        found += piece
    return found


def test_a_process_in_which_nothing_moves_ends_itself() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", FROZEN], cwd=ROOT, capture_output=True, timeout=120, check=False
    )
    assert ended.returncode == 1
    assert b"holding" in ended.stdout
    assert b"Timeout" in ended.stderr
    assert b"hold_the_lock" in ended.stderr  # where it stood


def test_there_is_room_for_as_many_connections_as_are_wanted() -> None:
    assert room_for(ConnectionLimits(connections=10)) == 10
