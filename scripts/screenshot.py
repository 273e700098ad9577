"""Write the README's pictures: `make screenshot`.

Starts the real server, draws a cat on the page with the pointer, stroke by stroke, and takes a
picture of what a person would see: in light, in dark, and on a phone.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page

from scripts.chromium import running_chromium
from scripts.started_server import started_server

ROOT = Path(__file__).resolve().parent.parent
DRAWING = ROOT / "docs" / "examples" / "cat.ndjson"
IMAGES = ROOT / "docs" / "images"
# The part of the pad that the drawing fills, and the side of the drawing's own coordinates.
SHARE, SIDE = 0.72, 255
# Milliseconds after the last answer: the page's own animations are shorter.
SETTLE = 1500


@dataclass(frozen=True)
class Screen:
    """A size in CSS pixels, and how the reader likes it."""

    name: str
    width: int
    height: int
    density: float
    colours: Literal["light", "dark"]
    touch: bool = False


SCREENS = (
    Screen("draw-light", 1440, 960, 1.5, "light"),
    Screen("draw-dark", 1440, 960, 1.5, "dark"),
    Screen("draw-phone", 390, 844, 2, "light", touch=True),
)


def draw(page: Page, strokes: list[list[list[float]]]) -> None:
    """Draw strokes on the pad as a hand does: press, move along, lift."""
    box = page.locator("#pad").bounding_box()
    assert box is not None, "the pad is on the screen"
    scale = box["width"] * SHARE / SIDE
    left = box["x"] + box["width"] * (1 - SHARE) / 2
    top = box["y"] + box["height"] * (1 - SHARE) / 2
    for xs, ys in strokes:
        page.mouse.move(left + xs[0] * scale, top + ys[0] * scale)
        page.mouse.down()
        for x, y in zip(xs[1:], ys[1:], strict=True):
            page.mouse.move(left + x * scale, top + y * scale, steps=3)
        page.mouse.up()
    page.mouse.move(0, 0)


def take(browser: Browser, address: str, screen: Screen, strokes: list[list[list[float]]]) -> Path:
    """Draw on a fresh page of this screen, and write its picture."""
    context = browser.new_context(
        viewport={"width": screen.width, "height": screen.height},
        device_scale_factor=screen.density,
        color_scheme=screen.colours,
        has_touch=screen.touch,
        is_mobile=screen.touch,
    )
    page = context.new_page()
    page.goto(f"{address}/#prompt=cat")
    page.wait_for_load_state("networkidle")
    draw(page, strokes)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(SETTLE)
    path = IMAGES / f"{screen.name}.png"
    page.screenshot(path=path)
    context.close()
    return path


def main() -> int:
    """Write every picture."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    strokes = json.loads(DRAWING.read_text(encoding="utf-8"))["drawing"]
    with started_server() as address, running_chromium() as browser:
        for screen in SCREENS:
            print(f"Wrote {take(browser, address, screen, strokes).relative_to(ROOT)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
