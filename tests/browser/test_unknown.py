"""The Draw page: nothing is drawn, it is not known yet, or it is not known."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from server.evaluation.scribbles import KINDS, scribbles
from tests.browser.conftest import Visitor
from tests.browser.hand import Drawing, Posted, choose_example, draw, inspect, settle
from tests.browser.test_accessibility import violations

pytestmark = pytest.mark.browser

WRITING = next(kind for kind in KINDS if kind.name == "illegible writing")


@pytest.fixture(scope="module")
def scribble(address: str) -> Drawing:
    """One of which the server says that it is unknown, in a box of 255."""
    drawings: list[Drawing] = []
    for each in scribbles(WRITING, 40):
        box = each.box
        scale = 255 / box.longer_side
        drawings.append(
            [
                [
                    ((stroke[:, 0] - box.left) * scale).tolist(),
                    ((stroke[:, 1] - box.top) * scale).tolist(),
                ]
                for stroke in each.strokes
            ]
        )
    # Of fewer points is drawn sooner.
    drawings.sort(key=lambda drawing: sum(len(xs) for xs, _ in drawing))
    return next(drawing for drawing in drawings if unknown(address, drawing))


def unknown(address: str, drawing: Drawing) -> bool:
    answer: dict[str, Any] = httpx.post(
        f"{address}/api/v1/predictions", json={"drawing": drawing}, timeout=60
    ).json()
    return answer["unknown"] is True


def test_nothing_is_guessed_of_an_empty_pad(page: Page) -> None:
    panel = page.locator("#guess-list")
    expect(panel).to_contain_text("Nothing is drawn yet")
    assert "%" not in panel.inner_text()
    choose_example(page, "cat")
    expect(panel.get_by_text("Nothing is drawn yet")).to_be_hidden()
    page.get_by_role("button", name="Clear").click()
    expect(panel.get_by_text("Nothing is drawn yet")).to_be_visible()
    assert "%" not in panel.inner_text()


def test_a_scribble_is_not_known_yet_and_then_not_known(
    page: Page, address: str, scribble: Drawing
) -> None:
    posted = Posted(page)
    draw(page, scribble)
    label = page.locator(".guess-label")
    expect(label).to_have_text("I don’t know this one")
    settle(page)
    told = inspect(address, posted.drawing)
    assert told["unknown"] is True
    best = told["predictions"][0]
    phrase = page.locator(".guess-phrase")
    expect(phrase).to_contain_text(f"Nearest: {best['label']}")
    expect(page.locator("#announcer")).to_contain_text("I don’t know this one")
    expect(page.locator("#announcer")).to_contain_text(f"Nearest: {best['label']}")
    assert violations(page) == []
    why = page.get_by_role("link", name="How it decides that it does not know")
    why.click()
    expect(page).to_have_url(f"{address}/models/doodle-classifier/card#report-unknown")
    expect(page.locator("#report-unknown")).to_be_in_viewport()


def test_what_is_known_takes_its_place(page: Page, scribble: Drawing) -> None:
    draw(page, scribble)
    expect(page.locator(".guess-label")).to_have_text("I don’t know this one")
    choose_example(page, "cat")
    expect(page.locator(".guess-label")).to_have_text("cat")
    expect(page.get_by_role("link", name="How it decides")).to_be_hidden()
    expect(page.locator(".guess-body")).not_to_have_class("guess-body guess-doubt")


def test_while_the_pen_moves_it_is_not_known_yet(visitor: Visitor, scribble: Drawing) -> None:
    page = visitor.open("/#prompt=cat")
    # As if the pen had just rested: the clock of the page stands.
    page.clock.install(time=0)
    page.clock.pause_at(60)
    draw(page, scribble)
    settle(page)
    # Had it known a stroke of it, that would have been taken back by now.
    page.clock.run_for(700)
    label = page.locator(".guess-label")
    expect(label).to_have_text("Not yet …")
    expect(page.locator(".guess-phrase")).to_contain_text("Nearest: ")
    page.clock.run_for(2_000)
    expect(label).to_have_text("I don’t know this one")
