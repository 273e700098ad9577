"""The live session: strokes in, guesses and maps out, always of the newest drawing."""

from __future__ import annotations

import asyncio
import gc
import json
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from websockets.asyncio.client import connect as connect_asynchronously
from websockets.exceptions import ConnectionClosed, InvalidStatus

from scripts.started_server import started_process
from server.app import create_app
from server.authentication import COOKIE
from server.engine.encode import decode_atlas
from server.routes import live as route
from server.services.catalog import Catalog, load_catalog
from server.services.live import RESUME_SECONDS, Live
from server.settings import Settings
from tests.api.test_lifecycle import SECRET, Gated
from tests.support.drawings import HOUSE, SUN
from tests.support.sockets import LIVE, PATIENCE, Drawer, connected, drawer, serving

KEY = "alice-0123456789abcdef"
SITE = "https://lab.example"
DOT = {"change": "begin", "x": [3], "y": [4]}

SMALL = Settings(
    live_connections=3,
    live_messages=4,
    live_idle_seconds=2,
    json_bytes=20_000,
    strokes=3,
    stroke_points=6,
    drawing_points=10,
    cors_origins=(SITE,),
)


@pytest.fixture(scope="module")
def app() -> FastAPI:
    return create_app(Settings())


@pytest.fixture(scope="module")
def address(app: FastAPI) -> Iterator[str]:
    with serving(app) as served:
        yield served


@pytest.fixture(scope="module")
def small() -> Iterator[str]:
    """A server with low limits."""
    with serving(create_app(SMALL), SMALL) as served:
        yield served


@pytest.fixture(scope="module")
def locked() -> Iterator[str]:
    """A server that asks for keys, each with six requests a minute."""
    chosen = Settings(api_keys=(SecretStr(f"alice:{KEY}"),), key_requests=6, cors_origins=(SITE,))
    with serving(create_app(chosen), chosen) as served:
        yield served


def posted(address: str, path: str, drawing: Any, **members: Any) -> dict[str, Any]:
    answer = httpx.post(
        f"http://{address}/api/v1/{path}", json={"drawing": drawing, **members}, timeout=PATIENCE
    )
    told: dict[str, Any] = answer.raise_for_status().json()
    return told


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def changes_of(drawing: Any) -> Iterator[tuple[dict[str, Any], Any]]:
    """The changes that draw a drawing point by point, each with the drawing after it."""
    done: list[Any] = []
    for xs, ys in drawing:
        done.append([[], []])
        for number, (x, y) in enumerate(zip(xs, ys, strict=True)):
            done[-1][0].append(x)
            done[-1][1].append(y)
            change = "extend" if number else "begin"
            yield {"change": change, "x": [x], "y": [y]}, json.loads(json.dumps(done))
        yield {"change": "end"}, json.loads(json.dumps(done))


# What is answered.


def test_increments_give_what_the_whole_drawing_gives_over_http(address: str) -> None:
    with drawer(address, top_k=7) as client:
        for change, whole in changes_of(HOUSE):
            live = client.answer(client.draw(change))
            told = posted(address, "predictions", whole, top_k=7)
            assert {name: live[name] for name in told} == told
        sequence = client.draw({"change": "undo"}, DOT, {"change": "undo"})
        told = posted(address, "predictions", HOUSE[:-1], top_k=7)
        assert client.answer(sequence)["predictions"] == told["predictions"]
        assert client.answer(client.draw({"change": "clear"}))["predictions"] == []
        assert client.answer(client.replace(SUN))["predictions"][0]["label"] == "sun"


def test_watched_layers_come_as_the_inspection_has_them(address: str) -> None:
    with drawer(address, top_k=3) as client:
        told = posted(address, "inspections", HOUSE, top_k=3)
        layers = [layer["name"] for layer in told["layers"]]
        client.send(type="watch", layers=layers, manifest=True)
        answer = client.answer(client.replace(HOUSE))
        assert answer["manifest"] == told
        assert answer["inspection"] == told["id"]
        assert answer["predictions"] == told["predictions"]
        assert answer["layers"] == layers
        there = httpx.get(f"http://{address}/api/v1/inspections/{told['id']}/atlas").content
        whole = decode_atlas(there)[0]["layers"]
        entries: list[Any] = []
        for _ in range(answer["frames"]):
            frame = client.frame()
            header, maps = decode_atlas(frame)
            assert (header["inspection"], header["sequence"]) == (told["id"], answer["sequence"])
            entries += header["layers"]
            for name, values in maps.items():
                assert (values == decode_atlas(there)[1][name]).all()
        for entry, other in zip(entries, whole, strict=True):
            assert entry | {"offset": 0} == other | {"offset": 0}


