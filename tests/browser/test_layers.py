"""From the network to a layer, a channel and a cell, and back."""

from __future__ import annotations

import io
import re
from typing import Any

import httpx
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor
from tests.browser.hand import (
    Posted,
    choose_example,
    draw,
    enter_picture,
    example,
    inspect,
    settle,
    until,
    until_painted,
)

pytestmark = pytest.mark.browser

LAYER = "stage1.convolution2"


def activation(address: str, manifest: dict[str, Any], layer: str) -> np.ndarray[Any, Any]:
    """The exact values of a layer, from the API's npz."""
    url = f"{address}/api/v1/inspections/{manifest['id']}/layers/{layer}.npz"
    with np.load(io.BytesIO(httpx.get(url, timeout=60).content)) as arrays:
        values: np.ndarray[Any, Any] = arrays["activation"]
    return values.reshape(values.shape[-3:]) if values.ndim >= 3 else values.reshape(-1)


def open_layer(page: Page, name: str) -> None:
    page.locator(f'[data-layer="{name}"]').click()
    expect(page.locator(".trail [aria-current]")).to_have_text(name)


def shown_value(page: Page) -> float:
    expect(page.locator(".reading-value")).to_have_text(re.compile(r"\d"))
    return float(page.locator(".reading-value").inner_text().replace("−", "-"))


def thumbnail(page: Page, layer: str) -> str:
    """The picture of a layer among the others, once its maps are painted."""
    canvas = f'[data-layer="{layer}"] canvas'
    until_painted(page, canvas)
    data: str = page.locator(canvas).evaluate("it => it.toDataURL()")
    return data


def test_every_layer_of_the_network_is_shown_in_order(page: Page, address: str) -> None:
    choose_example(page, "cat")
    manifest = inspect(address, example("cat"))
    layers = page.locator("[data-layer]")
    names = layers.evaluate_all("all => all.map((each) => each.dataset.layer)")
    assert names == [layer["name"] for layer in manifest["layers"]]
    for layer in manifest["layers"]:
        tile = page.locator(f'[data-layer="{layer["name"]}"]')
        assert tile.locator(".layer-shape").inner_text() == "×".join(
            str(size) for size in layer["shape"][1:]
        )
        shown = tile.locator(".layer-hidden").inner_text()
        assert shown == "" or int(shown) < layer["shape"][1]


def test_the_thumbnails_change_with_the_drawing(page: Page) -> None:
    choose_example(page, "cat")
    cat = thumbnail(page, LAYER)
    choose_example(page, "star")
    until(page, lambda: thumbnail(page, LAYER) != cat)
    assert thumbnail(page, LAYER) != cat
    page.get_by_role("button", name="Undo").click()
    until(page, lambda: thumbnail(page, LAYER) == cat)
    assert thumbnail(page, LAYER) == cat


def test_a_cell_shows_its_exact_value(page: Page, address: str) -> None:
    posted = Posted(page)
    choose_example(page, "cat")
    settle(page)
    values = activation(address, inspect(address, posted.drawing), LAYER)
    channels, height, width = values.shape
    open_layer(page, LAYER)
    expect(page.locator(".channel")).to_have_count(channels)
    page.get_by_role("button", name="Channel 5", exact=True).click()
    view = page.locator(".microscope .pixel-view")
    enter_picture(page)
    box = view.bounding_box()
    assert box is not None
    for row, column in ((0, 0), (3, 9), (height - 1, width - 1)):
        view.hover(
            position={
                "x": (column + 0.5) * box["width"] / width,
                "y": (row + 0.5) * box["height"] / height,
            }
        )
        expect(page.locator(".reading-place")).to_contain_text(f"row {row}, column {column} of")
        assert np.float32(shown_value(page)) == values[5, row, column]


def test_a_layer_can_be_read_by_keys_alone(page: Page, address: str) -> None:
    posted = Posted(page)
    choose_example(page, "cat")
    settle(page)
    values = activation(address, inspect(address, posted.drawing), "stem_convolution")
    page.keyboard.press("l")
    expect(page.locator('[data-layer="stem_convolution"]')).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".channel").first).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    chosen = page.evaluate(
        "[...document.querySelectorAll('.channel')].indexOf(document.activeElement)"
    )
    assert chosen > 1
    spoken = re.compile(f"^Channel {chosen}: ")
    expect(page.locator(":focus")).to_have_attribute("aria-label", spoken)
    page.keyboard.press("Enter")
    expect(page.locator(".microscope .pixel-view")).to_be_focused()
    enter_picture(page)
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    expect(page.locator(".reading-place")).to_contain_text("row 2, column 1")
    assert np.float32(shown_value(page)) == values[chosen, 2, 1]
    page.keyboard.press("]")
    expect(page.locator(".trail [aria-current]")).to_have_text(f"channel {chosen + 1}")
    page.keyboard.press("Escape")
    expect(page.locator(".trail [aria-current]")).to_have_text("stem_convolution")
    page.keyboard.press("Escape")
    expect(page.locator("#detail")).to_be_hidden()
    expect(page.locator('[data-layer="stem_convolution"]')).to_be_focused()


