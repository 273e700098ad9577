"""A network of images on its page: opened, dropped, pasted and sample pictures, and the camera."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from safetensors.torch import save_file

from scripts.chromium import find_chromium, launch_arguments
from scripts.started_server import started_server
from tests.browser.conftest import Visitor
from tests.browser.hand import until
from tests.browser.test_accessibility import violations
from tests.support.images import file_of
from tests.support.own_models import seeded, write_package

pytestmark = pytest.mark.browser

LABELS = ("cat", "dog", "sun", "house")
PICTURE = np.random.default_rng(8).integers(0, 256, (60, 100, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with models of our own."""
    folder = write_package(tmp_path_factory.mktemp("own"))
    save_file(seeded(3).state_dict(), folder / "colours.safetensors")
    (folder / "labels.txt").write_text("\n".join(LABELS), encoding="utf-8")
    nets = "own_nets.vision"
    models: list[dict[str, Any]] = [
        {
            "model": f"{nets}:Colours",
            "name": "colours",
            "weights": str(folder / "colours.safetensors"),
            "labels": str(folder / "labels.txt"),
            "input": ["3x32x32"],
            "normalise": "0.5,0.25",
        },
        {"model": f"{nets}:Signal", "name": "signal", "input": ["2x64"]},
        {"model": f"{nets}:Segments", "name": "segments", "input": ["3x24x24"]},
    ]
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH", "")]))
    with started_server({"DOODLESCOPE_MODELS": json.dumps(models), "PYTHONPATH": path}) as address:
        yield address


@pytest.fixture
def visiting(browser: Browser, pictures: str) -> Iterator[Visitor]:
    opened = Visitor(browser, pictures)
    yield opened
    opened.close()
    assert opened.complaints == []
    assert opened.foreign == []


@pytest.fixture(scope="module")
def camera(browser: Browser) -> Iterator[Browser]:
    """A Chromium whose camera is a moving test picture, and is allowed."""
    fake = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with_camera = browser.browser_type.launch(
        executable_path=find_chromium(), args=[*launch_arguments(), *fake]
    )
    yield with_camera
    with_camera.close()


def settled(page: Page) -> None:
    expect(page.locator("#main")).to_have_attribute("aria-busy", "false")
    expect(page.locator("#network-facts")).to_contain_text("layers")


def shares(page: Page) -> dict[str, str]:
    """The guesses as the page shows them."""
    rows = page.locator(".guess-row:visible")
    return {
        rows.nth(n).locator(".guess-row-label").inner_text(): rows.nth(n)
        .locator(".guess-row-share")
        .inner_text()
        for n in range(rows.count())
    }


def pytorch(address: str, data: bytes) -> dict[str, float]:
    """What PyTorch makes of the input that the server prepared from a file."""
    files, form = {"image": data}, {"model": "colours"}
    found = httpx.post(f"{address}/api/v1/inspections", files=files, data=form, timeout=60).json()
    arrays = np.load(io.BytesIO(httpx.get(address + found["input"]["arrays"], timeout=60).content))
    with torch.no_grad():
        logits = seeded(3)(torch.from_numpy(arrays["input"]))[0]
    return dict(zip(LABELS, logits.softmax(0).tolist(), strict=True))


def open_file(page: Page, data: bytes, name: str = "picture.png") -> None:
    page.locator("#image-file").set_input_files(
        {"name": name, "mimeType": "image/png", "buffer": data}
    )


def test_an_opened_picture_gets_pytorchs_guesses(visiting: Visitor) -> None:
    page = visiting.open("/models/colours")
    settled(page)
    with page.expect_response("**/api/v1/inspections"):
        open_file(page, file_of(PICTURE))
    settled(page)
    expected = pytorch(visiting.address, file_of(PICTURE))
    for label, text in shares(page).items():
        shown = float(text.replace("%", "").replace("<", "").strip()) / 100
        assert shown == pytest.approx(expected[label], abs=0.006), label
    page.locator("#received-heading").click()
    expect(page.locator(".image-steps")).to_contain_text("60x60 of its 100x60 pixels")
    expect(page.locator(".image-steps")).to_contain_text("mean 0.5 and deviation 0.25")
    assert violations(page) == []


def test_the_received_picture_tells_its_exact_values(visiting: Visitor) -> None:
    page = visiting.open("/models/colours")
    settled(page)
    with page.expect_response("**/api/v1/inspections") as answer:
        open_file(page, file_of(PICTURE))
    found = answer.value.json()
    settled(page)
    page.locator("#received-heading").click()
    picture = page.locator(".received-image .pixel-view")
    picture.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    address = f"{visiting.address}/api/v1/inspections/{found['id']}/input/pixels/1/1"
    pixel = httpx.get(address, timeout=60).json()
    red, green, blue = pixel["levels"]
    words = page.locator(".received-words")
    expect(words).to_contain_text(f"red {red}, green {green}, blue {blue}")
    png = httpx.get(visiting.address + found["input"]["picture"], timeout=60).content
    shown = Image.open(io.BytesIO(png))
    assert shown.getpixel((1, 1)) == (red, green, blue)