def test_only_maps_that_are_missing_are_sent(address: str) -> None:
    with drawer(address) as client:
        sequence = client.replace(SUN)
        assert "inspection" not in client.answer(sequence)
        client.send(type="watch", layers=["stem_convolution"])
        answer = client.answer(sequence)
        assert (answer["layers"], answer["frames"]) == (["stem_convolution"], 1)
        assert "manifest" not in answer
        assert list(decode_atlas(client.frame())[1]) == ["stem_convolution"]
        client.send(type="watch", layers=["stem_convolution", "linear"])
        assert client.answer(sequence)["layers"] == ["linear"]
        assert list(decode_atlas(client.frame())[1]) == ["linear"]
        client.send(type="watch")
        again = client.answer(client.draw())
        assert "inspection" not in again
        assert again["predictions"] == answer["predictions"]


def test_another_model_answers_where_it_is_named(address: str) -> None:
    with drawer(address, model="lenet-5") as client:
        told = posted(address, "predictions", SUN, model="lenet-5")
        answer = client.answer(client.replace(SUN))
        assert {name: answer[name] for name in told} == told


def test_pings_are_answered(address: str) -> None:
    with drawer(address) as client:
        client.send(type="ping", id=7)
        assert client.message() == {"type": "pong", "id": 7}


# What is dropped, and who comes next.


@pytest.fixture
def gated() -> Iterator[tuple[str, Gated, FastAPI]]:
    """A server whose only model waits for a gate, which is open while it starts."""
    module = Gated()
    module.gate.set()

    def load(chosen: Settings) -> Catalog:
        shipped = load_catalog(chosen.default_model, "cpu", chosen.batch_images)  # type: ignore[arg-type]
        return Catalog([replace(shipped.default, module=module)], shipped.default.name)

    application = create_app(Settings(), load=load)
    try:
        with serving(application) as served:
            module.batches.clear()
            yield served, module, application
    finally:
        module.gate.set()


def hold(module: Gated, client: Drawer) -> int:
    """A state that occupies the network until the gate opens."""
    module.gate.clear()
    module.entered.clear()
    sequence = client.replace(SUN)
    assert module.entered.wait(PATIENCE)
    return sequence


def session_states(app: FastAPI) -> list[int]:
    live: Live = app.state.live
    return [seat.session.sequence for seat, _ in list(live._seated.values())]


def test_the_newest_state_wins_and_older_ones_are_dropped(
    gated: tuple[str, Gated, FastAPI],
) -> None:
    served, module, app = gated
    with drawer(served) as client:
        first = hold(module, client)
        for _ in range(20):
            newest = client.draw(DOT, {"change": "undo"})
        until(lambda: session_states(app) == [newest])
        module.gate.set()
        assert client.message()["sequence"] == first
        assert client.message()["sequence"] == newest
        assert module.batches == [1, 1]
        metrics = httpx.get(f"http://{served}/metrics").text
        assert 'doodlescope_live_updates_total{outcome="answered"} 2.0' in metrics
        assert 'doodlescope_live_updates_total{outcome="dropped"} 19.0' in metrics
        assert "doodlescope_live_connections 1.0" in metrics


def test_drawers_share_batches(gated: tuple[str, Gated, FastAPI]) -> None:
    served, module, app = gated
    with drawer(served) as one, drawer(served) as two, drawer(served) as three:
        hold(module, one)
        # One more batch is rendered while the first one runs; whoever comes then shares the next.
        for client in (two, three, one):
            client.replace(HOUSE)
        until(lambda: session_states(app) == [2, 1, 1])
        module.gate.set()
        for client in (one, two, three):
            client.answer(client.sequence)
        assert sum(module.batches) == 4
        assert len(module.batches) <= 3


def test_a_model_that_fails_fails_its_own_answers_only(
    gated: tuple[str, Gated, FastAPI], caplog: pytest.LogCaptureFixture
) -> None:
    served, module, _ = gated
    with drawer(served) as client:
        module.failing = True
        sequence = client.replace(SUN)
        told = client.message()
        assert (told["type"], told["sequence"]) == ("problem", sequence)
        assert told["problem"]["status"] == 500
        assert SECRET not in json.dumps(told)
        module.failing = False
        assert client.answer(client.draw())["predictions"]
    assert caplog.records, "the log has the reason"


