"""The API's pages: each route's example runs as the page fills it in."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Visitor

pytestmark = pytest.mark.browser


def routes(page: Page, kind: str, count: int) -> list[Locator]:
    """The routes of a method, get or post, in the order of the page."""
    found = page.locator(f".opblock-{kind}")
    expect(found).to_have_count(count)
    return found.all()


def executed(route: Locator) -> None:
    """Open a route, run it with what the page has filled in, and see that it succeeds."""
    route.locator(".opblock-summary-control").click()
    route.get_by_role("button", name="Execute").click()
    status = route.locator(".live-responses-table tbody .response-col_status")
    expect(status.first).to_have_text(re.compile(r"^20[01]"))
    route.locator(".opblock-summary-control").click()


def test_every_route_runs_as_the_page_fills_it_in(visitor: Visitor, address: str) -> None:
    paths = httpx.get(f"{address}/api/v1/openapi.json", timeout=60).json()["paths"]
    page = visitor.open("/docs")
    ran = 0
    for kind in ("post", "get"):  # an inspection is posted before it is looked into
        count = sum(kind in operations for operations in paths.values())
        for route in routes(page, kind, count):
            executed(route)
            ran += 1
    assert ran == sum(len(operations) for operations in paths.values())
