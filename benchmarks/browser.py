"""What a person waits for: from pen lift until every visible thumbnail shows the new drawing.

A real server, a real Chromium, and a mouse that draws at the speed of a hand. The figures are the
browser's own: events carry the time at which they happened, the clock of a paint is read when a
canvas is painted and again when the next frame begins, and long tasks are Chromium's
(PerformanceObserver). Drawings go over the live socket, as the page sends them; a lift that was
answered over HTTP breaks a limit. Browser and server share the processors, as on a reader's
machine.

    python -m benchmarks.browser
    python -m benchmarks.browser --rounds 20 --page / --json
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page
from rich.console import Console
from rich.table import Table

from scripts.chromium import running_chromium
from scripts.started_server import started_server

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("/", "/models/doodle-classifier")
EXAMPLES = ("cat", "house", "bicycle")

LIFT = 100.0
"""Milliseconds that the median lift may take until every visible thumbnail is repainted."""
LONG_TASK = 50.0
"""Milliseconds beyond which a task of the main thread is long; Chromium reports no shorter ones."""
QUIET = 250
"""Milliseconds without a paint after which nothing more is expected."""
STEP = 12
"""Milliseconds between two movements of the hand."""

WATCH = """
(() => {
  const seen = { lifts: [], paints: [], tasks: [], frames: [], answers: [], sent: [], told: [] };
  window.benchmark = seen;
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) seen.tasks.push([startTime, duration]);
  }).observe({ type: "longtask", buffered: true });
  new PerformanceObserver((list) => {
    for (const { name, startTime, responseEnd } of list.getEntries())
      seen.answers.push([new URL(name).pathname, startTime, responseEnd]);
  }).observe({ type: "resource", buffered: true });
  // Of messages only the beginning is read, which has the type and the number of the state.
  const head = (text) => text.slice(0, 80).match(/"type":"(\\w+)","sequence":(\\d+)/);
  window.WebSocket = class extends WebSocket {
    constructor(...given) {
      super(...given);
      this.addEventListener("message", ({ data }) => {
        const now = performance.now();
        const [, type, sequence] = (typeof data === "string" && head(data)) || [];
        if (typeof data === "string" && !type) return;
        const told = { type: type ?? "maps", sequence: Number(sequence ?? 0), time: now };
        seen.told.push(told);
        // What it changes is on the screen with the frame after the next one's beginning.
        requestAnimationFrame(() => requestAnimationFrame((shown) => (told.shown = shown)));
      });
    }
    send(data) {
      const [, type, sequence] = head(data) ?? [];
      if (type === "strokes") seen.sent.push([Number(sequence), performance.now()]);
      super.send(data);
    }
  };
  addEventListener("pointerup", (event) => seen.lifts.push(event.timeStamp), { capture: true });
  let waiting = null;
  const note = (canvas) => {
    if (!canvas.isConnected || !canvas.closest("#blocks .layer-tiles")) return;
    if (!waiting) {
      waiting = new Set();
      requestAnimationFrame(() => {
        const now = performance.now();
        for (const painted of waiting) seen.paints.push([painted, now]);
        waiting = null;
      });
    }
    waiting.add(canvas);
  };
  for (const way of ["putImageData", "drawImage"]) {
    const original = CanvasRenderingContext2D.prototype[way];
    CanvasRenderingContext2D.prototype[way] = function (...given) {
      note(this.canvas);
      return original.apply(this, given);
    };
  }
  const frame = (time) => { seen.frames.push(time); requestAnimationFrame(frame); };
  requestAnimationFrame(frame);
})();
"""

REPAINTED = """
(since) => {
  const { paints } = window.benchmark;
  const last = new Map();
  for (const [canvas, time] of paints) if (time > since) last.set(canvas, time);
  const shown = [...document.querySelectorAll("#blocks .layer-tiles canvas")].filter((canvas) => {
    const box = canvas.getBoundingClientRect();
    const frame = document.querySelector("#blocks").getBoundingClientRect();
    return canvas.checkVisibility() && box.width > 0 && box.bottom > Math.max(0, frame.top)
      && box.top < Math.min(innerHeight, frame.bottom) && box.right > Math.max(0, frame.left)
      && box.left < Math.min(innerWidth, frame.right);
  });
  const times = shown.map((canvas) => last.get(canvas) ?? null);
  return {
    shown: shown.length,
    missing: times.filter((time) => time === null).length,
    last: Math.max(0, ...times.map((time) => time ?? 0)),
    latest: paints.length ? paints[paints.length - 1][1] : 0,
    now: performance.now(),
  };
}
"""


@dataclass(frozen=True)
class Lift:
    """One pen lift: times in milliseconds after it."""

    total: float
    """Until the frame after the one in which the last visible thumbnail was painted."""
    answered: float
    """Until the last answer of the server had come."""
    guessed: float | None
    """Until the frame in which the guesses were seen; None: they did not come over the socket."""
    thumbnails: int
    """How many were visible, and all were repainted."""


@dataclass(frozen=True)
class Row:
    """The figures of one page."""

    page: str
    lifts: int
    thumbnails: int
    median: float
    ninth_decile: float
    guessed: float
    """Median until the guesses were seen."""
    answered: float
    """Median until the last answer of the server had come; the rest is the browser's."""
    over_http: int
    """Lifts whose drawing did not go over the socket."""
    long_tasks: int
    """Tasks of the main thread over 50 ms while a pen was down or its drawing being shown."""
    longest_task: float
    frame: float
    """Median interval of frames while drawing."""
    slowest_frames: float
    """The interval that one in a hundred frames exceeds while drawing."""


