"""On the map, with a value under the microscope: what is lost comes back by itself."""

from __future__ import annotations

import re
import socket

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Visitor
from tests.browser.hand import (
    Posted,
    choose_example,
    draw,
    enter_picture,
    example,
    settle,
    until,
    until_painted,
)
from tests.browser.test_errors import FAILED, answer_once, server_on
from tests.browser.test_map import view
from tests.browser.test_microscope import told

pytestmark = pytest.mark.browser

OPEN = "/models/resnet#prompt=cat&unfolded=stem~stage1~stage1.0&layer=stage1.0.add&channel=3"


def expect_unit(page: Page, row: int, column: int) -> dict[str, str]:
    """Value, field and arithmetic of the cell are on the page."""
    expect(page.locator(".reading-place")).to_contain_text(f"row {row}, column {column} of")
    expect(page.locator(".reading-value")).to_have_text(re.compile(r"\d"), timeout=30_000)
    expect(page.locator(".field-words")).to_contain_text("Rows", timeout=30_000)
    return told(page, f"channel 3, row {row}, column {column}")


def test_a_restarted_server_gives_the_open_value_again(browser: Browser) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    visitor = Visitor(browser, f"http://127.0.0.1:{port}")
    with server_on(port):
        page = visitor.open(f"{OPEN}&cell=9,12", expect=FAILED)
        posted = Posted(page)
        # At once: the numbers of drawings on the way would come before its own.
        choose_example(page, "cat")
        before = expect_unit(page, 9, 12)
        drawing = posted.drawing
    status = page.locator("#server-status")
    enter_picture(page)
    page.keyboard.press("ArrowRight")
    expect(status).to_contain_text("does not answer")
    expect(status).to_contain_text("Your drawing is safe")
    expect(page.locator(".reading-value")).to_have_text(re.compile(r"\d"))
    with server_on(port):
        expect(status).to_be_hidden(timeout=60_000)
        after = expect_unit(page, 9, 13)
        assert after != before
        page.keyboard.press("ArrowLeft")
        assert expect_unit(page, 9, 12) == before
        assert posted.drawing == drawing
        # Another layer of the new process, whose maps nobody has fetched yet.
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
        page.keyboard.press("]")
        expect(page.locator(".trail [aria-current]")).to_have_text("stage1.0.activation2")
    visitor.close()
    assert visitor.complaints == []


def test_a_dropped_connection_is_told_and_mended(visitor: Visitor) -> None:
    page = visitor.open(f"{OPEN}&cell=9,12", expect=FAILED)
    posted = Posted(page)
    choose_example(page, "cat")
    expect_unit(page, 9, 12)
    page.context.set_offline(True)
    draw(page, [[[0, 255], [255, 0]]])
    status = page.locator("#server-status")
    expect(status).to_contain_text("Your drawing is safe")
    expect(page.locator(".map-item").first).to_be_visible()
    page.context.set_offline(False)
    expect(status).to_be_hidden(timeout=30_000)
    settle(page)
    assert len(posted.drawing) == len(example("cat")) + 1, "what was drawn meanwhile is there"
    expect_unit(page, 9, 12)


def test_an_inspection_that_is_lost_while_one_looks_about_is_made_again(
    visitor: Visitor,
) -> None:
    page = visitor.open("/models/resnet#prompt=cat", expect=FAILED)
    choose_example(page, "cat")
    posted = Posted(page)
    hit = answer_once(page, "**/atlas?*", 410, "This inspection is no longer kept.")
    page.keyboard.press("End")
    page.locator('.map-item button[tabindex="0"]').focus()
    page.keyboard.press("End")
    expect(page.locator('[data-item="linear"] button')).to_be_focused()
    until(page, lambda: bool(hit and posted.bodies))
    settle(page)
    assert len(hit) == 1
    assert len(posted.bodies) == 1
    until_painted(page, '[data-item="linear"] canvas')
    expect(page.locator("#server-status")).to_be_hidden()


def test_a_lost_value_under_the_microscope_is_made_again(visitor: Visitor) -> None:
    page = visitor.open(f"{OPEN}&cell=9,12", expect=FAILED)
    choose_example(page, "cat")
    before = expect_unit(page, 9, 12)
    posted = Posted(page)
    hit = answer_once(page, "**/arithmetic*", 410, "This inspection is no longer kept.")
    enter_picture(page)
    page.keyboard.press("ArrowRight")
    assert expect_unit(page, 9, 13) != before
    assert len(hit) == 1
    assert len(posted.bodies) == 1


def test_maps_are_asked_for_only_where_they_are_seen(visitor: Visitor) -> None:
    page = visitor.open("/models/resnet#prompt=cat")
    expect(page.locator(".map-item").first).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.extend(re.findall(r"layer=([^&]+)", request.url)))
    choose_example(page, "cat")
    until(page, lambda: "stem.convolution" in asked)
    page.wait_for_timeout(300)
    assert "stem.convolution" in asked
    assert "linear" not in asked, "it is beyond the frame"
    page.get_by_role("button", name="Unfold every module").click()
    expect(page.locator(".map-frame")).to_have_attribute("data-items", "56")
    page.keyboard.press("0")
    view(page)
    asked.clear()
    page.get_by_role("button", name="star", exact=True).click()
    settle(page)
    page.wait_for_timeout(300)
    assert asked == [], "as specks nothing could be seen of them"
