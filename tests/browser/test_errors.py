"""The server is down, restarted, full or refuses: the drawing is never lost."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import Visitor
from tests.browser.hand import Posted, choose_example, draw, example, guess, settle, until

pytestmark = pytest.mark.browser

FAILED = "Failed to load resource|WebSocket connection to"


@contextmanager
def server_on(port: int) -> Iterator[None]:
    """The real server on a port, until the block ends."""
    command = [sys.executable, "-m", "server", "serve", "--port", str(port)]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        for _ in range(1200):
            assert process.poll() is None, "the server has ended"
            try:
                if httpx.get(f"http://127.0.0.1:{port}/healthz").is_success:
                    break
            except httpx.TransportError:
                time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(timeout=60)


def test_a_restarted_server_goes_on_with_the_same_drawing(browser: Browser) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    visitor = Visitor(browser, f"http://127.0.0.1:{port}")
    with server_on(port):
        page = visitor.open("/#prompt=cat", expect=FAILED)
        draw(page, example("cat")[:3])
        settle(page)
    draw(page, example("cat")[3:])
    status = page.locator("#server-status")
    expect(status).to_contain_text("does not answer")
    expect(status).to_contain_text("Your drawing is safe")
    with server_on(port):
        page.get_by_role("button", name="Try now").or_(page.locator("#pad")).first.click(trial=True)
        expect(status).to_be_hidden(timeout=60_000)
        assert guess(page) == "cat"
        # The new process keeps nothing of the old one's; a layer opens all the same.
        page.locator('[data-layer="stage1.add"]').click()
        page.locator(".channel").first.click()
        expect(page.locator(".reading-words")).to_contain_text("Channel 0")
    visitor.close()
    assert visitor.complaints == []


def answer_once(page: Page, url: str, status: int, detail: str) -> list[str]:
    """Answer the next request to a URL with a problem, later ones for real; returns those hit."""
    hit: list[str] = []

    def handle(route: Route) -> None:
        if hit:
            route.fallback()
            return
        hit.append(route.request.url)
        problem = {"title": "Problem", "status": status, "detail": detail}
        # Long enough for what the page says meanwhile to be seen.
        route.fulfill(status=status, json=problem, headers={"Retry-After": "3"})

    page.route(url, handle)
    return hit


def test_a_full_server_is_asked_again(visitor: Visitor) -> None:
    page = visitor.open("/#prompt=cat", expect=FAILED)
    hit = answer_once(page, "**/api/v1/inspections", 503, "The queue is full.")
    page.get_by_role("button", name="cat", exact=True).click()
    expect(page.locator("#server-status")).to_contain_text("The queue is full.")
    expect(page.locator("#server-status")).to_be_hidden()
    assert guess(page) == "cat"
    assert len(hit) == 1


def test_a_lost_inspection_is_posted_again(visitor: Visitor) -> None:
    page = visitor.open("/#prompt=cat", expect=FAILED)
    choose_example(page, "cat")
    posted = Posted(page)
    hit = answer_once(page, "**/channels/4", 410, "This inspection is no longer kept.")
    page.locator('[data-layer="stage2.add"]').click()
    page.locator(".channel").nth(4).click()
    expect(page.locator(".reading-words")).to_contain_text("Channel 4")
    assert len(hit) == 1
    assert len(posted.bodies) == 1
    expect(page.locator("#server-status")).to_be_hidden()


def test_lost_maps_are_posted_again(visitor: Visitor) -> None:
    page = visitor.open("/#prompt=cat", expect=FAILED)
    posted = Posted(page)
    hit = answer_once(page, "**/atlas?*", 410, "This inspection is no longer kept.")
    choose_example(page, "cat")
    until(page, lambda: len(posted.bodies) == 2)
    assert len(hit) == 1
    assert len(posted.bodies) == 2
    assert posted.drawings[0] == posted.drawings[1]


def test_what_is_no_image_is_refused_with_the_reason(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.open("/#prompt=cat", expect=FAILED)
    file = tmp_path / "text.png"
    file.write_text("not an image")
    page.set_input_files("#image-file", file)
    status = page.locator("#server-status")
    expect(status).to_be_visible()
    assert "image" in status.inner_text().lower()
    page.get_by_role("button", name="Undo").click()
    expect(status).to_be_hidden()
    choose_example(page, "cat")
    expect(status).to_be_hidden()


def test_a_wrong_file_does_not_lose_the_drawing(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.open("/#prompt=cat", expect=FAILED)
    choose_example(page, "cat")
    file = tmp_path / "text.png"
    file.write_text("not an image")
    page.set_input_files("#image-file", file)
    expect(page.locator("#server-status")).to_be_visible()
    expect(page).not_to_have_url(re.compile("drawing"))
    page.reload()
    assert guess(page) == "cat"


def test_a_page_that_comes_before_its_server_waits_for_it(visitor: Visitor) -> None:
    page = visitor.open("/", expect=FAILED)
    page.route("**/api/v1/**", lambda route: route.abort())
    page.reload()
    expect(page.locator("#network-facts")).to_contain_text("Waiting for the network")
    draw(page, example("cat"))
    expect(page.locator("#server-status")).to_contain_text("Your drawing is safe")
    page.unroute("**/api/v1/**")
    expect(page.locator("#server-status")).to_be_hidden(timeout=30_000)
    assert guess(page) == "cat"


def test_a_broken_link_is_told_and_the_page_works(visitor: Visitor) -> None:
    page = visitor.open("/#drawing=AAAA&layer=nothing&channel=5&cell=1,1")
    expect(page.locator("#toast")).to_contain_text("drawing in the address")
    expect(page.locator("#detail")).to_be_hidden()
    choose_example(page, "cat")
    assert page.locator(".guess-label").inner_text() == "cat"