# What may not come.

BAD: list[tuple[Any, int, str]] = [
    ("no JSON", 400, ""),
    ("[" * 30 + "]" * 30, 422, ""),
    ({"type": "nothing"}, 422, ""),
    ({"type": "hello"}, 422, "/type"),
    ({"type": "strokes", "sequence": 2, "changes": []}, 409, "/base"),
    ({"type": "strokes", "sequence": 2, "base": 7, "changes": []}, 409, "/base"),
    ({"type": "strokes", "sequence": 1, "base": 1, "changes": []}, 422, "/sequence"),
    ({"type": "strokes", "sequence": True, "base": 1, "changes": []}, 422, "/strokes/sequence"),
    ({"type": "strokes", "sequence": 2, "base": 1, "changes": [{"change": "no"}]}, 422, ""),
    ({"type": "watch", "layers": ["linear", "nowhere"]}, 422, "/layers/1"),
]
BAD_CHANGES: list[tuple[list[dict[str, Any]], str]] = [
    ([{"change": "begin", "x": [1, 2], "y": [1]}], "/changes/0"),
    ([DOT, {"change": "begin", "x": [1], "y": [1e7]}], "/changes/1/y/0"),
    ([{"change": "end"}, {"change": "end"}], "/changes/1"),
    ([{"change": "end"}, {"change": "extend", "x": [1], "y": [1]}], "/changes/1"),
    ([{"change": "clear"}, {"change": "undo"}], "/changes/1"),
    ([{"change": "replace", "drawing": [[[1], [1, 2]]]}], "/changes/0/drawing/0"),
    ([DOT, DOT, DOT], "/changes/2"),
    ([{"change": "begin", "x": [1] * 7, "y": [1] * 7}], "/changes/0"),
    ([{"change": "extend", "x": [1] * 5, "y": [1] * 5}, DOT | {"x": [1] * 6, "y": [1] * 6}], ""),
]


def test_messages_that_are_wrong_change_nothing(address: str) -> None:
    with drawer(address) as client:
        before = client.answer(client.replace(SUN))["predictions"]
        for message, status, pointer in BAD:
            text = message if isinstance(message, str) else json.dumps(message)
            client.connection.send(text)
            told = client.message()
            assert told["type"] == "problem", message
            assert told["problem"]["status"] == status, message
            assert told["problem"].get("pointer", "").endswith(pointer), message
            assert told["problem"]["instance"] == LIVE
        assert client.answer(client.draw())["predictions"] == before


@pytest.mark.parametrize(("changes", "pointer"), BAD_CHANGES)
def test_changes_that_do_not_fit_change_nothing(
    small: str, changes: list[dict[str, Any]], pointer: str
) -> None:
    with drawer(small) as client:
        before = client.answer(client.draw(DOT))["predictions"]
        sequence = client.draw(*changes)
        told = client.message()
        assert (told["type"], told["sequence"]) == ("problem", sequence)
        assert told["problem"]["status"] == 422
        assert told["problem"]["pointer"].startswith(pointer)
        client.sequence = 1
        again = json.dumps({"type": "strokes", "sequence": 9, "base": 1, "changes": []})
        client.connection.send(again)
        assert client.answer(9)["predictions"] == before


def test_a_value_that_is_no_number_is_refused(address: str) -> None:
    with drawer(address) as client:
        client.connection.send(
            '{"type": "strokes", "sequence": 1, "base": 0,'
            ' "changes": [{"change": "begin", "x": [NaN], "y": [1]}]}'
        )
        assert client.message()["problem"]["status"] == 422


@pytest.mark.parametrize(
    "hello",
    [{"model": "nobody"}, {"top_k": 0}, {"top_k": 100_000}, {"resume": "x" * 101}, {"more": 1}],
)
def test_a_hello_that_is_wrong_ends_the_session(address: str, hello: dict[str, Any]) -> None:
    with connected(address) as client:
        assert client.hello(**hello)["problem"]["status"] == 422
        assert client.closed()[0] == route.NO_HELLO


