"""The map of a network: folding, finding, walking, and three clicks to a number."""

from __future__ import annotations

import math
import re

import httpx
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor
from tests.browser.hand import (
    Posted,
    choose_example,
    enter_picture,
    example,
    guess,
    inspect,
    until,
)

pytestmark = pytest.mark.browser

NAME = "doodle-classifier"
PATH = f"/models/{NAME}"


RESTS = """() => new Promise((done) => {
  const world = document.querySelector(".map-world");
  let [before, frames] = ["", 0];
  const look = () => {
    frames = world.style.transform === before ? frames + 1 : 0;
    before = world.style.transform;
    if (frames < 4) requestAnimationFrame(look);
    else done();
  };
  look();
})"""
"""Some frames in which the map does not glide."""


def view(page: Page) -> list[float]:
    """Scale of the map, and where its corner is on the screen, once it rests."""
    page.evaluate(RESTS)
    matrix: dict[str, float] = page.locator(".map-world").evaluate(
        "it => new DOMMatrix(getComputedStyle(it).transform).toJSON()"
    )
    return [matrix["a"], matrix["e"], matrix["f"]]


def expect_items(page: Page, count: int) -> None:
    expect(page.locator(".map-frame")).to_have_attribute("data-items", str(count))


def open_map(visitor: Visitor, fragment: str = "#prompt=cat") -> Page:
    page = visitor.open(PATH + fragment)
    expect(page.locator(".map-item").first).to_be_visible()
    return page


def test_unfolded_map_is_the_graph_of_the_api(visitor: Visitor, address: str) -> None:
    page = open_map(visitor)
    nodes = httpx.get(f"{address}/api/v1/models/{NAME}", timeout=60).json()["nodes"]
    folded = int(page.locator(".map-frame").get_attribute("data-items") or 0)
    expect(page.locator('.map-item[data-item="stage1"]')).to_have_count(1)
    assert folded < len(nodes)
    page.get_by_role("button", name="Unfold every module").click()
    expect_items(page, len(nodes))
    page.get_by_role("button", name="Fold every module", exact=True).click()
    expect_items(page, folded)


def test_folds_are_in_the_link(visitor: Visitor) -> None:
    page = open_map(visitor)
    page.locator('.map-item[data-item="stage2"] button').click()
    expect(page.locator('[data-item="stage2.add"]')).to_have_count(1)
    expect(page).to_have_url(re.compile("unfolded=stage2.*camera="))
    again = visitor.open(page.url.removeprefix(visitor.address))
    expect(again.locator('[data-item="stage2.add"]')).to_have_count(1)
    assert view(again) == pytest.approx(view(page), abs=2)
    again.get_by_role("button", name="stage2", exact=True).click()
    expect(again.locator('[data-item="stage2"]')).to_have_count(1)
    expect(again).not_to_have_url(re.compile("unfolded"))


def test_pointing_at_a_layer_lights_what_feeds_it_and_what_it_feeds(visitor: Visitor) -> None:
    page = open_map(visitor, "#unfolded=stage1")
    page.locator('[data-item="stage1.convolution1"] button').focus()
    for _ in range(8):
        page.keyboard.press("Tab")
    expect(page.locator('[data-item="stage1.add"] button')).to_be_focused()
    lit = page.locator(".map-item[data-lit]")
    expect(lit).to_have_count(3)
    ways = dict(lit.evaluate_all("all => all.map(({dataset}) => [dataset.item, dataset.lit])"))
    assert ways == {
        "stage1.normalisation2": "in",
        "stage1.shortcut_normalisation": "in",
        "stage1.activation2": "out",
    }


def test_finding_unfolds_what_holds_the_layer(visitor: Visitor) -> None:
    page = open_map(visitor)
    search = page.get_by_role("searchbox")
    search.fill("shortcut_conv")
    expect(page.locator(".map-found")).to_have_text("3 found")
    expect(page.locator(".map-item[data-found]")).to_have_count(3)
    search.press("Enter")
    expect(page.locator('[data-item="stage1.shortcut_convolution"]')).to_be_visible()
    search.fill("nothing of the kind")
    expect(page.locator(".map-found")).to_have_text("none found")
    search.press("Escape")
    expect(page.locator(".map-item[data-found]")).to_have_count(0)


