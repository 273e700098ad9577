"""A link opens the studies of a value as they were when it was copied."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor
from tests.browser.hand import choose_example, enter_picture, settle
from tests.browser.test_microscope import open_unit

pytestmark = pytest.mark.browser

STUDIES = ("player", "column", "reach")


def link(page: Page, *parts: str) -> str:
    """The page's path and fragment, once they have all these parts."""
    holds = "(parts) => parts.every((part) => location.hash.includes(part))"
    page.wait_for_function(holds, arg=list(parts))
    address: str = page.evaluate("location.pathname + location.hash")
    return address


def seen(page: Page) -> dict[str, object]:
    """What the studies say."""
    expect(page.locator(".reading-value")).to_have_text(re.compile(r"\d"))
    expect(page.locator(".study-column")).not_to_have_attribute("data-busy", "")
    expect(page.locator(".heat-words")).to_contain_text("of the field has")
    expect(page.locator(".heat")).to_have_attribute("aria-busy", "false")
    expect(page.locator(".reach-words")).to_contain_text("The pixel at row 9, column 12")
    expect(page.locator(".column-tile").first).to_be_visible()
    texts = (".reading-value", ".reading-place", ".player-place", ".player-sums", ".heat-words")
    found: dict[str, object] = {it: page.locator(it).inner_text() for it in texts}
    found["reach"] = page.locator(".reach-words").inner_text()
    found["column"] = page.locator(".column-tile").all_inner_texts()
    found["channel"] = page.locator(".player-input input").input_value()
    return found


def test_a_link_opens_the_same_studies(visitor: Visitor) -> None:
    page = visitor.open("/#prompt=cat")
    choose_example(page, "cat")
    open_unit(page, "stage1.convolution2", 5, (4, 6))
    page.locator(".arithmetic summary").first.click()
    for name in STUDIES:
        page.locator(f".study-{name} > summary").click()
    expect(page.locator(".player-place")).to_contain_text("row 4, column 6 ")
    page.locator(".player-input input").fill("7")
    page.locator(".player-input input").press("Enter")
    expect(page.locator(".player figcaption").first).to_contain_text("channel 7")
    page.locator(".player").focus()
    for key in ("ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    expect(page.locator(".player-place")).to_contain_text("row 5, column 7 ")
    picture = page.locator(".reach-picture .pixel-view")
    box = picture.bounding_box()
    assert box is not None
    side = box["width"] / 28
    picture.click(position={"x": 12.5 * side, "y": 9.5 * side})
    page.locator(".heat").get_by_label("Averaged over what").select_option("noise")
    page.locator(".heat").get_by_role("button", name="Measure").click()
    before = seen(page)
    address = link(page, "study=player~column~reach", "step=77", "source=7", "heat=noise", "pixel=")

    other = visitor.open(address)
    settle(other)
    expect(other.locator(".player figcaption").first).to_contain_text("channel 7")
    assert seen(other) == before
    expect(other.locator(".arithmetic")).not_to_have_attribute("open", "")
    # Another layer has another window; "back" is where it was.
    other.get_by_role("button", name="After", exact=True).click()
    other.go_back()
    expect(other.locator(".player-place")).to_contain_text("row 5, column 7 ")
    assert seen(other)["channel"] == "7"


def test_a_link_without_studies_opens_the_usual_ones(visitor: Visitor) -> None:
    page = visitor.open("/#prompt=cat")
    choose_example(page, "cat")
    open_unit(page, "stage1.convolution2", 5, (4, 6))
    plain = page.evaluate("location.hash")
    page.locator(".study-column > summary").click()
    address = link(page, "study=arithmetic~column")
    # Who goes on looking finds open what was left open; a link says for itself what is open.
    page.goto("about:blank")
    page.goto(visitor.address + "/")
    settle(page)
    page.locator('[data-layer="stage1.convolution2"]').click()
    page.locator('[data-channel="5"]').click()
    enter_picture(page)
    page.locator(".microscope .pixel-view").click()
    expect(page.locator(".study-column")).to_have_attribute("open", "")
    page.goto("about:blank")
    page.goto(f"{visitor.address}/{plain}")
    settle(page)
    expect(page.locator(".arithmetic")).to_have_attribute("open", "")
    expect(page.locator(".study-column")).not_to_have_attribute("open", "")
    page.goto("about:blank")
    page.goto(visitor.address + address)
    expect(page.locator(".study-column")).to_have_attribute("open", "")
