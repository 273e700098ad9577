"""Where the server asks for a key, a browser signs in once, and the pages work as ever."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from scripts.started_server import started_server
from tests.browser.conftest import Visitor

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
KEY = "the-key-of-the-classroom"


@pytest.fixture
def locked(browser: Browser) -> Iterator[Visitor]:
    """A visitor of a server that asks for a key."""
    with started_server({"DOODLESCOPE_API_KEYS": f"class-7b:{KEY}"}) as address:
        visiting = Visitor(browser, address)
        yield visiting
        visiting.close()
    assert visiting.complaints == []
    assert visiting.foreign == []


def assert_accessible(page: Page) -> None:
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate("axe.run()")
    assert len(found["passes"]) > 10, "axe has looked"
    assert [each["id"] for each in found["violations"]] == []


def test_signing_in_drawing_and_signing_out(locked: Visitor) -> None:
    page = locked.open("/models", expect="status of 401")
    expect(page).to_have_title("Sign in · doodlescope")
    expect(page.get_by_role("navigation")).to_have_count(0)
    assert_accessible(page)
    field = page.get_by_label("API key")
    expect(field).to_be_focused()
    field.fill("not-the-key-of-the-classroom")
    field.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("This API key is not known here.")
    assert_accessible(page)
    page.get_by_label("API key").fill(KEY)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/models")
    expect(page.get_by_role("navigation").first).to_be_visible()
    page.get_by_role("link", name="Draw").first.click()
    page.wait_for_url(f"{locked.address}/")
    pad = page.locator("#pad").bounding_box()
    assert pad is not None
    page.mouse.move(pad["x"] + 80, pad["y"] + 80)
    page.mouse.down()
    page.mouse.move(pad["x"] + 200, pad["y"] + 200, steps=5)
    page.mouse.up()
    expect(page.locator("#guess-label")).not_to_be_empty()
    page.get_by_role("link", name="Signed in as class-7b: sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are signed in")
    assert_accessible(page)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("API key")).to_be_visible()
    page.goto(f"{locked.address}/models")
    expect(page).to_have_title("Sign in · doodlescope")
