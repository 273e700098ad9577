"""Write the pictures of README.md and docs/views.md: `make screenshot`.

    python -m scripts.screenshot [NAME ...]

Starts the real server, does on each page what a person would do, and takes a picture of what is
there to see (scripts/views.py says what). They are written as WebP, which takes a fraction of the
bytes of PNG. With names, only those are written.
"""

import io
import json
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser

from scripts.chromium import running_chromium
from scripts.started_server import started_server
from scripts.views import VIEWS, View

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
# Milliseconds after the last answer: the page's own animations are shorter.
SETTLE = 1500
QUALITY = 82
# A network of images, for the page that takes those.
SERVED = json.dumps([{"model": "torchvision:resnet18"}])


def take(browser: Browser, address: str, view: View) -> Path:
    """Open a fresh page, do what the view says, and write its picture."""
    context = browser.new_context(
        viewport={"width": view.width, "height": view.height},
        device_scale_factor=view.density,
        color_scheme=view.colours,
        has_touch=view.touch,
        is_mobile=view.touch,
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(address + view.path)
    page.wait_for_load_state("networkidle")
    view.prepare(page)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(SETTLE)
    path = IMAGES / f"{view.name}.webp"
    picture = Image.open(io.BytesIO(page.screenshot()))
    picture.convert("RGB").save(path, "WEBP", quality=QUALITY, method=6)
    context.close()
    return path


def main(names: list[str]) -> int:
    """Write every picture, or those named; return the exit status."""
    unknown = set(names) - {view.name for view in VIEWS}
    if unknown:
        print(f"There is no view {', '.join(sorted(unknown))}.", file=sys.stderr)
        return 2
    IMAGES.mkdir(parents=True, exist_ok=True)
    with started_server({"DOODLESCOPE_MODELS": SERVED}) as address, running_chromium() as browser:
        for view in VIEWS:
            if not names or view.name in names:
                print(f"Wrote {take(browser, address, view).relative_to(ROOT)}.", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
