"""What a person does on the Draw page, and what the page then sends and shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import httpx
from playwright.sync_api import Page, Request, WebSocket, expect

ROOT = Path(__file__).resolve().parents[2]
# A busy machine is no failure.
PATIENCE = 20_000
Drawing = list[list[list[float]]]


def example(label: str) -> Drawing:
    """One of the shipped example drawings, in a box of about 255."""
    examples = json.loads((ROOT / "static" / "examples.json").read_text("utf-8"))["examples"]
    drawing: Drawing = next(each["drawing"] for each in examples if each["label"] == label)
    return drawing


def on_screen(page: Page, drawing: Drawing, pad: str = "#pad") -> list[list[tuple[float, float]]]:
    """Points of a drawing on the screen, the drawing in the middle of the pad."""
    box = page.locator(pad).bounding_box()
    assert box is not None
    scale = box["width"] * 0.7 / 255
    left, top = box["x"] + box["width"] * 0.15, box["y"] + box["height"] * 0.15
    return [
        [(left + x * scale, top + y * scale) for x, y in zip(xs, ys, strict=True)]
        for xs, ys in drawing
    ]


def draw(page: Page, drawing: Drawing, pad: str = "#pad") -> None:
    """Draw with the mouse: press, move along, lift."""
    for points in on_screen(page, drawing, pad):
        page.mouse.move(*points[0])
        page.mouse.down()
        for x, y in points[1:]:
            page.mouse.move(x, y)
        page.mouse.up()
    page.mouse.move(0, 0)


def until(page: Page, holds: Callable[[], bool]) -> None:
    """Wait for what no locator tells, such as what has been sent; who calls asserts it."""
    end = monotonic() + PATIENCE / 1000
    while not holds() and monotonic() < end:
        page.wait_for_timeout(50)


def settle(page: Page) -> None:
    """Wait until the newest drawing has been answered and its maps have come."""
    expect(page.locator("#main")).to_have_attribute("aria-busy", "false")
    expect(page.locator("#network-facts")).to_contain_text("layers")


def guess(page: Page) -> str:
    """The best guess that the page shows, once it has settled."""
    settle(page)
    return page.locator(".guess-label").inner_text()


def choose_example(page: Page, label: str) -> None:
    # Maps of a network that is not there yet would come later.
    expect(page.locator("#network-facts")).to_contain_text("layers")
    page.get_by_role("button", name=label, exact=True).click()
    settle(page)


def enter_picture(page: Page) -> None:
    """Put the focus into the open channel's picture, once there is one: it takes keys then."""
    expect(page.locator(".reading-place")).not_to_be_empty()
    page.locator(".microscope .pixel-view").focus()


# Of a copy: reading again and again from a canvas itself is warned of.
IS_COLOURED = """(selector) => {
  const canvas = document.querySelector(selector);
  const { width, height } = canvas;
  const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  return new Set(new Uint32Array(copy.getImageData(0, 0, width, height).data.buffer)).size > 5;
}"""


def until_painted(page: Page, canvas: str) -> None:
    """Wait until the canvas that a selector finds shows more than its frame."""
    page.wait_for_function(IS_COLOURED, arg=canvas)


class Sockets:
    """The live sessions that a page opens, and the drawings that it sends over them."""

    _of: ClassVar[WeakKeyDictionary[Page, Sockets]] = WeakKeyDictionary()

    def __init__(self, page: Page) -> None:
        self.opened: list[WebSocket] = []
        self.sent: list[dict[str, Any]] = []
        """Every message of the page."""
        self.told: list[dict[str, Any]] = []
        """Every message of the server that is text."""
        self.frames = 0
        """Every one that is not."""
        self.listeners: list[Callable[[str, dict[str, Any]], None]] = []
        page.on("websocket", self._open)
        self._of[page] = self

    @classmethod
    def of(cls, page: Page) -> Sockets:
        """Those of a page, which are watched since it was opened."""
        return cls._of[page]

    def _open(self, socket: WebSocket) -> None:
        self.opened.append(socket)
        drawing: Drawing = []
        model = {"model": "", "top_k": 0}

        def sent(data: str | bytes) -> None:
            message: dict[str, Any] = json.loads(data)
            self.sent.append(message)
            if message["type"] == "hello":
                model.update({name: message[name] for name in model})
            if message["type"] == "strokes":
                for change in message["changes"]:
                    apply(drawing, change)
                self._tell("asked", model | {"drawing": json.loads(json.dumps(drawing))})

        def told(data: str | bytes) -> None:
            if isinstance(data, bytes):
                self.frames += 1
                return
            message: dict[str, Any] = json.loads(data)
            self.told.append(message)
            if message["type"] == "prediction":
                self._tell("answered", message)

        socket.on("framesent", sent)
        socket.on("framereceived", told)
        socket.on("close", lambda _: self._tell("closed", {}))

    def _tell(self, what: str, message: dict[str, Any]) -> None:
        for listener in self.listeners:
            listener(what, message)


def apply(drawing: Drawing, change: dict[str, Any]) -> None:
    """Change a drawing as a message of a live session says."""
    match change:
        case {"change": "begin", "x": x, "y": y}:
            drawing.append([[*x], [*y]])
        case {"change": "extend", "x": x, "y": y}:
            drawing[-1][0].extend(x)
            drawing[-1][1].extend(y)
        case {"change": "undo"}:
            drawing.pop()
        case {"change": "clear"}:
            drawing.clear()
        case {"change": "replace", "drawing": whole}:
            drawing[:] = [[[*x], [*y]] for x, y in whole]
        case _:
            raise AssertionError(f"no change: {change}")


def over_http(page: Page) -> None:
    """Let no live session through from now on, as some proxies do."""
    page.route_web_socket("**/api/v1/live", lambda socket: socket.close())


class Posted:
    """The inspections that a page asks for, and how many were under way at once.

    Those over a live session are given as the body that asks for the same over HTTP, but that
    strokes have no times.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.bodies: list[dict[str, Any]] = []
        self.most_at_once = 0
        self._open = 0
        Sockets.of(page).listeners.append(self._heard)
        page.on("request", self._asked)
        # What the page does with an answer may be told before the end of its request.
        page.on("response", lambda response: self._answered(response.request))
        page.on("requestfailed", self._answered)

    def _concerns(self, request: Request) -> bool:
        return request.method == "POST" and request.url.endswith("/api/v1/inspections")

    def _asked(self, request: Request) -> None:
        if not self._concerns(request):
            return
        self._open += 1
        self.most_at_once = max(self.most_at_once, self._open)
        if request.headers["content-type"] == "application/json":
            self.bodies.append(json.loads(request.post_data or ""))

    def _answered(self, request: Request) -> None:
        if self._concerns(request):
            self._open -= 1

    def _heard(self, what: str, message: dict[str, Any]) -> None:
        if what == "asked":
            self._open += 1
            self.most_at_once = max(self.most_at_once, self._open)
            self.bodies.append(message)
        else:
            self._open = 0

    @property
    def drawings(self) -> list[Drawing]:
        """The drawings that were sent: strokes of x and y."""
        return [[stroke[:2] for stroke in body["drawing"]] for body in self.bodies]

    @property
    def drawing(self) -> Drawing:
        """The drawing that was sent last."""
        return self.drawings[-1]


def inspect(address: str, drawing: Drawing, **options: Any) -> dict[str, Any]:
    """What the API says of a drawing."""
    body = {"drawing": drawing, **options}
    answer = httpx.post(f"{address}/api/v1/inspections", json=body, timeout=60)
    answer.raise_for_status()
    manifest: dict[str, Any] = answer.json()
    return manifest