def test_three_clicks_from_a_drawing_to_a_number(visitor: Visitor, address: str) -> None:
    page = open_map(visitor)
    posted = Posted(page)
    choose_example(page, "cat")
    assert guess(page) == "cat"
    page.locator('[data-item="stem_convolution"] button').click()
    expect(page.locator(".trail [aria-current]")).to_have_text("stem_convolution")
    page.locator(".channel").nth(3).click()
    expect(page.locator(".trail [aria-current]")).to_contain_text("channel 3")
    enter_picture(page)
    page.keyboard.press("ArrowRight")
    value = page.locator(".reading-value")
    expect(value).to_have_text(re.compile(r"\d"))
    page.wait_for_function("() => location.hash.includes('cell=')")
    cell = re.search(r"cell=(\d+),(\d+)", page.evaluate("() => location.href"))
    assert cell is not None
    row, column = cell.groups()
    shown = float(value.inner_text().replace("−", "-"))
    manifest = inspect(address, posted.drawing)
    path = f"/api/v1/inspections/{manifest['id']}/layers/stem_convolution/units/3/{row}/{column}"
    unit = httpx.get(address + path, timeout=60).json()["value"]
    assert np.float32(shown) == np.float32(unit)


def test_map_is_walked_with_the_keyboard(visitor: Visitor) -> None:
    page = open_map(visitor)
    page.locator('.map-item button[tabindex="0"]').focus()
    page.keyboard.press("End")
    expect(page.locator('[data-item="linear"] button')).to_be_focused()
    page.keyboard.press("Home")
    expect(page.locator('[data-item="stem_convolution"] button')).to_be_focused()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(page.locator('[data-item="stage1"] button')).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator('[data-item="stage1.convolution1"] button')).to_be_focused()
    page.keyboard.press("Backspace")
    expect(page.locator('[data-item="stage1"] button')).to_be_focused()


def test_zooming_out_stops_fetching_specks_and_fitting_shows_all(visitor: Visitor) -> None:
    page = open_map(visitor)
    frame = page.locator(".map-frame").bounding_box()
    assert frame is not None
    page.get_by_role("button", name="The whole network (0)").click()
    expect(page.locator(".map-mini")).to_be_hidden()
    whole = view(page)[0]
    page.mouse.move(frame["x"] + 400, frame["y"] + 200)
    page.mouse.wheel(0, -800)
    nearer = pytest.approx(min(4, whole * math.exp(2)), rel=0.01)
    until(page, lambda: view(page)[0] == nearer)
    assert view(page)[0] == nearer
    expect(page.locator(".map-mini")).to_be_visible()


def test_networks_are_listed_with_links_to_their_maps(visitor: Visitor, address: str) -> None:
    page = visitor.open("/models")
    models = httpx.get(f"{address}/api/v1/models", timeout=60).json()["models"]
    links = page.locator(".model-card h2 a")
    assert links.evaluate_all("all => all.map((each) => each.getAttribute('href'))") == [
        f"/models/{model['name']}" for model in models
    ]
    page.get_by_role("link", name="Doodle classifier", exact=True).click()
    expect(page.locator(".map-item").first).to_be_visible()


def test_unknown_network_is_said_to_be_unknown(visitor: Visitor) -> None:
    page = visitor.open("/models/unheard-of", expect="404")
    expect(page.locator("main")).to_contain_text("no model of that name")


def test_map_works_on_a_phone(visitor: Visitor) -> None:
    page = visitor.open(PATH, viewport={"width": 390, "height": 844}, has_touch=True)
    expect(page.locator(".map-item").first).to_be_visible()
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    manifest = inspect(visitor.address, example("star"))
    assert manifest["predictions"][0]["label"] == "star"
    choose_example(page, "star")
