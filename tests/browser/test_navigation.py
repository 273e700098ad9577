"""Keys, addresses, back and forward: one can go everywhere, and never loses the drawing."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor
from tests.browser.hand import (
    Posted,
    choose_example,
    draw,
    enter_picture,
    example,
    guess,
    settle,
    until,
)
from tests.browser.test_map import open_map, view

pytestmark = pytest.mark.browser

PATH = "/models/doodle-classifier"


def place(page: Page) -> list[float]:
    """The map's scale, and what of it is in the middle of its frame."""
    scale, x, y = view(page)
    box = page.locator(".map-frame").bounding_box()
    assert box is not None
    return [scale, (box["width"] / 2 - x) / scale, (box["height"] / 2 - y) / scale]


def linked_place(page: Page) -> list[float]:
    """The same as the address has it."""
    camera = re.search(r"camera=([-\d.]+),([-\d.]+),([\d.]+)", page.url)
    x, y, scale = map(float, camera.groups()) if camera else (0, 0, 0)
    return [scale, x, y]


def points(posted: Posted) -> list[list[list[float]]]:
    """What was drawn, without the times, of which an address keeps no thousandths of a second."""
    return [stroke[:2] for stroke in posted.drawing]


def current(page: Page) -> str:
    return page.locator(".trail [aria-current]").inner_text()


def test_tab_and_enter_walk_the_layers_and_escape_goes_up(visitor: Visitor) -> None:
    page = open_map(visitor, "#unfolded=stage1")
    choose_example(page, "cat")
    page.locator('.map-item button[tabindex="0"]').focus()
    for name in ("stem_normalisation", "stem_activation", "stage1.convolution1"):
        page.keyboard.press("Tab")
        expect(page.locator(f'[data-item="{name}"] button')).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(page.locator('[data-item="stem_activation"] button')).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".channel").first).to_be_focused()
    assert current(page) == "stem_activation"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator(".microscope .pixel-view")).to_be_focused()
    enter_picture(page)
    for key in ("ArrowRight", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    expect(page.locator(".reading-place")).to_contain_text("row 1, column 1")
    page.keyboard.press("Escape")
    expect(page).not_to_have_url(re.compile("cell="))
    assert current(page) == "channel 1"
    page.keyboard.press("Escape")
    expect(page.locator(".trail [aria-current]")).to_have_text("stem_activation")
    page.keyboard.press("Escape")
    expect(page.locator("#detail")).to_be_hidden()
    expect(page.locator('[data-item="stem_activation"] button')).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Zoom out (−)")).to_be_focused()


def test_the_map_is_moved_and_zoomed_by_keys(visitor: Visitor) -> None:
    page = open_map(visitor)
    before = place(page)
    page.keyboard.press("+")
    assert place(page) == pytest.approx([before[0] * 1.25, before[1], before[2]], rel=0.02)
    page.locator('.map-item button[tabindex="0"]').focus()
    before = place(page)
    page.keyboard.press("Shift+ArrowRight")
    assert place(page)[1] > before[1]
    assert place(page)[2] == pytest.approx(before[2], abs=2)
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("add+0")
    expect(page.get_by_role("searchbox")).to_have_value("add+0")
    assert place(page)[0] == pytest.approx(before[0], rel=0.01), "what is typed steers nothing"


def test_every_key_is_listed_where_it_works(visitor: Visitor) -> None:
    page = open_map(visitor)
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys).to_be_visible()
    titles = keys.locator("h3").all_inner_texts()
    assert {"Anywhere", "On the pad", "On the map"} <= set(titles)
    for words in ("Find a layer", "One level up", "Move the cell", "Open the channel", "Export"):
        expect(keys).to_contain_text(words)
    labels = keys.locator("dd").all_inner_texts()
    assert len(labels) > 25
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    drawing = visitor.open("/#prompt=cat")
    drawing.locator("#keys-button").click()
    titles = drawing.get_by_role("dialog", name="Keys").locator("h3").all_inner_texts()
    assert "On the layers" in titles
    assert "On the map" not in titles, "there is none"


