"""How live sessions end and go on: kept, taken over, slow, lost, documented, many at once."""

from __future__ import annotations

import asyncio
import gc
import json
import re
import signal
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from websockets.asyncio.client import connect as connect_asynchronously

from scripts.started_server import started_process
from server.app import create_app
from server.routes import live as route
from server.services.live import RESUME_SECONDS, Live
from server.settings import Settings
from tests.support.drawings import HOUSE, SUN
from tests.support.live import DOT, posted, until
from tests.support.sockets import LIVE, connected, drawer, serving

# What is kept.


def test_a_lost_session_goes_on_where_it_was(address: str) -> None:
    with connected(address) as client:
        ready = client.hello()
        client.replace(HOUSE[:-1])
        before = client.answer(1)
        client.connection.socket.shutdown(socket.SHUT_RDWR)  # without a word
    with connected(address) as client:
        again = client.hello(resume=ready["session"])
        assert (again["resumed"], again["sequence"]) == (True, 1)
        assert again["session"] == ready["session"]
        assert client.answer(1)["predictions"] == before["predictions"], "it may have been lost"
        x, y = HOUSE[-1]
        answer = client.answer(client.draw({"change": "begin", "x": x, "y": y}))
        assert answer["predictions"] == posted(address, "predictions", HOUSE)["predictions"]


def test_a_session_is_taken_over_before_its_old_connection_is_found_dead(address: str) -> None:
    with connected(address) as old, connected(address) as new:
        ready = old.hello()
        old.answer(old.replace(SUN))
        assert new.hello(resume=ready["session"])["resumed"]
        assert old.closed()[0] == route.TAKEN_OVER
        new.answer(1)
        assert new.answer(new.draw(DOT))["predictions"]


