"""The quick route of predictions answers as the ordinary one does, to the last header.

A parameter of the media type is enough for a request to be passed on.
"""

from __future__ import annotations

import json
import zlib
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from server.app import create_app
from server.doodle.raster import render
from server.doodle.strokes import Drawing
from server.services.quick_predictions import QuickPredictions
from server.settings import Settings
from tests.support.asgi import Client, running
from tests.support.drawings import HOUSE, SUN

ADDRESS = "/api/v1/predictions"
QUICK, ORDINARY = "application/json", "application/json; charset=utf-8"
SUN_BITMAP = render(Drawing.from_lists(SUN)).ravel().tolist()

GOOD: list[Any] = [
    {"drawing": HOUSE},
    {"drawing": SUN, "top_k": 1, "model": "doodle-classifier"},
    {"drawing": SUN, "top_k": 345, "model": None},
    {"drawing": [[[], []], *HOUSE]},
    {"drawing": [[[5], [7]]]},
    {"drawing": [[[0, 5e-324], [0, 0]]]},
    {"drawing": [[x, y, list(range(len(x)))] for x, y in HOUSE]},
    {"bitmap": SUN_BITMAP, "top_k": 3},
    {"top_k": 3, "bitmap": [SUN_BITMAP[row : row + 28] for row in range(0, 784, 28)]},
    {"bitmap": [0] * 784, "top_k": 20},
]
BAD: list[Any] = [
    {},
    [],
    7,
    "x",
    {"drawing": []},
    {"drawing": [[[], []]]},
    {"drawing": [[[0, 1], [0, True]]]},
    {"drawing": [[[0, 1], [0, "1"]]]},
    {"drawing": [[[0, 1], [0]]]},
    {"drawing": [[[0, 1], [0, 1], [0]]]},
    {"drawing": [[[0, 1], [0, 1e7]]]},
    {"drawing": HOUSE, "top_k": 0},
    {"drawing": HOUSE, "top_k": 346},
    {"drawing": HOUSE, "top_k": True},
    {"drawing": HOUSE, "top_k": 2.0},
    {"drawing": HOUSE, "model": "nobody"},
    {"drawing": HOUSE, "model": 5},
    {"drawing": HOUSE, "other": 5},
    {"drawing": HOUSE, "bitmap": SUN_BITMAP},
    {"bitmap": SUN_BITMAP[1:]},
    {"bitmap": [256, *SUN_BITMAP[1:]]},
    {"bitmap": [True, *SUN_BITMAP[1:]]},
]
TEXTS = [
    b"",
    b"{",
    b'{"drawing": [[[0, 1], [0, NaN]]]}',
    b'{"drawing": [[[0, 1], [0, 1e999]]]}',
    b'{"drawing": ' + b"[" * 40 + b"]" * 40 + b"}",
    b'{"bitmap": [' + b"0, " * 783 + b"0],}",
    b'{"bitmap": [' + b"0, " * 783 + b'0], "bitmap": []}',
    b"\xff\xfe",
    json.dumps({"drawing": HOUSE, "model": "\ud800"}).encode(),
]


def repr_of(value: object) -> str:
    """A short name that no other value has."""
    return f"{repr(value)[:30]} {zlib.crc32(repr(value).encode()):x}"


def ask(client: Client, body: bytes, kind: str, **headers: str) -> httpx.Response:
    """One request under an id of its own."""
    fields = {"Content-Type": kind, "X-Request-ID": "same", **headers}
    return client.post(ADDRESS, content=body, headers=fields)


def assert_alike(quick: httpx.Response, ordinary: httpx.Response) -> None:
    """The same status, JSON and headers, but what depends on how numbers are written."""
    assert quick.status_code == ordinary.status_code
    assert quick.json() == ordinary.json()
    lengths = {"content-length"}
    assert {k: v for k, v in quick.headers.items() if k not in lengths} == {
        k: v for k, v in ordinary.headers.items() if k not in lengths
    }


@pytest.mark.parametrize("body", [*GOOD, *BAD], ids=repr_of)
def test_json_is_answered_alike(client: Client, body: Any) -> None:
    text = json.dumps(body).encode()
    assert_alike(ask(client, text, QUICK), ask(client, text, ORDINARY))


@pytest.mark.parametrize("text", TEXTS, ids=repr_of)
def test_text_is_answered_alike(client: Client, text: bytes) -> None:
    assert_alike(ask(client, text, QUICK), ask(client, text, ORDINARY))


def test_what_is_usual_is_read_quickly(client: Client) -> None:
    quick: QuickPredictions = client.app.state.quick
    for body in GOOD:
        assert quick.read(json.dumps(body).encode()) is not None, body
    for body in BAD:
        assert quick.read(json.dumps(body).encode()) is None, body


def test_bodies_in_pieces_and_of_unknown_length(client: Client) -> None:
    text = json.dumps(GOOD[0]).encode()

    async def pieces() -> Any:
        yield text[:9]
        yield text[9:]

    headers = {"Content-Type": QUICK, "X-Request-ID": "same"}
    known = client.post(
        ADDRESS, content=pieces(), headers={**headers, "Content-Length": str(len(text))}
    )
    unknown = client.post(ADDRESS, content=pieces(), headers=headers)
    for response in (known, unknown):
        assert_alike(response, ask(client, text, ORDINARY))


def test_limits_and_settings_hold_for_both() -> None:
    limits = Settings(
        json_bytes=400,
        top_k=4,
        strokes=2,
        compression="always",
        cors_origins=("https://x.example",),
    )
    with running(create_app(limits)) as client:
        for body in ({"drawing": HOUSE}, {"drawing": SUN}, {"bitmap": SUN_BITMAP}, GOOD[4]):
            text = json.dumps(body).encode()
            for headers in ({}, {"Origin": "https://x.example", "Accept-Encoding": "gzip"}):
                quick, ordinary = (ask(client, text, kind, **headers) for kind in (QUICK, ORDINARY))
                assert_alike(quick, ordinary)


def test_keys_and_their_limits_hold() -> None:
    settings = Settings(api_keys=(SecretStr("someone:0123456789abcdef"),), key_requests=2)
    text = json.dumps({"drawing": HOUSE}).encode()
    with running(create_app(settings)) as client:
        key = {"X-API-Key": "0123456789abcdef"}
        assert ask(client, text, QUICK).status_code == 401
        allowed = ask(client, text, QUICK, **key)
        assert allowed.status_code == 200
        assert allowed.headers["ratelimit"].startswith('"minute";r=1;')
        assert ask(client, text, QUICK, **key).status_code == 200
        assert ask(client, text, QUICK, **key).status_code == 429


def test_both_are_counted_as_one_route(client: Client) -> None:
    def count() -> float:
        line = 'doodlescope_requests_total{method="POST",route="/api/v1/predictions",status="200"} '
        text = client.get("/metrics").text
        return next((float(e.removeprefix(line)) for e in text.splitlines() if line in e), 0.0)

    before = count()
    for kind in (QUICK, ORDINARY):
        assert ask(client, json.dumps({"drawing": HOUSE}).encode(), kind).is_success
    assert count() == before + 2
