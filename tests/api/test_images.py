"""Image files of every kind get a prediction, or a problem that says what is wrong."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.support.asgi import Client
from tests.support.drawings import SUN, picture_of
from tests.support.images import file_of
from tests.support.problems import assert_problem

ADDRESS = "/api/v1/predictions"
WHITE = np.full((64, 64), 255, np.uint8)


def label(client: Client, data: bytes, name: str = "picture") -> str:
    """The best guess."""
    response = client.post(ADDRESS, files={"image": (name, data)})
    assert response.status_code == 200, response.text
    first: str = response.json()["predictions"][0]["label"]
    return first


def sun() -> NDArray[np.uint8]:
    return picture_of(SUN)


def with_alpha(colour: int, alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.dstack([np.full((*alpha.shape, 3), colour, np.uint8), alpha])


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF"])
def test_formats(client: Client, format: str) -> None:
    assert label(client, file_of(sun(), format)) == "sun"
    # The name and the declared type do not matter.
    assert label(client, file_of(sun(), format), "doodle.txt") == "sun"


@pytest.mark.parametrize(
    "pixels",
    [
        255 - sun(),
        (sun().astype(int) // 4 + 150).astype(np.uint8),
        np.dstack([sun(), np.full_like(sun(), 255), np.full_like(sun(), 255)]),
        np.dstack([np.full_like(sun(), 255), np.full_like(sun(), 255), sun()]),
        with_alpha(0, 255 - sun()),
        with_alpha(255, 255 - sun()),
        np.dstack([sun(), sun(), sun(), np.full_like(sun(), 255)]),
        np.pad(sun(), ((900, 40), (20, 1500)), constant_values=255),
        picture_of(SUN, width=1),
        picture_of(SUN, width=16),
        picture_of(SUN, side=64, width=2, margin=6),
        picture_of(SUN, side=1400, width=20, margin=300),
    ],
    ids=[
        "inverted", "pale", "cyan on white", "yellow on white", "black on transparent",
        "white on transparent", "opaque alpha", "small in a corner", "thin", "thick", "small",
        "large",
    ],
)  # fmt: skip
def test_pictures_of_a_sun(client: Client, pixels: NDArray[np.uint8]) -> None:
    assert label(client, file_of(pixels)) == "sun"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(client: Client, orientation: int) -> None:
    upright = np.full((200, 300), 255, np.uint8)
    upright[20:60, 30:40] = 0  # a short line at the upper left, a long one below
    upright[150:160, 30:270] = 0
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: np.rot90(upright),
        7: upright[::-1, ::-1].T,
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = file_of(np.ascontiguousarray(stored), "PNG", exif=exif)
    answer = client.post("/api/v1/inspections", files={"image": data}).json()
    plain = client.post("/api/v1/inspections", files={"image": file_of(upright)}).json()
    assert answer["input"]["image"] == plain["input"]["image"]
    preprocessing = answer["input"]["preprocessing"]
    assert (preprocessing["width"], preprocessing["height"]) == (300, 200)
    assert preprocessing["box"] == {"left": 30, "top": 20, "right": 270, "bottom": 160}
    turned = [step for step in preprocessing["steps"] if step["name"] == "rotate"]
    assert len(turned) == (orientation > 1)


def image_modes() -> list[Any]:
    grey = Image.fromarray(sun())
    sixteen = Image.fromarray(sun().astype(np.uint16) * 257)
    palette = Image.fromarray(np.dstack([sun()] * 3)).quantize(8)
    transparent = grey.convert("P")
    transparent.info["transparency"] = 255
    return [
        pytest.param(image, format, id=f"{image.mode} {format}")
        for image, format in [
            (grey.convert("1"), "PNG"),
            (grey.convert("LA"), "PNG"),
            (palette, "GIF"),
            (transparent, "PNG"),
            (sixteen, "PNG"),
            (grey.convert("CMYK"), "JPEG"),
            (grey.convert("RGBA"), "WEBP"),
        ]
    ]


@pytest.mark.parametrize(("image", "format"), image_modes())
def test_colour_modes(client: Client, image: Image.Image, format: str) -> None:
    file = io.BytesIO()
    image.save(file, format)
    assert label(client, file.getvalue()) == "sun"


def test_the_first_frame_of_an_animation(client: Client) -> None:
    file = io.BytesIO()
    frames = [Image.fromarray(WHITE), Image.fromarray(255 - WHITE)]
    Image.fromarray(picture_of(SUN, side=64, width=2, margin=6)).save(
        file, "GIF", save_all=True, append_images=frames
    )
    response = client.post(ADDRESS, files={"image": file.getvalue()})
    answer = response.json()
    assert answer["predictions"][0]["label"] == "sun"
    assert "first of 3 frames" in answer["preprocessing"]["steps"][0]["detail"]


def test_what_has_the_networks_form_stays_as_it_is(client: Client) -> None:
    drawn = client.post("/api/v1/inspections", json={"drawing": SUN}).json()
    pixels = np.array(drawn["input"]["image"], np.uint8)
    seen = client.post("/api/v1/inspections", files={"image": file_of(pixels)}).json()
    assert seen["input"]["image"] == drawn["input"]["image"]
    assert seen["predictions"] == drawn["predictions"]
    assert "keep" in [step["name"] for step in seen["input"]["preprocessing"]["steps"]]


@pytest.mark.parametrize(
    ("data", "status", "says"),
    [
        (b"", 422, "empty"),
        (b"Just some text.\n" * 20, 415, "not a PNG, JPEG, WebP or GIF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "not a PNG"),
        (file_of(sun(), "BMP"), 415, "not a PNG"),
        (file_of(sun(), "TIFF"), 415, "not a PNG"),
        (file_of(sun(), "PNG")[:200], 422, "damaged"),
        (file_of(sun(), "JPEG")[:1500], 422, "damaged"),
        (file_of(sun(), "WEBP")[:300], 422, "damaged"),
        (file_of(sun(), "GIF")[:300], 422, "damaged"),
        (file_of(WHITE), 422, "Nothing is drawn"),
        (file_of(255 - WHITE), 422, "Nothing is drawn"),
        (file_of(WHITE[:1, :1]), 422, "Nothing is drawn"),
        (file_of(with_alpha(0, 0 * WHITE)), 422, "Nothing is drawn"),
        (file_of(with_alpha(128, WHITE)), 422, "Nothing is drawn"),
    ],
    ids=[
        "empty", "text", "SVG", "BMP", "TIFF", "truncated PNG", "truncated JPEG", "truncated WebP",
        "truncated GIF", "white", "black", "one pixel", "transparent", "grey",
    ],
)  # fmt: skip
def test_files_that_cannot_be_used(client: Client, data: bytes, status: int, says: str) -> None:
    for address in (ADDRESS, "/api/v1/inspections"):
        response = client.post(address, files={"image": ("drawing.png", data, "image/png")})
        problem = assert_problem(response, status, "image")
        assert says in problem["detail"]


def test_random_damage_never_breaks_the_server(client: Client) -> None:
    generator = np.random.default_rng(3)
    for format in ("PNG", "JPEG", "WEBP", "GIF"):
        whole = np.frombuffer(file_of(picture_of(SUN, side=80, width=3), format), np.uint8)
        for _ in range(15):
            data = whole.copy()
            places = generator.integers(0, len(data), 8)
            data[places] = generator.integers(0, 256, 8)
            response = client.post(ADDRESS, files={"image": data.tobytes()})
            assert response.status_code in (200, 413, 415, 422), response.text
            if response.status_code != 200:
                assert_problem(response, response.status_code)


def test_noise_gets_an_answer(client: Client) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (90, 70, 3), dtype=np.uint8)
    response = client.post(ADDRESS, files={"image": file_of(noise)})
    assert response.status_code in (200, 422)


@pytest.mark.parametrize(
    ("files", "data", "pointer"),
    [
        ({"other": b"x"}, {}, "other"),
        ({"model": b"x"}, {}, "model"),
        ({"image": file_of(sun())}, {"top_k": "0"}, "top_k"),
        ({"image": file_of(sun())}, {"top_k": "346"}, "top_k"),
        ({"image": file_of(sun())}, {"top_k": "many"}, "top_k"),
        ({"image": file_of(sun())}, {"top_k": "1" * 50}, "top_k"),
        ({"image": file_of(sun())}, {"model": "nobody"}, "model"),
        ({"image": file_of(sun())}, {"colour": "red"}, "colour"),
    ],
)
def test_wrong_fields(
    client: Client, files: dict[str, bytes], data: dict[str, str], pointer: str
) -> None:
    assert_problem(client.post(ADDRESS, files=files, data=data), 422, pointer)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"--x--\r\n", 422),
        (b'--x\r\nContent-Disposition: form-data; name="image"\r\n\r\ntext\r\n--x--\r\n', 422),
        (b"--x\r\nContent-Disposition: form-data\r\n\r\ntext\r\n--x--\r\n", 400),
        (b"not a form at all", 400),
    ],
)
def test_broken_forms(client: Client, body: bytes, status: int) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert_problem(client.post(ADDRESS, content=body, headers=headers), status)


def test_a_form_without_boundary(client: Client) -> None:
    headers = {"Content-Type": "multipart/form-data"}
    assert_problem(client.post(ADDRESS, content=b"x", headers=headers), 400)