@pytest.mark.parametrize("how", ["unknown", "goodbye", "model", "too late", "too much"])
def test_what_is_not_kept_is_asked_for_as_a_whole(
    address: str, app: FastAPI, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    live: Live = app.state.live
    gone = 0.0
    if how == "too late":
        monkeypatch.setattr(live, "_clock", lambda: time.monotonic() + gone)
    if how == "too much":
        monkeypatch.setattr("server.services.live.LOST_BYTES", 500)
    with connected(address) as client:
        ready = client.hello()
        client.answer(client.replace(SUN))
        if how == "goodbye":
            client.connection.close()
        else:
            client.connection.socket.shutdown(socket.SHUT_RDWR)
    until(lambda: ready["session"] not in live._seated)
    gone = RESUME_SECONDS
    token = "nobody" if how == "unknown" else ready["session"]
    model = "lenet-5" if how == "model" else None
    with connected(address) as client:
        again = client.hello(resume=token, model=model)
        assert (again["resumed"], again["sequence"]) == (False, 0)
        assert again["session"] != ready["session"]
        client.sequence = 1
        client.draw(DOT)
        told = client.message()
        assert told["problem"]["type"] == "/problems/out-of-step"
        client.sequence = 0
        assert client.answer(client.replace(SUN))["predictions"]


def test_of_lost_sessions_only_so_many_are_kept(small: str) -> None:
    sessions: list[str] = []
    for _ in range(5):
        with connected(small) as client:
            sessions.append(client.hello()["session"])
            client.answer(client.draw(DOT))
            client.connection.socket.shutdown(socket.SHUT_RDWR)
    resumed: list[bool] = []
    for token in sessions:
        with connected(small) as client:
            resumed.append(client.hello(resume=token)["resumed"])
    assert resumed == [False, False, True, True, True]


# Who does not read, or is not there.


def test_a_slow_reader_loses_states_and_not_the_newest(address: str) -> None:
    layers = [layer["name"] for layer in posted(address, "inspections", SUN)["layers"]]
    with drawer(address) as client:
        client.send(type="watch", layers=layers)
        for number in range(60):
            client.draw({"change": "begin", "x": [0, number], "y": [0, 9]})
        answers: list[int] = []
        while not answers or answers[-1] < 60:
            message = client.message()
            if message["type"] == "prediction":
                continue
            answers.append(message["sequence"])
            for _ in range(message["frames"]):
                client.frame()
        assert answers == sorted(answers)
        assert len(answers) < 60


def test_who_reads_nothing_is_let_go(
    address: str, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    live: Live = app.state.live
    monkeypatch.setattr(route, "SEND_SECONDS", 0.5)
    until(lambda: live.connections == 0)
    layers = [layer["name"] for layer in posted(address, "inspections", SUN)["layers"]]
    raw = hand_made(address)
    raw.sendall(masked({"type": "hello"}))
    raw.sendall(masked({"type": "watch", "layers": layers, "manifest": True}))
    until(lambda: live.connections == 1)
    for number in range(1, 2_000):
        drawing = [[[0, number], [0, 9]]]
        changes = [{"change": "replace", "drawing": drawing}]
        try:
            raw.sendall(masked({"type": "strokes", "sequence": number, "changes": changes}))
        except OSError:
            break
        if live.connections == 0:
            break
        time.sleep(0.01)
    until(lambda: live.connections == 0)
    raw.close()


def test_half_open_connections_are_noticed(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.socket_protocol.PING_SECONDS", 1.0)
    application = create_app(Settings())
    with serving(application) as served:
        live: Live = application.state.live
        raw = hand_made(served)
        raw.sendall(masked({"type": "hello"}))
        # It answers no ping, as a machine would that has lost its network.
        until(lambda: live.lost == 1)
        until(lambda: live.connections == 0)
        raw.close()


def hand_made(address: str) -> socket.socket:
    """A WebSocket without anybody who reads it."""
    host, port = address.split(":")
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.connect((host, int(port)))
    raw.sendall(
        f"GET {LIVE} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    assert raw.recv(4096).startswith(b"HTTP/1.1 101")
    return raw


def masked(message: dict[str, Any]) -> bytes:
    """A text frame as clients send it, with a mask of zeros."""
    data = json.dumps(message).encode()
    size = bytes([128 | len(data)]) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2, "big")
    return b"\x81" + size + bytes(4) + data


# What docs/live.md says.

TOLD = (Path(__file__).parents[3] / "docs" / "live.md").read_text(encoding="utf-8")


def test_the_example_of_the_documentation_runs(
    address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```$", TOLD, re.M | re.S)
    exec(compile(code.replace("127.0.0.1:8000", address), "live.md", "exec"), {})
    session, predictions = capsys.readouterr().out.splitlines()
    assert len(session) == 32
    assert predictions.startswith("[{'label': ")


def test_every_message_and_every_code_is_documented() -> None:
    told = set(re.findall(r"^\| `?(\w+)`? \|", TOLD, re.M))
    names = ("Begin", "Extend", "End", "Undo", "Clear", "Replace", "Hello", "Strokes", "Watch")
    assert {
        name.lower() for name in (*names, "Ping", "Ready", "Prediction", "Inspection", "Pong")
    } <= told
    codes = {value for value in vars(route).values() if type(value) is int and value > 999}
    documented = {int(code) for code in told if code.isdigit()}
    assert codes - {route._POLICY_VIOLATION} <= documented


# Many at once, and the end.


def test_two_hundred_drawers_are_all_answered(address: str, app: FastAPI) -> None:
    drawers, updates = 200, 3

    async def one(number: int) -> dict[str, Any]:
        url = f"ws://{address}{LIVE}"
        async with connect_asynchronously(url, compression=None, open_timeout=60) as connection:
            await connection.send(json.dumps({"type": "hello", "top_k": 1}))
            assert json.loads(await connection.recv())["type"] == "ready"
            for sequence in range(1, updates + 1):
                x, y = [number, number + 9 * sequence], [0, 5 * number]
                change = {"change": "begin" if sequence == 1 else "extend", "x": x, "y": y}
                message = {"type": "strokes", "sequence": sequence, "base": sequence - 1}
                await connection.send(json.dumps(message | {"changes": [change]}))
            while True:
                told: dict[str, Any] = json.loads(await connection.recv())
                assert told["type"] == "prediction", told
                if told["sequence"] == updates:
                    return told

    async def all_of_them() -> list[dict[str, Any]]:
        async with asyncio.timeout(120):
            return await asyncio.gather(*map(one, range(drawers)))

    answers = asyncio.run(all_of_them())
    assert len(answers) == drawers
    number = 77
    x = [number + extra for sequence in (1, 2, 3) for extra in (0, 9 * sequence)]
    whole = posted(address, "predictions", [[x, [0, 5 * number] * 3]], top_k=1)
    (guess,), (alone,) = answers[number]["predictions"], whole["predictions"]
    assert guess["label"] == alone["label"]
    assert guess["logit"] == pytest.approx(alone["logit"], abs=1e-4), "from a batch of many"
    live: Live = app.state.live
    until(lambda: live.connections == 0)
    gc.collect()
    assert not live._seated
    assert live.lost == 0, "they said goodbye"


def test_a_server_that_stops_says_so() -> None:
    with started_process() as server:
        address = server.address.removeprefix("http://")
        with drawer(address) as client:
            client.answer(client.replace(SUN))
            client.draw(DOT)
            client.send(type="ping", id=1)
            answers = []
            while (told := client.message())["type"] != "pong":  # by then the state was taken
                answers.append(told)
            server.process.send_signal(signal.SIGTERM)
            told = answers[0] if answers else client.message()
            assert told["sequence"] == 2, "what was taken is answered"
            assert client.closed() == (
                route.GOING_AWAY,
                "The server is stopping; connect again.",
            )
        assert server.process.wait(60) in (0, -signal.SIGTERM)
