"""What a live session refuses: messages, strangers, too much."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from server.app import create_app
from server.authentication import COOKIE
from server.routes import live as route
from server.settings import Settings
from tests.support.drawings import SUN
from tests.support.live import DOT, KEY, SITE
from tests.support.sockets import LIVE, PATIENCE, connected, drawer, serving

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


def test_without_strokes_a_session_is_closed() -> None:
    chosen = Settings(live_idle_seconds=2)
    with serving(create_app(chosen), chosen) as served, drawer(served) as client:
        client.draw(DOT)
        client.send(type="ping")
        assert client.closed() == (route.NOTHING_CAME, "No strokes for 2 seconds.")


def test_too_many_connections_are_told_to_come_later(small: str) -> None:
    with drawer(small), drawer(small), drawer(small), connected(small) as client:
        assert client.closed() == (
            route.TRY_LATER,
            "Too many live sessions; try again later.",
        )
        told = httpx.get(f"http://{small}/metrics", timeout=PATIENCE).text
        assert 'doodlescope_connections_ended_total{reason="live_full"} 1.0' in told
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
    signed = httpx.post(f"http://{locked}/sign-in", data={"key": KEY}, timeout=PATIENCE)
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