def strokes_of(label: str) -> list[list[list[float]]]:
    """A shipped example drawing, in a box of about 255."""
    examples = json.loads((ROOT / "static" / "examples.json").read_text("utf-8"))["examples"]
    found: list[list[list[float]]] = next(
        each["drawing"] for each in examples if each["label"] == label
    )
    return found


def draw_stroke(page: Page, stroke: Sequence[Sequence[float]]) -> None:
    """Press, move at the speed of a hand, lift."""
    box = page.locator("#pad").bounding_box()
    assert box is not None, "the pad is on the screen"
    scale = box["width"] * 0.7 / 255
    points = [
        (box["x"] + box["width"] * 0.15 + x * scale, box["y"] + box["height"] * 0.15 + y * scale)
        for x, y in zip(*stroke[:2], strict=True)
    ]
    page.mouse.move(*points[0])
    page.mouse.down()
    for x, y in points[1:]:
        for _ in range(2):
            page.wait_for_timeout(STEP)
        page.mouse.move(x, y, steps=2)
    page.mouse.up()


def measure_lift(page: Page) -> Lift:
    """Wait until the last lift's drawing is shown everywhere, and tell how long it took.

    Raises:
        RuntimeError: a visible thumbnail was not repainted within ten seconds.
    """
    lifted = float(page.evaluate("() => window.benchmark.lifts.at(-1)"))
    for _ in range(100):
        state: dict[str, Any] = page.evaluate(REPAINTED, lifted)
        settled = page.locator("#main").get_attribute("aria-busy") == "false"
        if settled and not state["missing"] and state["now"] - state["latest"] > QUIET:
            break
        page.wait_for_timeout(100)
    else:
        raise RuntimeError(f"{state['missing']} of {state['shown']} thumbnails were not repainted.")
    answers: list[tuple[str, float, float]] = page.evaluate("() => window.benchmark.answers")
    ends = [end for path, start, end in answers if start >= lifted and "/inspections" in path]
    told: list[dict[str, Any]] = page.evaluate("() => window.benchmark.told")
    ends += [each["time"] for each in told if each["time"] >= lifted]
    sent: list[tuple[int, float]] = page.evaluate("() => window.benchmark.sent")
    sequences = [sequence for sequence, time in sent if time >= lifted]
    seen = [
        each["shown"] - lifted
        for each in told
        if sequences
        and each["type"] in ("prediction", "inspection")
        and each["sequence"] >= sequences[-1]
        and "shown" in each
    ]
    return Lift(
        total=state["last"] - lifted,
        answered=max(ends, default=lifted) - lifted,
        guessed=min(seen, default=None),
        thumbnails=state["shown"],
    )


