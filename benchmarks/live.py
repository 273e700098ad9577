"""Two hundred drawers at once, each over a live session of its own: `python -m benchmarks.live`.

Every drawer sends a change of its drawing five times a second, whether it was answered or not, as a
hand would that does not wait. The server answers each with its newest state, round by round.
Limits: every drawer gets at least half as many answers as the median one, and an answer to its last
state; and the server's memory does not grow from the first half of the time to the second.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.servers import wait_for_forms
from scripts.started_server import started_process

FAIR = 0.5
"""The share of the median drawer's answers that every one gets, of those who ask for as much."""
GROWTH = 0.05
"""Share by which the memory may differ between the halves of the time."""
STROKE = 40
"""Changes after which a stroke ends and another one begins; eight of those clear the drawing."""
WARM_UP = 3.0
"""Seconds before anything is counted."""
OPENED_AT_ONCE = 20
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Drawer:
    """What one of them sent and heard."""

    sent: int = 0
    answered: int = 0
    waits: list[float] = field(default_factory=list)
    """Seconds from a change to the answer to it or to a newer one."""
    gaps: list[float] = field(default_factory=list)
    """Seconds between answers."""
    problems: int = 0
    newest: int = 0
    last: int = 0


@dataclass(frozen=True)
class Result:
    """The figures of one run."""

    drawers: int
    watching: int
    seconds: float
    updates: float
    """Changes a second that were sent, of all drawers."""
    answers: float
    """Answers a second."""
    fewest: float
    """Answers a second to the drawer that got the fewest."""
    fewest_guessing: float
    """The same of those who watch no layers."""
    median_guessing: float
    most: float
    wait_median: float
    """Milliseconds until a state, or a newer one, was answered."""
    wait_99: float
    longest_gap: float
    """Milliseconds; the median over drawers of the longest time without an answer."""
    unanswered: int
    """Drawers whose last state was never answered."""
    problems: int
    memory_before: float
    """Mebibytes of the server when everybody was connected and warm."""
    memory_half: float
    memory_after: float
    cpu: float
    """Seconds of the server's CPU time for each second."""
    load: float


def change_of(number: int, place: random.Random) -> dict[str, object]:
    """The change with which a hand goes on."""
    point = {"x": [place.randint(0, 1023)], "y": [place.randint(0, 1023)]}
    if number % (STROKE * 8) == 1:
        return {"change": "replace", "drawing": [[point["x"], point["y"]]]}
    return {"change": "begin" if number % STROKE == 1 else "extend", **point}


async def draw(
    connection: ClientConnection, drawer: Drawer, rate: float, until: float, place: random.Random
) -> None:
    """Send a change ``rate`` times a second, and note what is heard."""
    asked: dict[int, float] = {}

    async def listen() -> None:
        heard = time.monotonic()
        async for data in connection:
            if isinstance(data, bytes):
                continue
            now = time.monotonic()
            told = json.loads(data)
            if told["type"] == "problem":
                drawer.problems += 1
            if told["type"] != "prediction":
                continue
            sequence = told["sequence"]
            drawer.last = sequence
            for number in [number for number in asked if number <= sequence]:
                drawer.waits.append(now - asked.pop(number))
            drawer.answered += 1
            drawer.gaps.append(now - heard)
            heard = now

    listening = asyncio.create_task(listen())
    await asyncio.sleep(place.random() / rate)  # nobody moves in step
    next_time = time.monotonic()
    while (now := time.monotonic()) < until:
        drawer.newest += 1
        asked[drawer.newest] = now
        message = {"type": "strokes", "sequence": drawer.newest, "base": drawer.newest - 1}
        await connection.send(json.dumps(message | {"changes": [change_of(drawer.newest, place)]}))
        drawer.sent += 1
        next_time += 1 / rate
        await asyncio.sleep(max(0.0, next_time - time.monotonic()))
    for _ in range(100):  # ten seconds for what is under way
        if drawer.last == drawer.newest:
            break
        await asyncio.sleep(0.1)
    listening.cancel()


def memory(process: int) -> float:
    """Mebibytes of a process that are in memory."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def cpu_seconds(process: int) -> float:
    """CPU time of a process so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


