"""Answers are packed for other machines where it pays, and unpack to what they were."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterator

import httpx
import pytest

from server.app import create_app
from server.compression import LEAST_BYTES
from server.settings import Settings
from tests.support.asgi import Client, running
from tests.support.drawings import HOUSE

PLAIN = {"Accept-Encoding": "identity"}
PACKED = {"Accept-Encoding": "gzip"}


@pytest.fixture(scope="module")
def packing() -> Iterator[Client]:
    """A client for an application that packs for this machine too."""
    with running(create_app(Settings(compression="always"))) as client:
        yield client


@pytest.fixture(scope="module")
def layer(packing: Client) -> str:
    """Address of a layer's atlas."""
    inspection = packing.post("/api/v1/inspections", json={"drawing": HOUSE}).json()
    return str(inspection["layers"][0]["url"])


@pytest.mark.parametrize(
    "path",
    ["/api/v1/models/doodle-classifier", "/", "/static/js/api/inspections.js", "/metrics", "atlas"],
)
def test_what_packs_well_is_packed(packing: Client, layer: str, path: str) -> None:
    path = layer if path == "atlas" else path
    plain, packed = packing.get(path, headers=PLAIN), packing.get(path, headers=PACKED)
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["vary"]
    assert "Accept-Encoding" in plain.headers["vary"]
    # httpx has unpacked it.
    if path != "/metrics":
        assert packed.content == plain.content
    if "content-length" in packed.headers:
        assert int(packed.headers["content-length"]) < 0.7 * len(plain.content)
    else:
        assert packed.headers.get("transfer-encoding", "chunked") == "chunked"


@pytest.mark.parametrize(
    "path", ["/api/v1/models/doodle-classifier/receptive-field?layer={0}&y=1&x=1", "{1}"]
)
def test_what_a_client_has_is_not_sent_again(packing: Client, layer: str, path: str) -> None:
    name = layer.rsplit("/", 1)[1]
    path = path.format(name, layer)
    tag = packing.get(path, headers=PACKED).headers["etag"]
    again = packing.get(path, headers=PACKED | {"If-None-Match": tag})
    assert again.status_code == 304
    assert "Accept-Encoding" in again.headers["vary"]
    assert packing.get(path, headers=PLAIN | {"If-None-Match": tag}).status_code == 304


def test_tags_of_packed_answers_are_weak(packing: Client, layer: str) -> None:
    strong = packing.get(layer, headers=PLAIN).headers["etag"]
    assert strong.startswith('"')
    assert packing.get(layer, headers=PACKED).headers["etag"] == f"W/{strong}"


def test_what_is_packed_already_or_short_is_left_alone(packing: Client, layer: str) -> None:
    for path in (f"{layer}.png", f"{layer}.npz", "/healthz", "/api/v1/nothing"):
        response = packing.get(path, headers=PACKED)
        assert "content-encoding" not in response.headers
    assert len(packing.get("/healthz").content) < LEAST_BYTES


def test_head_says_what_get_would(packing: Client) -> None:
    path = "/api/v1/models/doodle-classifier"
    told = packing.request("HEAD", path, headers=PACKED)
    given = packing.get(path, headers=PACKED)
    assert told.content == b""
    for name in ("content-encoding", "content-length", "vary", "content-type"):
        assert told.headers[name] == given.headers[name]


@pytest.mark.parametrize(
    ("field", "packed"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("*", True),
        ("gzip; q=1.0", True),
        ("", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("*;q=0", False),
        ("gzip;q=0, *", False),
    ],
)
def test_clients_say_what_they_can_unpack(packing: Client, field: str, packed: bool) -> None:
    response = packing.get("/", headers={"Accept-Encoding": field})
    assert ("content-encoding" in response.headers) is packed


@pytest.mark.parametrize(
    ("setting", "address", "packed"),
    [
        ("auto", "203.0.113.7", True),
        ("auto", "2001:db8::7", True),
        ("auto", "127.0.0.1", False),
        ("auto", "127.8.8.8", False),
        ("auto", "::1", False),
        ("never", "203.0.113.7", False),
        ("always", "127.0.0.1", True),
    ],
)
def test_only_other_machines_get_packed_answers(setting: str, address: str, packed: bool) -> None:
    app = create_app(Settings.model_validate({"compression": setting}))

    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(app, client=(address, 1234))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.get("/static/js/api/inspections.js", headers=PACKED)

    response = asyncio.run(asked())
    assert response.status_code == 200
    assert ("content-encoding" in response.headers) is packed


def test_the_bytes_are_those_of_gzip(packing: Client) -> None:
    async def raw() -> bytes:
        request = packing.asynchronous.stream(
            "GET", "/static/js/api/inspections.js", headers=PACKED
        )
        async with request as response:
            return b"".join([piece async for piece in response.aiter_raw()])

    packed = packing.portal.call(raw)
    assert (
        gzip.decompress(packed)
        == packing.get("/static/js/api/inspections.js", headers=PLAIN).content
    )
