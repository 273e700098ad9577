"""Every limit holds at its edge and just beyond it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from server.app import create_app
from server.settings import Settings
from tests.support.asgi import Client, running
from tests.support.images import bomb, file_of
from tests.support.problems import assert_problem

ADDRESS = "/api/v1/predictions"
JSON = {"Content-Type": "application/json"}

LIMITS = Settings(
    body_bytes=20_000,
    json_bytes=5_000,
    json_depth=6,
    image_bytes=8_000,
    image_pixels=10_000,
    strokes=6,
    stroke_points=8,
    drawing_points=20,
    coordinate=500,
    batch=3,
    top_k=10,
    inspection_bytes=2_000_000,
)


@pytest.fixture(scope="module")
def small() -> Iterator[Client]:
    """A client for an application with tight limits."""
    with running(create_app(LIMITS)) as started:
        yield started


def line(points: int, largest: float = 9) -> list[list[float]]:
    """A stroke of so many points."""
    return [[*np.linspace(0, largest, points)], [*np.linspace(0, 5, points)]]


def padded(size: int) -> bytes:
    """JSON of exactly that many bytes."""
    body = json.dumps({"drawing": [line(3)]}).encode()
    return body + b" " * (size - len(body))


@pytest.mark.parametrize(
    ("allowed", "refused", "pointer", "limit"),
    [
        ({"drawing": [line(2)] * 6}, {"drawing": [line(2)] * 7}, "/drawing", 6),
        ({"drawing": [line(8)]}, {"drawing": [line(2), line(9)]}, "/drawing/1", 8),
        (
            {"drawing": [line(8), line(8), line(4)]},
            {"drawing": [line(8), line(8), line(5)]},
            "/drawing",
            20,
        ),
        ({"drawing": [line(3, 500)]}, {"drawing": [line(3, 500.5)]}, "/drawing/0/0/2", 500),
        ({"drawing": [line(3, -500)]}, {"drawing": [line(3, -501)]}, "/drawing/0/0/2", 500),
        ({"drawing": [line(3)]}, {"drawing": [line(3, 1e308)]}, "/drawing/0/0/1", 500),
        ({"drawing": [line(3)], "top_k": 10}, {"drawing": [line(3)], "top_k": 11}, "/top_k", 10),
        ([[line(3)]] * 3, [[line(3)]] * 4, "", 3),
        ({"drawings": [[line(3)]] * 3}, {"drawings": [[line(3)]] * 4}, "/drawings", 3),
    ],
    ids=[
        "strokes", "points of a stroke", "points", "coordinate", "negative coordinate", "huge",
        "top_k", "list", "batch",
    ],
)  # fmt: skip
def test_drawings(small: Client, allowed: Any, refused: Any, pointer: str, limit: float) -> None:
    assert small.post(ADDRESS, json=allowed).status_code == 200
    problem = assert_problem(small.post(ADDRESS, json=refused), 422, pointer)
    assert problem["type"] == "/problems/limit-exceeded"
    assert problem["limit"] == limit


def test_depth_of_json(small: Client) -> None:
    deep: Any = [line(2)]
    assert small.post(ADDRESS, json=[{"drawing": deep}]).status_code == 200
    for _ in range(3):
        deep = [deep]
    problem = assert_problem(small.post(ADDRESS, json=[{"drawing": deep}]), 422)
    assert problem["limit"] == 6
    # Brackets in text are no nesting.
    text = {"drawing": [line(2)], "model": '[[[[[[[[\\"{{{{{{{{'}
    assert_problem(small.post(ADDRESS, json=text), 422, "/model")


def test_bytes_of_json(small: Client) -> None:
    assert small.post(ADDRESS, content=padded(5_000), headers=JSON).status_code == 200
    problem = assert_problem(small.post(ADDRESS, content=padded(5_001), headers=JSON), 413)
    assert problem["limit"] == 5_000


def test_bytes_of_bodies_by_their_declared_length(small: Client) -> None:
    for size, limit in ((20_000, 5_000), (20_001, 20_000), (45_000, 20_000)):
        problem = assert_problem(small.post(ADDRESS, content=padded(size), headers=JSON), 413)
        assert problem["limit"] == limit
    assert problem["value"] == "45000"


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x"])
def test_bytes_of_bodies_while_they_stream(small: Client, kind: str) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
        while True:
            sent += 1_000
            yield b" " * 1_000

    response = small.post(ADDRESS, content=endless(), headers={"Content-Type": kind})
    assert_problem(response, 413)
    assert sent <= 2 * LIMITS.body_bytes + 2_000


def test_bodies_are_limited_on_routes_that_read_none(small: Client) -> None:
    response = small.request("GET", "/healthz", content=b" " * 20_001)
    assert_problem(response, 413)


def noisy_file(size: int) -> bytes:
    """A PNG of exactly that many bytes: what follows its end is not read."""
    pixels = np.full((50, 50), 255, np.uint8)
    pixels[20:30, 10:40] = 0
    data = file_of(pixels)
    return data + b"\0" * (size - len(data))


def test_bytes_of_images(small: Client) -> None:
    assert small.post(ADDRESS, files={"image": noisy_file(8_000)}).status_code == 200
    response = small.post(ADDRESS, files={"image": noisy_file(8_001)})
    problem = assert_problem(response, 413, "image")
    assert problem["limit"] == 8_000


def test_pixels_of_images(small: Client) -> None:
    pixels = np.full((100, 100), 255, np.uint8)
    pixels[40:60, 20:80] = 0
    assert small.post(ADDRESS, files={"image": file_of(pixels)}).status_code == 200
    wider = np.pad(pixels, ((0, 0), (0, 1)), mode="edge")
    problem = assert_problem(small.post(ADDRESS, files={"image": file_of(wider)}), 413, "image")
    assert problem["limit"] == 10_000
    assert "101x100" in problem["detail"]


@pytest.mark.parametrize("size", [(101, 100), (30_000, 30_000), (2**31 - 1, 2**31 - 1)])
def test_bombs_are_refused_before_they_are_decoded(small: Client, size: tuple[int, int]) -> None:
    # Nothing in the file can be decoded, so that 413 and not 422 shows that nothing was tried.
    problem = assert_problem(small.post(ADDRESS, files={"image": bomb(*size)}), 413, "image")
    assert problem["limit"] == 10_000
    assert problem["detail"].endswith(" pixels; 10000 pixels are allowed.")


def test_forms_have_few_fields(small: Client) -> None:
    files = [("image", noisy_file(1_000)), ("image", noisy_file(1_000))]
    problem = assert_problem(small.post(ADDRESS, files=files), 400)
    assert problem["type"] == "/problems/malformed-body"
    assert "Maximum number of files is 1. It has one file, image" in problem["detail"]
    data = {"model": "m" * 2_000}
    assert_problem(small.post(ADDRESS, files={"image": noisy_file(1_000)}, data=data), 400)


def test_inspections_are_forgotten_when_there_are_too_many(small: Client) -> None:
    first = small.post("/api/v1/inspections", json={"drawing": [line(3)]}).json()
    for number in range(12):
        drawing = {"drawing": [line(3, 10 + number)]}
        assert small.post("/api/v1/inspections", json=drawing).status_code == 201
    url = f"/api/v1/inspections/{first['id']}"
    for address in (url, f"{url}/atlas", first["layers"][0]["url"]):
        assert assert_problem(small.get(address), 410, "id")["value"] == first["id"]
    again = small.post("/api/v1/inspections", json={"drawing": [line(3)]})
    assert again.status_code == 201
    assert again.json() == first
    assert small.get(url).json() == first


def test_an_inspection_larger_than_the_store() -> None:
    with running(create_app(Settings(inspection_bytes=1_000))) as tiny:
        response = tiny.post("/api/v1/inspections", json={"drawing": [line(3)]})
        assert assert_problem(response, 507)["limit"] == 1_000


def test_settings_that_contradict_each_other() -> None:
    with pytest.raises(ValidationError, match="could never be taken"):
        Settings(batch=10, queued_images=9)
    with pytest.raises(ValidationError):
        Settings(strokes=0)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOODLESCOPE_STROKES", "17")
    monkeypatch.setenv("DOODLESCOPE_DEVICE", "cpu")
    assert Settings().strokes == 17
    assert Settings().device == "cpu"