async def run(
    address: str, process: int, count: int, watching: int, rate: float, seconds: float
) -> Result:
    """Let ``count`` drawers draw, of whom some watch a layer, and measure."""
    url = address.replace("http", "ws", 1) + "/api/v1/live"
    gate = asyncio.Semaphore(OPENED_AT_ONCE)
    drawers = [Drawer() for _ in range(count)]

    async def opened(number: int) -> ClientConnection:
        async with gate:
            connection = await connect(url, compression=None, max_size=None, open_timeout=60)
            await connection.send(json.dumps({"type": "hello"}))
            assert json.loads(await connection.recv())["type"] == "ready"
            if number < watching:
                layers = ["stem_convolution", "stage1.add"]
                await connection.send(json.dumps({"type": "watch", "layers": layers}))
            return connection

    connections = await asyncio.gather(*map(opened, range(count)))
    began = time.monotonic()
    until = began + WARM_UP + seconds
    tasks = [
        asyncio.create_task(draw(connection, drawer, rate, until, random.Random(number)))
        for number, (connection, drawer) in enumerate(zip(connections, drawers, strict=True))
    ]
    await asyncio.sleep(WARM_UP)
    for drawer in drawers:
        drawer.sent = drawer.answered = 0
        drawer.waits.clear()
        drawer.gaps.clear()
    before, cpu = memory(process), cpu_seconds(process)
    await asyncio.sleep(seconds / 2)
    half = memory(process)
    await asyncio.sleep(until - time.monotonic())
    cpu = cpu_seconds(process) - cpu
    counts = [drawer.answered / seconds for drawer in drawers]
    sent = sum(drawer.sent for drawer in drawers) / seconds
    await asyncio.gather(*tasks)
    after = memory(process)
    await asyncio.gather(*(connection.close() for connection in connections))
    waits = sorted(wait for drawer in drawers for wait in drawer.waits)
    return Result(
        drawers=count,
        watching=watching,
        seconds=seconds,
        updates=sent,
        answers=sum(counts),
        fewest=min(counts),
        fewest_guessing=min(counts[watching:]),
        median_guessing=statistics.median(counts[watching:]),
        most=max(counts),
        wait_median=1000 * statistics.median(waits),
        wait_99=1000 * waits[int(len(waits) * 0.99)],
        longest_gap=1000 * statistics.median(max(d.gaps, default=seconds) for d in drawers),
        unanswered=sum(drawer.last != drawer.newest for drawer in drawers),
        problems=sum(drawer.problems for drawer in drawers),
        memory_before=before,
        memory_half=half,
        memory_after=after,
        cpu=cpu / seconds,
        load=os.getloadavg()[0],
    )


def broken_limits(results: Sequence[Result]) -> list[str]:
    """Which limits are not kept, in words."""
    broken: list[str] = []
    for each in results:
        who = f"{each.drawers} drawers, {each.watching} watching"
        if each.unanswered:
            broken.append(f"{who}: {each.unanswered} were not answered in the end.")
        if each.fewest_guessing < FAIR * each.median_guessing or each.fewest == 0:
            broken.append(f"{who}: one had {each.fewest_guessing:.2f} answers a second.")
        if not each.watching and each.memory_after > each.memory_half * (1 + GROWTH):
            broken.append(
                f"{who}: memory grew from {each.memory_half:.0f} to {each.memory_after:.0f} MiB."
            )
    return broken


def print_table(results: Sequence[Result]) -> None:
    """The figures, for people."""
    table = Table(title=f"{results[0].seconds:g} seconds each, load {results[-1].load:.1f}")
    for name in (
        *(
            "drawers",
            "watching",
            "sent/s",
            "answers/s",
            "fewest",
            "guessing: fewest",
            "median",
            "most",
        ),
        *("wait: p50 ms", "p99 ms", "longest gap ms", "MiB before", "half", "after"),
        *("CPU", "answers/CPU s"),
    ):
        table.add_column(name, justify="right")
    for each in results:
        table.add_row(
            *(str(each.drawers), str(each.watching), f"{each.updates:.0f}", f"{each.answers:.0f}"),
            *(f"{each.fewest:.2f}", f"{each.fewest_guessing:.2f}"),
            *(f"{each.median_guessing:.2f}", f"{each.most:.2f}"),
            *(f"{each.wait_median:.0f}", f"{each.wait_99:.0f}", f"{each.longest_gap:.0f}"),
            *(f"{each.memory_before:.0f}", f"{each.memory_half:.0f}", f"{each.memory_after:.0f}"),
            *(f"{each.cpu:.2f}", f"{each.answers / each.cpu:.0f}"),
        )
    Console(width=190).print(table)


def main(arguments: list[str] | None = None) -> int:
    """Measure; return the exit status, 1 when a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--drawers", type=int, default=200)
    parser.add_argument("--watching", type=int, default=20, help="in the second run, watch layers")
    parser.add_argument("--rate", type=float, default=5.0, help="changes a second of each")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--json", action="store_true", help="for programs")
    chosen = parser.parse_args(arguments)
    results: list[Result] = []
    with started_process() as server:
        wait_for_forms(server)
        for watching in dict.fromkeys((0, chosen.watching)):
            one = run(
                server.address,
                server.process.pid,
                chosen.drawers,
                watching,
                chosen.rate,
                chosen.seconds,
            )
            results.append(asyncio.run(one))
    if chosen.json:
        print(json.dumps([asdict(result) for result in results], indent=2))
    else:
        print_table(results)
    broken = broken_limits(results)
    print("\n".join(broken) or "All limits are kept.", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