def test_hello_comes_first_and_soon(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with connected(address) as client:
        client.draw(DOT)
        assert client.message()["problem"]["pointer"] == "/type"
        assert client.closed()[0] == route.NO_HELLO
    monkeypatch.setattr(route, "HELLO_SECONDS", 0.1)
    with connected(address) as client:
        assert client.closed() == (route.NOTHING_CAME, "No hello within 0.1 seconds.")


def test_limits_close_with_their_own_codes(small: str) -> None:
    with drawer(small) as client:
        client.connection.send(b"bytes")
        assert client.closed() == (route.UNSUPPORTED, "Messages are text.")
    with drawer(small) as client:
        client.connection.send("x" * 20_001)
        assert client.closed()[0] == route.TOO_BIG
    with drawer(small) as client:
        with suppress(ConnectionClosed):  # it may be while the rest is being sent
            for number in range(100):
                client.send(type="ping", id=number)
        assert client.closed() == (route.TOO_MANY, "More than 4 messages a second.")
    with drawer(small) as client:
        client.answer(client.draw(DOT))
        client.send(type="ping")
        assert client.closed() == (route.NOTHING_CAME, "No strokes for 2 seconds.")


def test_too_many_connections_are_told_to_come_later(small: str) -> None:
    with drawer(small), drawer(small), drawer(small), connected(small) as client:
        assert client.closed() == (
            route.TRY_LATER,
            "Too many live sessions; try again later.",
        )
    with drawer(small) as client:
        assert client.answer(client.draw(DOT))


# Who may.


def refused(address: str, status: int, **options: Any) -> dict[str, Any]:
    with pytest.raises(InvalidStatus) as caught, connected(address, **options):
        pass
    response = caught.value.response
    assert response.status_code == status
    told: dict[str, Any] = json.loads(response.body or b"{}")
    return told


def test_pages_of_other_sites_are_refused(small: str, address: str) -> None:
    for origin in ("https://evil.example", "null", f"http://{small}.evil.example", "http://"):
        assert refused(small, 403, origin=origin)["type"] == "/problems/origin-refused"
    welcome: tuple[str | None, ...] = (f"http://{small}", SITE, None)
    for own in welcome:
        with connected(small, origin=own) as client:
            assert client.hello()["type"] == "ready"
    assert refused(address, 403, origin=SITE)["status"] == 403


def test_keys_hold_for_sockets_too(locked: str) -> None:
    assert refused(locked, 401)["type"] == "/problems/credentials-needed"
    wrong = {"Authorization": "Bearer wrong-0123456789abcdef"}
    assert refused(locked, 401, additional_headers=wrong)["status"] == 401
    signed = httpx.post(f"http://{locked}/sign-in", data={"key": KEY})
    cookie = {"Cookie": f"{COOKIE}={signed.cookies[COOKIE]}"}
    with connected(locked, additional_headers=cookie, origin=f"http://{locked}") as client:
        ready = client.hello()
        assert ready["type"] == "ready"
        client.answer(client.replace(SUN))
    # Another site's page may bring a key, but not the cookie.
    assert refused(locked, 403, additional_headers=cookie, origin=SITE)["status"] == 403
    key = {"X-API-Key": KEY}
    with connected(locked, additional_headers=key, origin=SITE) as client:
        assert not client.hello(resume=ready["session"] + "x")["resumed"]
        # Each answer counts as a request of the key.
        for _ in range(6):
            client.replace(SUN)
            told = client.message()
            if told["type"] == "problem":
                break
        assert told["problem"]["status"] == 429
        assert told["retry_after"] >= 1


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
    monkeypatch.setattr("server.socket_protocol.PING_SECONDS", 0.2)
    application = create_app(Settings())
    with serving(application) as served:
        live: Live = application.state.live
        raw = hand_made(served)
        raw.sendall(masked({"type": "hello"}))
        until(lambda: live.connections == 1)
        # It answers no ping, as a machine would that has lost its network.
        until(lambda: live.connections == 0)
        assert live.lost == 1
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

TOLD = (Path(__file__).parents[2] / "docs" / "live.md").read_text(encoding="utf-8")


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
    assert {name.lower() for name in (*names, "Ping", "Ready", "Pong")} <= told
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
            server.process.send_signal(signal.SIGTERM)
            told = client.message()
            assert told["sequence"] == 2, "what was taken is answered"
            assert client.closed() == (
                route.GOING_AWAY,
                "The server is stopping; connect again.",
            )
        assert server.process.wait(60) in (0, -signal.SIGTERM)