def test_a_dropped_and_a_pasted_picture(visiting: Visitor) -> None:
    page = visiting.open("/models/colours")
    settled(page)
    for how in ("drop", "paste"):
        with page.expect_response("**/api/v1/inspections") as answer:
            page.evaluate(
                """([bytes, how]) => {
                    const data = new DataTransfer();
                    const file = new File([new Uint8Array(bytes)], "a.png", { type: "image/png" });
                    data.items.add(file);
                    const all = { bubbles: true, cancelable: true };
                    const event = how === "drop"
                        ? new DragEvent("drop", { dataTransfer: data, ...all })
                        : new ClipboardEvent("paste", { clipboardData: data, ...all });
                    document.body.dispatchEvent(event);
                }""",
                [list(file_of(PICTURE if how == "drop" else 255 - PICTURE)), how],
            )
        files = {"image": file_of(PICTURE if how == "drop" else 255 - PICTURE)}
        same = httpx.post(
            f"{visiting.address}/api/v1/inspections",
            files=files,
            data={"model": "colours"},
            timeout=60,
        )
        assert answer.value.json()["id"] == same.json()["id"], how
        settled(page)


def test_a_wrong_file_is_said_and_the_next_one_works(visiting: Visitor) -> None:
    page = visiting.open("/models/colours", expect="415")
    settled(page)
    open_file(page, b"Just some text.", "picture.png")
    expect(page.locator("#server-status")).to_contain_text("not a PNG, JPEG, WebP or GIF")
    open_file(page, file_of(PICTURE))
    expect(page.locator("#server-status")).to_be_hidden()
    settled(page)
    expect(page.locator(".guess-best")).to_be_visible()


def test_a_sample_is_in_the_address(visiting: Visitor) -> None:
    page = visiting.open("/models/colours")
    settled(page)
    page.get_by_role("button", name="Ball").click()
    expect(page).to_have_url(f"{visiting.address}/models/colours#sample=ball")
    settled(page)
    guessed = shares(page)
    other = visiting.open("/models/colours#sample=ball")
    settled(other)
    assert shares(other) == guessed
    expect(other.get_by_role("button", name="Ball")).to_have_attribute("aria-pressed", "true")


def test_models_without_pictures_or_guesses_say_so(visiting: Visitor) -> None:
    page = visiting.open("/models/signal")
    settled(page)
    expect(page.locator(".picture-words")).to_have_text("No picture: 2 × 64 values.")
    expect(page.locator(".guess-best")).to_be_visible()
    assert violations(page) == []
    page = visiting.open("/models/segments", color_scheme="dark")
    settled(page)
    expect(page.locator(".guess-silence")).to_contain_text("dictionary of out, aux")
    assert violations(page) == []


def test_the_camera_is_looked_at_until_it_is_stopped(camera: Browser, pictures: str) -> None:
    visiting = Visitor(camera, pictures)
    page = visiting.open("/models/colours")
    settled(page)
    answers: list[int] = []
    page.on(
        "response",
        lambda response: (
            answers.append(response.status) if response.url.endswith("/inspections") else None
        ),
    )
    page.get_by_role("button", name="Camera").click()
    video = page.locator("video")
    expect(video).to_be_visible()
    assert "picture-mirrored" in str(video.get_attribute("class"))
    assert page.evaluate("getComputedStyle(document.querySelector('video')).scale") == "-1 1"
    until(page, lambda: len(answers) >= 3)
    assert len(answers) >= 3
    assert violations(page) == []
    page.keyboard.press("v")
    expect(video).to_have_count(0)
    # The last picture stays, and the device is free again.
    expect(page.locator("img.picture-shown")).to_be_visible()
    settled(page)
    stopped = len(answers)
    page.wait_for_timeout(500)
    assert len(answers) <= stopped + 1
    assert set(answers) <= {200, 201}
    visiting.close()
    assert visiting.complaints == []
    assert visiting.foreign == []


def test_a_camera_that_is_not_to_be_had(visiting: Visitor) -> None:
    page = visiting.open("/models/colours")
    settled(page)
    page.get_by_role("button", name="Camera").click()
    note = page.locator("#picture-note")
    expect(note).to_contain_text("press Camera again")
    assert violations(page) == []
    page.get_by_role("button", name="Ball").click()
    expect(note).to_be_hidden()
    settled(page)
