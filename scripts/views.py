"""What the pictures of the documentation show, and what a person does to see it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Locator, Page, expect

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


def opened(*titles: str) -> Callable[[Page], None]:
    """Draw, unfold parts of what is said of a value, and bring the last of them to the top."""

    def show(page: Page) -> None:
        draw(page)
        for title in titles:
            part = page.locator("details", has=page.get_by_role("heading", name=title)).last
            if part.get_attribute("open") is None:
                part.locator("summary").first.click()
            page.wait_for_load_state("networkidle")
        to_top(page, page.get_by_role("heading", name=titles[-1]))

    return show


def to_top(page: Page, part: Locator) -> None:
    """Scroll until a part of the page is near the top."""
    part.evaluate("(element) => element.scrollIntoView({ block: 'start' })")
    page.wait_for_timeout(300)


def heat(page: Page) -> None:
    """Measure how much each pixel counts for a value."""
    draw(page)
    page.get_by_role("button", name="Measure", exact=True).click()
    page.get_by_role("button", name="Hide the heat").wait_for()
    to_top(page, page.locator(".reading"))


def weights(page: Page) -> None:
    """Open a layer with weights, and bring those to the top."""
    draw(page)
    page.get_by_role("heading", name="Weights").first.wait_for()
    to_top(page, page.locator("#detail"))


def compare(page: Page) -> None:
    """A house on both sides, a line through the second, and where the two part."""
    page.get_by_role("button", name="house", exact=True).first.click()
    settle(page)
    page.get_by_role("button", name="Copy A to B").click()
    box = page.locator("#pad-b canvas").first.bounding_box()
    assert box is not None, "the second pad is on the screen"
    page.mouse.move(box["x"] + box["width"] * 0.1, box["y"] + box["height"] * 0.2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] * 0.5, steps=20)
    page.mouse.up()
    settle(page)
    page.get_by_role("button", name="stage2.add").first.click()
    page.get_by_role("button", name="Go to the greatest difference").click()


def two_networks(page: Page) -> None:
    """A cat for both networks."""
    page.get_by_role("button", name="cat", exact=True).first.click()
    settle(page)


def step(times: int) -> Callable[[Page], None]:
    """Bring the animation to the top, and go some steps on."""

    def show(page: Page) -> None:
        page.get_by_role("button", name="Step forward").first.wait_for()
        for _ in range(times):
            page.get_by_role("button", name="Step forward").first.click()
        to_top(page, page.get_by_role("heading", name="How each value comes about"))

    return show


def broken_stack(page: Page) -> None:
    """Change what a layer takes, so that the stack breaks there."""
    number = page.get_by_role("textbox", name="in_channels").nth(1)
    number.fill("8")
    number.press("Enter")
    to_top(page, page.locator("main"))


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


LAYER = "/models/doodle-classifier#layer=stage1.activation2&sort=contribution&prompt=cat"
UNIT = "/models/doodle-classifier#layer=stage2.convolution1&channel=5&cell=3,3&prompt=cat"
TRANSPOSED = (
    "/shapes#layer=ConvTranspose2d&input=1,1,4,4&in_channels=1&out_channels=1"
    "&kernel_size=3&stride=2&padding=1&output_padding=1"
)
DILATED = (
    "/shapes#layer=Conv2d&input=1,1,9,9&in_channels=1&out_channels=1&kernel_size=3&dilation=2"
    "&padding=2&padding_mode=reflect"
)

VIEWS = (
    View("draw-light", "/#prompt=cat", draw),
    View("draw-dark", "/#prompt=cat", draw, colours="dark"),
    View("draw-phone", "/#prompt=cat", draw, 390, 844, 2, touch=True),
    View("models", "/models"),
    View("map", "/models/googlenet#prompt=cat", draw),
    View("map-dark", "/models/resnet#prompt=cat", draw, colours="dark"),
    View("layer", LAYER, draw),
    View("weights", "/models/softmax-regression#layer=linear&prompt=cat", weights),
    View("unit", UNIT, draw),
    View("unit-phone", UNIT, draw, 390, 844, 2, touch=True),
    View("arithmetic", UNIT, opened("How this value came about")),
    View("effective-field", UNIT, heat),
    View("column", f"{UNIT}&study=column", opened("Its field in every layer on the way")),
    View("reach", f"{UNIT}&study=reach&pixel=9,9", opened("What a pixel can change")),
    View("window", f"{UNIT}&study=player", opened("The window, step by step")),
    View("picture", "/models/torchvision-resnet18#sample=ball"),
    View("compare", "/compare", compare),
    View("compare-networks", "/compare#mode=models", two_networks),
    View("shapes", "/shapes"),
    View("shapes-dilated", DILATED, step(4), colours="dark"),
    View("shapes-transposed", TRANSPOSED, step(5)),
    View("stacks", "/shapes/stacks"),
    View("stacks-broken", "/shapes/stacks", broken_stack),
)