def test_a_link_opens_the_same_place_on_another_machine(visitor: Visitor) -> None:
    page = visitor.open(f"{PATH}#prompt=cat")
    posted = Posted(page)
    draw(page, example("star"))
    guess(page)
    page.locator('[data-item="stage2"] button').click()
    page.locator('[data-item="stage2.activation1"] button').click()
    page.get_by_role("button", name=re.compile(r"^Channel 6\b")).click()
    page.get_by_text("per channel").click()
    enter_picture(page)
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    expect(page).to_have_url(re.compile("cell=2,1"))
    expect(page).to_have_url(re.compile("range=channel"))
    until(page, lambda: linked_place(page) == pytest.approx(place(page), rel=0.02, abs=3))
    expect(page.locator(".reading-value")).to_have_text(re.compile(r"\d"))
    value = page.locator(".reading-value").inner_text()
    link = page.url.removeprefix(visitor.address)
    for name in ("layer", "channel", "cell", "range", "prompt", "unfolded", "camera", "drawing"):
        assert f"{name}=" in link
    other = visitor.open(PATH, viewport={"width": 1200, "height": 1000}, color_scheme="dark")
    again = Posted(other)
    other.goto("about:blank")
    other.goto(visitor.address + link)
    settle(other)
    assert points(again) == points(posted)
    expect(other.locator(".trail [aria-current]")).to_have_text("channel 6")
    expect(other.locator(".reading-value")).to_have_text(value)
    expect(other.locator(".reading-place")).to_contain_text("row 2, column 1")
    expect(other.get_by_role("radio", name="per channel")).to_be_checked()
    expect(other.locator('[data-item="stage2.activation1"]')).to_have_count(1)
    assert place(other) == pytest.approx(place(page), rel=0.02, abs=3)


def test_back_and_forward_restore_the_place_and_never_the_drawing(visitor: Visitor) -> None:
    page = visitor.open(f"{PATH}#prompt=cat")
    posted = Posted(page)
    choose_example(page, "cat")
    page.keyboard.press("+")
    page.locator('[data-item="stage1"] button').click()
    expect(page.locator('[data-item="stage1.convolution1"] button')).to_be_focused()
    before = place(page)
    page.locator('[data-item="stage1.convolution1"] button').click()
    expect(page.locator(".trail [aria-current]")).to_have_text("stage1.convolution1")
    page.get_by_role("button", name=re.compile(r"^Channel 2\b")).click()
    expect(page.locator(".trail [aria-current]")).to_have_text("channel 2")
    draw(page, [[[0, 255], [0, 255]]])
    settle(page)
    drawn = points(posted)
    page.go_back()
    expect(page.locator(".trail [aria-current]")).to_have_text("stage1.convolution1")
    page.go_back()
    expect(page.locator("#detail")).to_be_hidden()
    expect(page.locator('[data-item="stage1.convolution1"]')).to_have_count(1)
    until(page, lambda: place(page) == pytest.approx(before, rel=0.02, abs=3))
    assert place(page) == pytest.approx(before, rel=0.02, abs=3)
    page.go_forward()
    page.go_forward()
    expect(page.locator(".trail [aria-current]")).to_have_text("channel 2")
    page.reload()
    settle(page)
    assert points(posted) == drawn
    expect(page.locator(".trail [aria-current]")).to_have_text("channel 2")


def test_signs_are_no_shortcuts_once_they_are_turned_off(visitor: Visitor) -> None:
    page = visitor.open("/#prompt=cat&layer=stage1.add")
    expect(page.locator(".trail [aria-current]")).to_have_text("stage1.add")
    page.keyboard.press("]")
    expect(page.locator(".trail [aria-current]")).to_have_text("stage1.activation2")
    page.locator("#keys-button").click()
    page.get_by_label("Single letters and signs are shortcuts").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("]")
    page.keyboard.press("e")
    page.wait_for_timeout(200)
    expect(page.locator(".trail [aria-current]")).to_have_text("stage1.activation2")
    expect(page.locator("#export-dialog")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.locator("#detail")).to_be_hidden()
