"""What the pictures of the documentation show, and what a person does to see it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page, expect

DRAWING = Path(__file__).resolve().parent.parent / "docs" / "examples" / "cat.ndjson"
# The part of the pad that the drawing fills, and the side of the drawing's own coordinates.
SHARE, SIDE = 0.72, 255


def draw(page: Page) -> None:
    """Draw a cat on the pad as a hand does: press, move along, lift."""
    box = page.locator("#pad").bounding_box()
    assert box is not None, "the pad is on the screen"
    scale = box["width"] * SHARE / SIDE
    left = box["x"] + box["width"] * (1 - SHARE) / 2
    top = box["y"] + box["height"] * (1 - SHARE) / 2
    for xs, ys in json.loads(DRAWING.read_text(encoding="utf-8"))["drawing"]:
        page.mouse.move(left + xs[0] * scale, top + ys[0] * scale)
        page.mouse.down()
        for x, y in zip(xs[1:], ys[1:], strict=True):
            page.mouse.move(left + x * scale, top + y * scale, steps=3)
        page.mouse.up()
    page.mouse.move(0, 0)
    settle(page)


def settle(page: Page) -> None:
    """Wait until the newest drawing has been answered and its maps have come."""
    expect(page.locator("#main")).to_have_attribute("aria-busy", "false", timeout=60_000)


def scrolled(selector: str, before: Callable[[Page], None]) -> Callable[[Page], None]:
    """Do something, then bring a part of the page to the top of the screen."""

    def show(page: Page) -> None:
        before(page)
        part = page.locator(selector).first
        part.wait_for()
        part.evaluate("(element) => element.scrollIntoView({ block: 'start' })")

    return show


def nothing(_: Page) -> None:
    """Leave the page as it opens."""


@dataclass(frozen=True)
class View:
    """A picture: its name, the address, the screen in CSS pixels, and what to do there."""

    name: str
    path: str
    prepare: Callable[[Page], None] = nothing
    width: int = 1440
    height: int = 960
    density: float = 1.5
    colours: Literal["light", "dark"] = "light"
    touch: bool = False


LAYER = "/models/doodle-classifier#layer=stage1.activation2"
UNIT = "/models/doodle-classifier#layer=stage2.convolution1&channel=5&cell=3,3"

VIEWS = (
    View("draw-light", "/#prompt=cat", draw),
    View("draw-dark", "/#prompt=cat", draw, colours="dark"),
    View("draw-phone", "/#prompt=cat", draw, 390, 844, 2, touch=True),
    View("map", "/models/googlenet", draw),
    View("layer", LAYER, draw),
    View("unit", UNIT, draw),
    View("unit-phone", UNIT, draw, 390, 844, 2, touch=True),
    View("shapes", "/shapes"),
    View("shapes-dark", "/shapes", colours="dark"),
    View("stacks", "/shapes/stacks"),
    View("models", "/models"),
)
