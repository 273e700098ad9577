"""Image files that were made to cost time or memory are refused, or cost little."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator

import pytest
from PIL import Image

from server.app import create_app
from server.services.pictures import SCANS
from server.settings import Settings
from tests.support.asgi import Client, running
from tests.support.drawings import SUN, picture_of
from tests.support.images import PNG_BEGINNING, png_chunk
from tests.support.problems import assert_problem

ADDRESS = "/api/v1/predictions"
LIMITS = Settings(image_seconds=0.02)

GIF_BEGINNING = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
GIF_FRAME = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x4c\x01\x00"


@pytest.fixture(scope="module")
def hasty() -> Iterator[Client]:
    """A client for an application that takes little time for an image."""
    with running(create_app(LIMITS)) as started:
        yield started


def png(*chunks: bytes) -> bytes:
    """A grey PNG of 8x8 with more chunks before its pixels."""
    header = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + bytes(range(8)) for _ in range(8)))
    return b"".join(
        [PNG_BEGINNING, png_chunk(b"IHDR", header), *chunks, png_chunk(b"IDAT", pixels),
         png_chunk(b"IEND", b"")]
    )  # fmt: skip


def jpeg(side: int = 8, **options: bool) -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((side, side)).save(file, "JPEG", **options)
    return file.getvalue()


def jpeg_of_scans(scans: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    data = jpeg(64, progressive=True)
    last = data[data.rindex(b"\xff\xc4", 0, data.rindex(b"\xff\xda")) : -2]
    return data[:-2] + last * (scans - data.count(b"\xff\xda")) + data[-2:]


def jpeg_of_comments() -> bytes:
    data = jpeg()
    return data[:2] + b"\xff\xfe\x00\x02" * 500_000 + data[2:]


SLOW = {
    "PNG of chunks": png(*[png_chunk(b"teSt", b"")] * 300_000),
    "GIF with a comment in single letters": GIF_BEGINNING
    + b"!\xfe"
    + b"\x01a" * 1_000_000
    + b"\0"
    + GIF_FRAME
    + b";",
    "GIF of frames": GIF_BEGINNING + GIF_FRAME * 200_000 + b";",
    "JPEG of comments": jpeg_of_comments(),
}


@pytest.mark.parametrize("name", SLOW)
def test_files_that_take_long_are_given_up(hasty: Client, name: str) -> None:
    problem = assert_problem(hasty.post(ADDRESS, files={"image": SLOW[name]}), 422, "image")
    assert problem["type"] == "/problems/limit-exceeded"
    assert problem["limit"] == LIMITS.image_seconds
    assert "takes longer than" in problem["detail"]


@pytest.mark.parametrize("chunk", [b"zTXt", b"iCCP"])
def test_texts_are_unpacked_within_limits(client: Client, chunk: bytes) -> None:
    bomb = png(png_chunk(chunk, b"name\0\0" + zlib.compress(bytes(50_000_000), 9)))
    problem = assert_problem(client.post(ADDRESS, files={"image": bomb}), 422, "image")
    assert "too large" in problem["detail"]


def test_many_texts_are_unpacked_within_limits(client: Client) -> None:
    text = png_chunk(b"zTXt", b"name\0\0" + zlib.compress(bytes(1_000_000), 9))
    problem = assert_problem(client.post(ADDRESS, files={"image": png(*[text] * 100)}), 422)
    assert "Too much memory" in problem["detail"]


def test_scans_of_a_jpeg_are_counted_before_they_are_decoded(client: Client) -> None:
    most = client.post(ADDRESS, files={"image": jpeg_of_scans(SCANS)})
    assert most.status_code in (200, 422)
    assert "scans" not in most.text
    more = client.post(ADDRESS, files={"image": jpeg_of_scans(SCANS + 1)})
    problem = assert_problem(more, 422, "image")
    assert problem["limit"] == SCANS


@pytest.mark.parametrize("format", ["PNG", "WEBP", "GIF"])
def test_of_an_animation_only_the_first_frame_is_decoded(client: Client, format: str) -> None:
    file = io.BytesIO()
    first = Image.fromarray(picture_of(SUN, side=64, width=2, margin=6)).convert("RGB")
    others = [Image.new("RGB", (64, 64), (n, 0, 0)) for n in range(100)]
    first.save(file, format, save_all=True, append_images=others, lossless=True)
    response = client.post(ADDRESS, files={"image": file.getvalue()})
    answer = response.json()
    assert answer["predictions"][0]["label"] == "sun"
    assert "the first of 101 frames" in answer["preprocessing"]["steps"][0]["detail"]
