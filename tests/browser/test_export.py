"""Taking away pictures, the map as a vector picture, and tensors."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page, expect

from models import load_model
from tests.browser.conftest import Visitor
from tests.browser.hand import choose_example, over_http, settle

pytestmark = pytest.mark.browser

NAME = "resnet"
SVG = "{http://www.w3.org/2000/svg}"


def open_map(visitor: Visitor, state: str = "", **context: Any) -> Page:
    """The map of ResNet with a cat drawn."""
    page = visitor.open(f"/models/{NAME}#prompt=cat{state}", **context)
    expect(page.locator(".map-item").first).to_be_visible()
    choose_example(page, "cat")
    return page


def saved(page: Page, choice: str) -> tuple[str, bytes]:
    """Choose in the menu; the name and the content of the file."""
    with page.expect_download() as download:
        page.locator(".export").get_by_role("button", name=re.compile(choice)).click()
    file = download.value
    expect(page.locator("#export-status")).to_contain_text(f"Saved {file.suggested_filename}")
    return file.suggested_filename, Path(file.path()).read_bytes()


def nodes(address: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = httpx.get(f"{address}/api/v1/models/{NAME}", timeout=60).json()[
        "nodes"
    ]
    return found


def test_svg_of_the_map_holds_every_item_and_wire(visitor: Visitor, address: str) -> None:
    page = open_map(visitor)
    graph = nodes(address)
    page.get_by_role("button", name="Unfold every module").click()
    expect(page.locator(".map-frame")).to_have_attribute("data-items", str(len(graph)))
    page.get_by_role("button", name="Export pictures").click()
    name, content = saved(page, "as it is folded now")
    assert name == "resnet_map.svg"
    root = ElementTree.fromstring(content)
    assert root.tag == f"{SVG}svg"
    items = [each.get("data-node") for each in root.iter(f"{SVG}g") if each.get("data-node")]
    assert sorted(map(str, items)) == sorted(node["name"] for node in graph)
    wires = {(each.get("data-from"), each.get("data-to")) for each in root.iter(f"{SVG}path")}
    wires.discard((None, None))
    assert wires == {(source, node["name"]) for node in graph for source in node["inputs"]}
    pictures = list(root.iter(f"{SVG}image"))
    assert len(pictures) == len(graph)
    assert all(str(each.get("href")).startswith("data:image/png;base64,") for each in pictures)
    outside = [value for each in root.iter() for value in each.attrib.values() if "http" in value]
    assert outside == [], "it opens everywhere, also offline"
    # Boxes lie within the picture, and no two overlap.
    width, height = float(root.get("width", 0)), float(root.get("height", 0))
    assert width > 2000
    assert height > 100
    page.locator("#export-thumbnails").uncheck()
    _, plain = saved(page, "as it is folded now")
    assert not list(ElementTree.fromstring(plain).iter(f"{SVG}image"))
    assert len(plain) < len(content) / 2


def test_a_channel_is_a_picture_whose_colours_are_its_values(
    visitor: Visitor, address: str
) -> None:
    page = open_map(visitor, "&layer=stage1.0.add&channel=3&cell=9,12", color_scheme="dark")
    expect(page.locator(".reading-value")).to_have_text(re.compile(r"\d"))
    page.keyboard.press("e")
    page.locator("#export-light").check()
    name, content = saved(page, "Channel 3, enlarged")
    assert name == "resnet_stage1.0.add_channel-3.png"
    picture = np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)
    assert picture[2, 2].min() > 240, "the background is light although the page is dark"
    _, arrays = saved(page, "Its output")
    values = np.load(io.BytesIO(arrays))["activation"][0, 3]
    # Twice as sharp: 28 units of margin, then the title, then 720 units of the map.
    left, top, side = 2 * 28, 2 * (28 + 64), 2 * 720 / 28
    strong = np.abs(values) > 0.15 * np.abs(values).max()
    strong[9, 12] = False  # is marked
    assert strong.sum() > 100
    for row, column in np.argwhere(strong):
        red, _, blue = picture[int(top + (row + 0.3) * side), int(left + (column + 0.3) * side)]
        assert (red > blue) == (values[row, column] > 0), (row, column)
    expect(page.locator("html")).not_to_have_attribute("data-theme", "light")


def test_every_view_is_a_picture(visitor: Visitor) -> None:
    page = open_map(visitor, "&layer=stage1.0.add&channel=3&cell=9,12")
    expect(page.locator(".field")).to_be_visible()
    page.keyboard.press("e")
    for choice, part in (
        ("Every channel", "stage1.0.add_channels"),
        ("The map, as seen", "the-map-as-seen"),
        ("receptive field", "stage1.0.add_the-receptive-field"),
        ("open layer, as seen", "stage1.0.add_the-open-layer-as-seen"),
    ):
        name, content = saved(page, choice)
        assert name == f"resnet_{part}.png"
        picture = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
        assert picture.shape[0] > 400
        assert picture.shape[1] > 900
        inner = picture[140:-80, 56:-56]
        assert inner.std() > 4, f"{choice} is empty"


def test_tensors_are_those_of_pytorch(visitor: Visitor) -> None:
    page = open_map(visitor)
    page.keyboard.press("e")
    _, image = saved(page, "The input")
    given = np.load(io.BytesIO(image))
    (tensor,) = [given[name] for name in given.files]
    assert tensor.shape == (1, 1, 28, 28)
    assert tensor.dtype == np.float32
    page.locator("#export-layer").select_option("stage2.0.convolution1")
    name, content = saved(page, "Its weights")
    assert name == "resnet_stage2.0.convolution1-weights.npz"
    weights: NDArray[Any] = np.load(io.BytesIO(content))["stage2.0.convolution1.weight"]
    module = load_model(NAME).module
    assert np.array_equal(weights, module.get_parameter("stage2.0.convolution1.weight").detach())
    page.locator("#export-layer").select_option("linear")
    _, logits = saved(page, "Its output")
    import torch

    with torch.inference_mode():
        expected = module(torch.from_numpy(tensor)).numpy()
    np.testing.assert_allclose(np.load(io.BytesIO(logits))["activation"], expected, atol=2e-4)


def test_the_menu_is_used_with_keys_alone_and_says_what_it_does(visitor: Visitor) -> None:
    page = open_map(visitor)
    page.keyboard.press("e")
    dialog = page.get_by_role("dialog", name="Export")
    expect(dialog).to_be_visible()
    choice = dialog.get_by_role("button", name="The input")
    for _ in range(20):
        if choice.evaluate("it => it === document.activeElement"):
            break
        page.keyboard.press("Tab")
    with page.expect_download():
        page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Saved resnet_input.npz.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Export pictures")).to_be_visible()


def test_a_lost_inspection_is_made_again_for_the_tensor(visitor: Visitor) -> None:
    page = visitor.open(f"/models/{NAME}#prompt=cat", expect="Failed to load resource")
    over_http(page)
    page.reload()
    expect(page.locator(".map-item").first).to_be_visible()
    choose_example(page, "cat")
    lost: list[str] = []

    def lose(route: Any) -> None:
        if lost:
            route.fallback()
            return
        lost.append(route.request.url)
        route.fulfill(status=410, json={"title": "Gone", "status": 410, "detail": "It is gone."})

    page.route("**/input.npz", lose)
    page.keyboard.press("e")
    with page.expect_request(re.compile(r"/inspections$")):
        page.locator(".export").get_by_role("button", name="The input").click()
    expect(page.locator("#export-status")).to_contain_text("choose once more")
    settle(page)
    assert saved(page, "The input")[0] == "resnet_input.npz"


@pytest.mark.parametrize(
    ("path", "titles"),
    [
        (
            "/compare",
            ["The guesses of both", "How far apart the layers are", "The open pair of layers"],
        ),
        ("/shapes", ["The output shape", "The animation, as it stands"]),
        ("/shapes/stacks", ["The stacks"]),
    ],
)
def test_pages_without_a_network_of_their_own_give_pictures_too(
    visitor: Visitor, path: str, titles: list[str]
) -> None:
    page = visitor.open(path)
    expect(page.locator("#main, #calculator").last).to_have_attribute("aria-busy", "false")
    for title in titles:
        expect(page.locator(f'[data-export="{title}"]')).to_be_visible()
    page.get_by_role("button", name="Export pictures").click()
    choices = page.locator("#export-body .export-choice")
    expect(choices.first).to_be_visible()
    assert [title.strip() for title in choices.all_inner_texts()] == titles
    for number in range(len(titles)):
        with page.expect_download() as download:
            choices.nth(number).click()
        picture = Image.open(download.value.path())
        expect(page.locator("#export-status")).to_contain_text(
            f"{picture.width} × {picture.height} pixels"
        )
        assert picture.format == "PNG"
        assert min(picture.size) > 200
        # Something stands in it: it is not of one colour.
        colours = picture.convert("RGB").getcolors(maxcolors=1 << 24)
        assert colours is not None
        assert len(colours) > 20