def measure(browser: Browser, address: str, path: str, rounds: int) -> Row:
    """Draw the examples by turns, and measure each lift."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.add_init_script(WATCH)
    page.goto(address + path)
    page.wait_for_load_state("networkidle")
    for stroke in strokes_of(EXAMPLES[0]):  # to warm up
        draw_stroke(page, stroke)
        measure_lift(page)
    lifts: list[Lift] = []
    spans: list[tuple[float, float]] = []
    for number in range(rounds):
        page.get_by_role("button", name="Clear").click()
        for stroke in strokes_of(EXAMPLES[number % len(EXAMPLES)]):
            began = float(page.evaluate("() => performance.now()"))
            draw_stroke(page, stroke)
            lifts.append(measure_lift(page))
            spans.append((began, float(page.evaluate("() => performance.now()"))))
    tasks: list[tuple[float, float]] = page.evaluate("() => window.benchmark.tasks")
    frames: list[float] = page.evaluate("() => window.benchmark.frames")
    context.close()
    long_tasks = [
        duration for start, duration in tasks if any(low <= start < high for low, high in spans)
    ]
    intervals = [
        later - earlier
        for earlier, later in itertools.pairwise(frames)
        if any(low <= earlier and later < high for low, high in spans)
    ]
    totals = [lift.total for lift in lifts]
    guessed = [lift.guessed for lift in lifts if lift.guessed is not None]
    return Row(
        page=path,
        lifts=len(lifts),
        thumbnails=max(lift.thumbnails for lift in lifts),
        median=statistics.median(totals),
        ninth_decile=statistics.quantiles(totals, n=10)[-1],
        guessed=statistics.median(guessed or [0.0]),
        answered=statistics.median(lift.answered for lift in lifts),
        over_http=len(lifts) - len(guessed),
        long_tasks=len(long_tasks),
        longest_task=max(long_tasks, default=0.0),
        frame=statistics.median(intervals),
        slowest_frames=statistics.quantiles(intervals, n=100)[-1],
    )


def broken_limits(rows: Sequence[Row]) -> list[str]:
    """Which limits are not kept, in words."""
    broken: list[str] = []
    for row in rows:
        if row.median > LIFT:
            broken.append(f"{row.page}: a lift takes {row.median:.0f} ms, more than {LIFT:.0f}.")
        if row.over_http:
            broken.append(f"{row.page}: {row.over_http} of {row.lifts} lifts went over HTTP.")
        if row.longest_task > LONG_TASK:
            broken.append(
                f"{row.page}: a task of {row.longest_task:.0f} ms, more than {LONG_TASK:.0f}."
            )
    return broken


def print_table(rows: Sequence[Row]) -> None:
    """The figures, for people."""
    table = Table(title=f"Milliseconds; load of the machine {os.getloadavg()[0]:.1f}")
    for name in (
        *("page", "lifts", "thumbnails", "guess", "lift: median", "of limit", "9 of 10", "server"),
        *("long tasks", "longest", "frame: median", "99 of 100"),
    ):
        table.add_column(name, justify="left" if name == "page" else "right")
    for row in rows:
        table.add_row(
            row.page,
            str(row.lifts),
            str(row.thumbnails),
            f"{row.guessed:.0f}",
            f"{row.median:.0f}",
            f"{row.median / LIFT:.2f}",
            f"{row.ninth_decile:.0f}",
            f"{row.answered:.0f}",
            str(row.long_tasks),
            f"{row.longest_task:.0f}" if row.long_tasks else "-",
            f"{row.frame:.1f}",
            f"{row.slowest_frames:.1f}",
        )
    Console(width=140).print(table)


def main(arguments: list[str] | None = None) -> int:
    """Measure every page; return the exit status, 1 when a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--page", action="append", help="path of a page with a pad; may be repeated"
    )
    parser.add_argument("--rounds", type=int, default=9, help="drawings on each page")
    parser.add_argument("--json", action="store_true", help="for programs")
    chosen = parser.parse_args(arguments)
    with started_server() as address, running_chromium() as browser:
        rows = [
            measure(browser, address, path, max(2, chosen.rounds)) for path in chosen.page or PAGES
        ]
    if chosen.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        print_table(rows)
    broken = broken_limits(rows)
    print("\n".join(broken) or "All limits are kept.", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
