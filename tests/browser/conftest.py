"""A real server, a real Chromium, and pages that must not complain."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from scripts.chromium import running_chromium
from scripts.started_server import started_server
from tests.browser.hand import PATIENCE, Sockets

expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """Where the server answers, such as http://127.0.0.1:40123."""
    with started_server() as started:
        yield started


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with running_chromium() as started:
        yield started


class Visitor:
    """Opens pages, and keeps what they complain about and where they reach out to."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.address = address
        self.complaints: list[str] = []
        self.foreign: list[str] = []
        self.expected: list[str] = []
        self._browser = browser
        self._contexts: list[BrowserContext] = []

    def open(self, path: str = "/", *, expect: str | None = None, **context: Any) -> Page:
        """A page in a context of its own; ``expect`` is a pattern of errors that a test causes."""
        if expect is not None:
            self.expected.append(expect)
        options: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}} | context
        opened = self._browser.new_context(**options)
        self._contexts.append(opened)
        page = opened.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self._left(request.url))
        page.on("websocket", lambda socket: self._left(socket.url.replace("ws", "http", 1)))
        Sockets(page)
        page.goto(self.address + path)
        return page

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not any(
            re.search(pattern, message.text) for pattern in self.expected
        ):
            self.complaints.append(f"{message.type}: {message.text} ({message.location})")

    def _left(self, url: str) -> None:
        if not url.startswith((f"{self.address}/", "data:", f"blob:{self.address}/")):
            self.foreign.append(url)

    def close(self) -> None:
        for context in self._contexts:
            context.close()


@pytest.fixture
def visitor(browser: Browser, address: str) -> Iterator[Visitor]:
    """Fails a test whose pages log an error or a warning, or ask another origin for anything."""
    visiting = Visitor(browser, address)
    yield visiting
    visiting.close()
    assert visiting.complaints == []
    assert visiting.foreign == []


@pytest.fixture
def page(visitor: Visitor) -> Page:
    """The Draw page with a prompt that does not change."""
    return visitor.open("/#prompt=cat")
