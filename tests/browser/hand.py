"""What a person does on the Draw page, and what the page then sends and shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page, Request, expect

ROOT = Path(__file__).resolve().parents[2]
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
            page.mouse.move(x, y, steps=2)
        page.mouse.up()
    page.mouse.move(0, 0)


def settle(page: Page) -> None:
    """Wait until the newest drawing has been answered and its maps have come."""
    expect(page.locator("#main")).to_have_attribute("aria-busy", "false")
    expect(page.locator("#network-facts")).to_contain_text("layers")


def guess(page: Page) -> str:
    """The best guess that the page shows, once it has settled."""
    settle(page)
    return page.locator(".guess-label").inner_text()


def choose_example(page: Page, label: str) -> None:
    page.get_by_role("button", name=label, exact=True).click()
    settle(page)


class Posted:
    """The bodies of inspections that a page asks for, and how many were under way at once."""

    def __init__(self, page: Page) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.most_at_once = 0
        self._open = 0
        page.on("request", self._asked)
        page.on("requestfinished", self._answered)
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

    @property
    def drawing(self) -> Drawing:
        """The drawing that was sent last: strokes of x, y and times."""
        drawing: Drawing = self.bodies[-1]["drawing"]
        return drawing


def inspect(address: str, drawing: Drawing) -> dict[str, Any]:
    """What the API says of a drawing."""
    answer = httpx.post(f"{address}/api/v1/inspections", json={"drawing": drawing}, timeout=60)
    answer.raise_for_status()
    manifest: dict[str, Any] = answer.json()
    return manifest
