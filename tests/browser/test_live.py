"""The pages draw over a live session, and over HTTP while there is none."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect

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
    until,
)
from tests.browser.test_accessibility import violations
from tests.browser.test_errors import FAILED, server_on

pytestmark = pytest.mark.browser


def until_connected(page: Page) -> Sockets:
    """Draw something, so that the page connects, and wait until it has."""
    sockets = Sockets.of(page)
    choose_example(page, "star")
    until(page, lambda: len(readies(sockets)) > 0)
    assert readies(sockets), "a live session was opened"
    return sockets


def readies(sockets: Sockets) -> list[dict[str, Any]]:
    """What the server has said of each session as it began or went on."""
    return [message for message in sockets.told if message["type"] == "ready"]


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
    looked = [message for message in sockets.told if message["type"] == "inspection"]
    assert looked[-1]["manifest"]["id"] == manifest["id"]
    guessed = [message for message in sockets.told if message["type"] == "prediction"]
    assert guessed[-1]["sequence"] == looked[-1]["sequence"]
    assert page.locator(".guess-label").inner_text() == manifest["predictions"][0]["label"]


class Held:
    """The layers that a server sends, held back until they are let go."""

    def __init__(self, page: Page) -> None:
        self.holding = False
        self._held: list[str | bytes] = []
        self._page: WebSocketRoute | None = None
        page.route_web_socket("**/api/v1/live", self._connect)

    def _connect(self, route: WebSocketRoute) -> None:
        self._page = route
        server = route.connect_to_server()
        server.on_message(self._told)

    def _told(self, message: str | bytes) -> None:
        assert self._page is not None
        # Else the page would take a connection that says nothing for lost.
        is_of_layers = isinstance(message, bytes) or '"type":"inspection"' in message
        if self.holding and is_of_layers:
            self._held.append(message)
        else:
            self._page.send(message)

    def let_go(self) -> None:
        assert self._page is not None
        self.holding = False
        for message in self._held:
            self._page.send(message)
        self._held.clear()


def test_guesses_do_not_wait_for_layers_and_the_page_says_that_they_are_newer(
    visitor: Visitor, address: str
) -> None:
    page = visitor.open("/#prompt=cat")
    held = Held(page)
    page.reload()
    until_connected(page)
    page.get_by_role("button", name="Clear").click()
    house = example("house")
    draw(page, house[:1])
    settle(page)
    note = page.locator("#network-behind")
    expect(note).to_be_hidden()
    before = page.locator("#received-view").inner_text()
    posted = Posted(page)
    held.holding = True
    for number, stroke in enumerate(house[1:], 2):
        draw(page, [stroke])
        # Each state is sent and guessed, though the layers of none have come.
        first = page.locator(".guess-row-label").first
        expect(first).to_have_text(best(address, posted, number))
    expect(note).to_be_visible()
    expect(note).to_contain_text("the guess is newer")
    assert page.locator("#main").get_attribute("aria-busy") == "true"
    assert page.locator("#received-view").inner_text() == before, "as the layers are"
    assert violations(page) == []
    held.let_go()
    settle(page)
    expect(note).to_be_hidden()
    assert page.locator("#received-view").inner_text() != before
    expect(first).to_have_text(best(address, posted, len(house)))


def best(address: str, posted: Posted, strokes: int) -> str:
    """The first guess for the drawing with so many strokes, once that was sent."""
    until(posted.page, lambda: bool(posted.bodies) and len(posted.drawing) == strokes)
    label: str = inspect(address, posted.drawing)["predictions"][0]["label"]
    return label


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
        draw(page, example("house")[:2])
        settle(page)
    draw(page, example("house")[2:4])
    expect(page.locator("#server-status")).to_contain_text("Your drawing is safe")
    with server_on(port):
        expect(page.locator("#server-status")).to_be_hidden(timeout=60_000)
        posted = Posted(page)
        told = len(sockets.told)
        for stroke in example("house")[4:]:
            draw(page, [stroke])
            settle(page)
        assert guess(page) == "house"
        assert len(posted.drawing) == len(example("house"))
        until(page, lambda: len(readies(sockets)) >= 2)
        assert len(sockets.opened) >= 2
        assert len(readies(sockets)) >= 2
        ready = readies(sockets)[-1]
        assert not ready["resumed"], "the new process knows nothing of the old one's sessions"
        assert len(sockets.told) > told
    visitor.close()
    assert visitor.complaints == []