def test_a_vector_shows_every_value_with_its_category(page: Page, address: str) -> None:
    posted = Posted(page)
    choose_example(page, "cat")
    settle(page)
    manifest = inspect(address, posted.drawing)
    logits = activation(address, manifest, "linear")
    open_layer(page, "linear")
    expect(page.locator(".reading-words")).to_contain_text(manifest["predictions"][0]["label"])
    page.get_by_text("Values as a table").click()
    rows = page.locator(".values tbody tr")
    expect(rows).to_have_count(345)
    told = rows.locator("td").all_inner_texts()
    assert np.array_equal(np.array([t.replace("−", "-") for t in told], np.float32), logits)


def test_the_values_are_there_as_a_table(page: Page, address: str) -> None:
    posted = Posted(page)
    draw(page, example("star"))
    settle(page)
    values = activation(address, inspect(address, posted.drawing), "stage3.activation2")
    open_layer(page, "stage3.activation2")
    page.locator(".channel").nth(7).click()
    page.get_by_text("Values as a table").click()
    expect(page.locator(".values td")).to_have_count(values[7].size)
    told = page.locator(".values td").all_inner_texts()
    assert np.array_equal(np.array(told, np.float32), values[7].reshape(-1))


def test_the_open_cell_follows_the_drawing(page: Page, address: str) -> None:
    posted = Posted(page)
    draw(page, example("star"))
    settle(page)
    open_layer(page, LAYER)
    page.locator(".channel").nth(3).click()
    enter_picture(page)
    page.locator(".microscope .pixel-view").click(position={"x": 100, "y": 100})
    before = shown_value(page)
    draw(page, [[[0, 255], [128, 128]]])
    settle(page)
    values = activation(address, inspect(address, posted.drawing), LAYER)
    words = page.locator(".reading-place").inner_text()
    row, column = (int(part.split()[1]) for part in words.split(" of ")[0].split(", "))
    # The values of drawings on the way may come before.
    until(page, lambda: np.float32(shown_value(page)) == values[3, row, column])
    assert np.float32(shown_value(page)) == values[3, row, column]
    assert shown_value(page) != before


def test_a_link_opens_the_same_view(visitor: Visitor) -> None:
    page = visitor.open("/#prompt=cat")
    choose_example(page, "cat")
    settle(page)
    open_layer(page, LAYER)
    page.locator(".channel").nth(9).click()
    enter_picture(page)
    for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    expect(page.locator(".reading-place")).to_contain_text("row 1, column 1")
    expect(page).to_have_url(re.compile("cell=1,1"))
    value = shown_value(page)
    path = page.evaluate("location.pathname + location.hash")
    other = visitor.open(path)
    settle(other)
    expect(other.locator(".trail [aria-current]")).to_have_text("channel 9")
    expect(other.locator(".reading-place")).to_contain_text("row 1, column 1")
    assert shown_value(other) == value
    expect(other.locator("#pad-heading")).to_have_text(page.locator("#pad-heading").inner_text())


def test_back_and_forward_move_between_levels_and_keep_the_drawing(page: Page) -> None:
    posted = Posted(page)
    choose_example(page, "cat")
    open_layer(page, LAYER)
    page.locator(".channel").nth(2).click()
    expect(page.locator(".trail [aria-current]")).to_have_text("channel 2")
    draw(page, [[[0, 255], [0, 255]]])
    settle(page)
    strokes = len(posted.drawing)
    page.go_back()
    expect(page.locator(".trail [aria-current]")).to_have_text(LAYER)
    page.go_back()
    expect(page.locator("#detail")).to_be_hidden()
    page.go_forward()
    expect(page.locator(".trail [aria-current]")).to_have_text(LAYER)
    page.keyboard.press("Control+z")
    settle(page)
    assert len(posted.drawing) == strokes - 1, "what was drawn meanwhile was still there"


def test_the_range_of_the_colours_can_be_each_channels_own(page: Page, address: str) -> None:
    manifest = inspect(address, example("cat"))
    choose_example(page, "cat")
    open_layer(page, LAYER)
    page.locator(".channel").nth(5).click()
    legend = page.locator(".reading .legend")
    layer = next(each for each in manifest["layers"] if each["name"] == LAYER)
    bound = max(-layer["minimum"], layer["maximum"])
    expect(page.locator(".reading-words")).to_contain_text("Channel 5")

    def ends() -> list[float]:
        texts = legend.locator("> span").all_inner_texts()
        return [float(text.replace("−", "-")) for text in texts if text]

    assert ends() == pytest.approx([-bound, bound], rel=0.2), "the example, scaled to the pad"
    of_layer = ends()
    page.get_by_label("per channel").check()
    of_channel = ends()
    assert of_channel[0] == -of_channel[1]
    assert of_channel[1] < of_layer[1]
