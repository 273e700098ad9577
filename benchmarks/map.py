"""How smooth the map of a large network is: ResNet-152, with every module unfolded.

A real server and a real Chromium, in which a mouse pans, drags, zooms and points. Frames are
counted by their own times (requestAnimationFrame), long tasks are Chromium's (PerformanceObserver);
the browser shares the processors with the server, as on a reader's machine.

    python -m benchmarks.map
    python -m benchmarks.map --model torchvision:resnet50 --json
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import httpx
from playwright.sync_api import Page
from rich.console import Console
from rich.table import Table

from scripts.chromium import running_chromium
from scripts.started_server import started_server

MODEL = "torchvision:resnet152"
MEMORY = 1_500_000_000
"""Bytes that the server may keep: one pass of ResNet-152 takes 320 million."""

LONG_TASK = 50.0
"""Milliseconds of the main thread that no task may take; Chromium reports no shorter ones."""
LAYOUT = 2.0
"""Seconds from the click on "Unfold every module" to the map."""
ELEMENTS = 1500
"""Most elements of the map in the page, however many layers there are."""
PATIENCE = 180_000
"""Milliseconds for the first pass of a large network."""

WATCH = """
() => {
  const seen = { frames: [], tasks: [] };
  let last = 0;
  const frame = (now) => {
    if (last) seen.frames.push(now - last);
    last = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) seen.tasks.push(duration);
  }).observe({ type: "longtask" });
  window.benchmarkTake = () => {
    const taken = { frames: seen.frames, tasks: seen.tasks };
    seen.frames = [];
    seen.tasks = [];
    return taken;
  };
}
"""


@dataclass(frozen=True)
class Row:
    """One thing done to the map; times in milliseconds."""

    what: str
    frames: int
    median: float
    p95: float
    longest_frame: float
    long_tasks: int
    longest_task: float


@dataclass(frozen=True)
class Result:
    """The measures of one network."""

    model: str
    layers: int
    layout_seconds: float
    elements: int
    rows: list[Row]


def measure(address: str, name: str) -> Result:
    """Open the map of a model, show it a picture, unfold everything, and move about."""
    with running_chromium() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(PATIENCE)
        page.goto(f"{address}/models/{name}")
        page.locator(".map-item").first.wait_for()
        page.locator("#samples button, #examples button").first.click()
        page.locator('#main[aria-busy="false"]').wait_for()
        layers = int(page.locator("#network-facts").inner_text().split()[0])
        page.evaluate(WATCH)
        page.wait_for_timeout(1000)
        page.evaluate("benchmarkTake()")
        began = time.perf_counter()
        page.get_by_role("button", name="Unfold every module").click()
        page.locator(f'.map-frame[data-items="{layers}"]').wait_for()
        layout = time.perf_counter() - began
        page.wait_for_timeout(1000)
        rows = [_row("unfold every module", page)]
        for what, do in _moves(page).items():
            do()
            page.wait_for_timeout(500)
            rows.append(_row(what, page))
        elements = page.locator(".map *").count()
    return Result(name, layers, layout, elements, rows)


def _moves(page: Page) -> dict[str, Callable[[], None]]:
    box = page.locator(".map-frame").bounding_box()
    assert box is not None, "the map is on the page"
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def wheel(across: int, down: int, times: int) -> None:
        page.mouse.move(x, y)
        for _ in range(times):
            page.mouse.wheel(across, down)
            page.wait_for_timeout(16)

    def drag() -> None:
        page.mouse.move(x + 400, y)
        page.mouse.down()
        for step in range(60):
            page.mouse.move(x + 400 - 12 * step, y)
            page.wait_for_timeout(16)
        page.mouse.up()

    def zoom() -> None:
        wheel(0, 60, 20)
        wheel(0, -60, 20)

    def point() -> None:
        for step in range(30):
            page.mouse.move(x - 300 + 20 * step, y)
            page.wait_for_timeout(16)

    return {
        "pan with the wheel": lambda: wheel(60, 0, 60),
        "drag": drag,
        "zoom out and in": zoom,
        "point at layers": point,
        "show the whole network": page.get_by_role(
            "button", name="The whole network (0)", exact=True
        ).click,
        "pan from far away": lambda: wheel(30, 0, 40),
        "point from far away": point,
    }


def _row(what: str, page: Page) -> Row:
    taken: dict[str, Any] = page.evaluate("benchmarkTake()")
    frames = sorted(taken["frames"]) or [0.0]
    return Row(
        what=what,
        frames=len(frames),
        median=frames[len(frames) // 2],
        p95=frames[int(len(frames) * 0.95)],
        longest_frame=frames[-1],
        long_tasks=len(taken["tasks"]),
        longest_task=max(taken["tasks"], default=0.0),
    )


def print_table(result: Result) -> None:
    """Print the rows, times in milliseconds."""
    table = Table(
        title=f"{result.model}: {result.layers} layers, laid out in {result.layout_seconds:.2f} s, "
        f"{result.elements} elements in the page"
    )
    for head in ("", "frames", "median", "p95", "longest", "long tasks", "longest task"):
        table.add_column(head, justify="left" if not head else "right")
    for row in result.rows:
        task = f"{row.longest_task:.0f}" if row.long_tasks else "-"
        times = (f"{value:.1f}" for value in (row.median, row.p95, row.longest_frame))
        table.add_row(row.what, str(row.frames), *times, str(row.long_tasks), task)
    Console(width=110).print(table)


def broken_limits(result: Result) -> list[str]:
    """What is beyond its limit, in words."""
    broken = [
        f"{row.what}: a task of {row.longest_task:.0f} ms (limit {LONG_TASK:.0f} ms)"
        for row in result.rows
        if row.longest_task > LONG_TASK
    ]
    if result.layout_seconds > LAYOUT:
        broken.append(f"laid out in {result.layout_seconds:.1f} s (limit {LAYOUT:.0f} s)")
    if result.elements > ELEMENTS:
        broken.append(f"{result.elements} elements in the page (limit {ELEMENTS})")
    return broken


def main(arguments: list[str] | None = None) -> int:
    """Measure; return the exit status, 1 when a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default=MODEL, help="of torchvision, timm, or your own")
    parser.add_argument("--json", action="store_true", help="for programs")
    chosen = parser.parse_args(arguments)
    settings = {
        "DOODLESCOPE_MODELS": json.dumps([{"model": chosen.model}]),
        "DOODLESCOPE_INSPECTION_BYTES": str(MEMORY),
    }
    with started_server(settings) as address:
        served = httpx.get(f"{address}/healthz", timeout=60).json()["models"]
        result = measure(address, served[-1])
    if chosen.json:
        print(json.dumps(asdict(result), indent=2))
    else:
        print_table(result)
    broken = broken_limits(result)
    print("\n".join(broken) or "All limits are kept.", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
