"""The pages draw over a live session, and over HTTP while there is none."""

from __future__ import annotations

import socket

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Visitor
from tests.browser.hand import (
    Posted,
    Sockets,
    choose_example,
    draw,
    example,
    guess,
    inspect,
    over_http,
    settle,
)
from tests.browser.test_errors import FAILED, server_on

pytestmark = pytest.mark.browser


def until_connected(page: Page) -> Sockets:
    """Draw something, so that the page connects, and wait until it has."""
    sockets = Sockets.of(page)
    choose_example(page, "star")
    for _ in range(300):
        if any(message["type"] == "ready" for message in sockets.told):
            break
        page.wait_for_timeout(100)
    assert sockets.opened, "a live session was opened"
    return sockets


@pytest.mark.parametrize("path", ["/#prompt=cat", "/models/resnet#prompt=cat"])
def test_strokes_and_maps_go_over_a_socket(visitor: Visitor, address: str, path: str) -> None:
    page = visitor.open(path)
    sockets = until_connected(page)
    posted, asked = Posted(page), list[str]()
    page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
    page.get_by_role("button", name="Clear").click()
    draw(page, example("cat"))
    settle(page)
    assert [request for request in asked if request.startswith("POST")] == []
    assert len(sockets.opened) == 1
    assert sockets.frames > 0
    changes = [each for sent in sockets.sent for each in sent.get("changes", [])]
    assert {"begin", "extend"} <= {change["change"] for change in changes}
    drawn = posted.drawing
    assert len(drawn) == len(example("cat"))
    # What the page shows is of the inspection that everything else is asked of.
    model = {"model": "resnet"} if "resnet" in path else {}
    manifest = inspect(address, drawn, **model)
    assert sockets.told[-1]["manifest"]["id"] == manifest["id"]
    assert page.locator(".guess-label").inner_text() == manifest["predictions"][0]["label"]


def test_without_sockets_the_page_draws_over_http(visitor: Visitor) -> None:
    page = visitor.open("/#prompt=cat")
    over_http(page)
    page.reload()
    posted = Posted(page)
    draw(page, example("cat"))
    assert guess(page) == "cat"
    assert len(posted.drawing) == len(example("cat"))
    assert all("top_k" in body for body in posted.bodies)
    assert Sockets.of(page).told == []
    expect(page.locator("#server-status")).to_be_hidden()


def test_a_new_server_gets_the_whole_drawing_over_a_new_socket(browser: Browser) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    visitor = Visitor(browser, f"http://127.0.0.1:{port}")
    with server_on(port):
        page = visitor.open("/#prompt=cat", expect=FAILED)
        sockets = until_connected(page)
        page.get_by_role("button", name="Clear").click()
        draw(page, example("cat")[:2])
        settle(page)
    draw(page, example("cat")[2:4])
    expect(page.locator("#server-status")).to_contain_text("Your drawing is safe")
    with server_on(port):
        expect(page.locator("#server-status")).to_be_hidden(timeout=60_000)
        posted = Posted(page)
        told = len(sockets.told)
        for stroke in example("cat")[4:]:
            draw(page, [stroke])
            settle(page)
        assert guess(page) == "cat"
        assert len(posted.drawing) == len(example("cat"))
        assert len(sockets.opened) >= 2
        ready = [message for message in sockets.told if message["type"] == "ready"][-1]
        assert not ready["resumed"], "the new process knows nothing of the old one's sessions"
        assert len(sockets.told) > told
    visitor.close()
    assert visitor.complaints == []
