"""Two hundred drawers at once, each over a live session of its own: `python -m benchmarks.live`.

Every drawer sends a change of its drawing five times a second, whether it was answered or not, as a
hand would that does not wait. Some of them watch layers besides. The server answers each with its
newest state: guesses of everybody in batches, and layers in turn, for which there is half of the
network's time.

Limits: every drawer gets at least half as many guesses as the median one, whether it watches or
not, and every watcher half as many layers as the median watcher; the last state of everybody is
answered; and the server's memory does not grow from the first half of the time to the second.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import statistics
import sys
import time
import urllib.request
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
WARM_UP = 5.0
"""Seconds before anything is counted."""
LAST = 10.0
"""Seconds for what is under way at the end."""
OPENED_AT_ONCE = 20
LAYERS = ["stem_convolution", "stage1.add"]
TICKS = os.sysconf("SC_CLK_TCK")
INSPECTIONS = 64 * 2**20
"""Bytes that inspections may take, which they fill before anything is counted."""
RUNS = re.compile(r'^doodlescope_model_duration_seconds_sum\{work="(\w+)"\} (\S+)$', re.M)


@dataclass
class Heard:
    """Answers of one kind."""

    answered: int = 0
    waits: list[float] = field(default_factory=list)
    """Seconds from a change to the answer to it or to a newer one."""
    last: int = 0
    asked: dict[int, float] = field(default_factory=dict)

    def hear(self, sequence: int) -> None:
        """Note the answer to a state, and to those before it."""
        now = time.monotonic()
        for number in [number for number in self.asked if number <= sequence]:
            self.waits.append(now - self.asked.pop(number))
        self.last = sequence
        self.answered += 1


@dataclass
class Drawer:
    """What one of them sent and heard."""

    watches: bool
    sent: int = 0
    newest: int = 0
    problems: int = 0
    guesses: Heard = field(default_factory=Heard)
    layers: Heard = field(default_factory=Heard)

    @property
    def is_answered(self) -> bool:
        """Whether its last state was answered, in all ways that it wanted."""
        heard = (self.guesses, self.layers) if self.watches else (self.guesses,)
        return all(each.last == self.newest for each in heard)


@dataclass(frozen=True)
class Answers:
    """What the drawers of one kind heard, of one kind of answers."""

    who: str
    what: str
    drawers: int
    fewest: float
    """Answers a second to the drawer that got the fewest."""
    median: float
    most: float
    wait_median: float
    """Milliseconds until a state, or a newer one, was answered."""
    wait_99: float


@dataclass(frozen=True)
class Result:
    """The figures of one run."""

    drawers: int
    watching: int
    seconds: float
    updates: float
    """Changes a second that were sent, of all drawers."""
    answers: list[Answers]
    unanswered: int
    """Drawers whose last state was never answered."""
    problems: int
    memory: list[float]
    """Mebibytes of the server, once a second."""
    guesses_time: float
    """Seconds that the network ran for batches of guesses, for each second."""
    layers_time: float
    """The same for inspections."""
    cpu: float
    """Seconds of the server's CPU time for each second."""
    load: float


def change_of(number: int, place: random.Random) -> dict[str, object]:
    """The change with which a hand goes on."""
    point = {"x": [place.randint(0, 1023)], "y": [place.randint(0, 1023)]}
    if number % (STROKE * 8) == 1:
        return {"change": "replace", "drawing": [[point["x"], point["y"]]]}
    return {"change": "begin" if number % STROKE == 1 else "extend", **point}


async def listen(connection: ClientConnection, drawer: Drawer) -> None:
    """Note what is heard."""
    async for data in connection:
        if isinstance(data, bytes):
            continue
        told = json.loads(data)
        match told["type"]:
            case "prediction":
                drawer.guesses.hear(told["sequence"])
            case "inspection":
                drawer.layers.hear(told["sequence"])
            case "problem":
                drawer.problems += 1


async def draw(
    connection: ClientConnection, drawer: Drawer, rate: float, until: float, place: random.Random
) -> None:
    """Send a change ``rate`` times a second, and note what is heard."""
    listening = asyncio.create_task(listen(connection, drawer))
    await asyncio.sleep(place.random() / rate)  # nobody moves in step
    next_time = time.monotonic()
    while (now := time.monotonic()) < until:
        drawer.newest += 1
        drawer.guesses.asked[drawer.newest] = now
        if drawer.watches:
            drawer.layers.asked[drawer.newest] = now
        message = {"type": "strokes", "sequence": drawer.newest, "base": drawer.newest - 1}
        await connection.send(json.dumps(message | {"changes": [change_of(drawer.newest, place)]}))
        drawer.sent += 1
        next_time += 1 / rate
        await asyncio.sleep(max(0.0, next_time - time.monotonic()))
    while not drawer.is_answered and time.monotonic() < until + LAST:
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


async def run_seconds(address: str) -> dict[str, float]:
    """How long the network has run so far: for ``batch`` of guesses, and ``alone``."""

    def read() -> str:
        with urllib.request.urlopen(f"{address}/metrics") as response:
            return str(response.read().decode())

    return {work: float(value) for work, value in RUNS.findall(await asyncio.to_thread(read))}


async def run(
    address: str, process: int, count: int, watching: int, rate: float, seconds: float
) -> Result:
    """Let ``count`` drawers draw, of whom some watch two layers, and measure."""
    url = address.replace("http", "ws", 1) + "/api/v1/live"
    gate = asyncio.Semaphore(OPENED_AT_ONCE)
    drawers = [Drawer(watches=number < watching) for number in range(count)]

    async def opened(drawer: Drawer) -> ClientConnection:
        async with gate:
            connection = await connect(url, compression=None, max_size=None, open_timeout=60)
            await connection.send(json.dumps({"type": "hello"}))
            assert json.loads(await connection.recv())["type"] == "ready"
            if drawer.watches:
                await connection.send(json.dumps({"type": "watch", "layers": LAYERS}))
            return connection

    connections = await asyncio.gather(*map(opened, drawers))
    began = time.monotonic()
    until = began + WARM_UP + seconds
    tasks = [
        asyncio.create_task(draw(connection, drawer, rate, until, random.Random(number)))
        for number, (connection, drawer) in enumerate(zip(connections, drawers, strict=True))
    ]
    await asyncio.sleep(WARM_UP)
    for drawer in drawers:
        drawer.sent = drawer.guesses.answered = drawer.layers.answered = 0
        drawer.guesses.waits.clear()
        drawer.layers.waits.clear()
    ran, cpu, samples = await run_seconds(address), cpu_seconds(process), [memory(process)]
    while time.monotonic() < until:
        await asyncio.sleep(min(1.0, until - time.monotonic()))
        samples.append(memory(process))
    cpu = cpu_seconds(process) - cpu
    runs = await run_seconds(address)
    answers = [
        *_answers_of([each for each in drawers if not each.watches], seconds),
        *_answers_of([each for each in drawers if each.watches], seconds),
    ]
    sent = sum(drawer.sent for drawer in drawers) / seconds
    await asyncio.gather(*tasks)
    samples.append(memory(process))
    await asyncio.gather(*(connection.close() for connection in connections))
    return Result(
        drawers=count,
        watching=watching,
        seconds=seconds,
        updates=sent,
        answers=answers,
        unanswered=sum(not drawer.is_answered for drawer in drawers),
        problems=sum(drawer.problems for drawer in drawers),
        memory=samples,
        guesses_time=(runs.get("batch", 0.0) - ran.get("batch", 0.0)) / seconds,
        layers_time=(runs.get("alone", 0.0) - ran.get("alone", 0.0)) / seconds,
        cpu=cpu / seconds,
        load=os.getloadavg()[0],
    )


def _answers_of(drawers: Sequence[Drawer], seconds: float) -> list[Answers]:
    """What drawers who all watch, or all do not, have heard."""
    if not drawers:
        return []
    watch = drawers[0].watches
    kinds = {"guesses": [drawer.guesses for drawer in drawers]}
    if watch:
        kinds["layers"] = [drawer.layers for drawer in drawers]
    found: list[Answers] = []
    for what, heard in kinds.items():
        counts = [each.answered / seconds for each in heard]
        waits = sorted(wait for each in heard for wait in each.waits) or [seconds]
        found.append(
            Answers(
                who="watch layers" if watch else "guess only",
                what=what,
                drawers=len(drawers),
                fewest=min(counts),
                median=statistics.median(counts),
                most=max(counts),
                wait_median=1000 * statistics.median(waits),
                wait_99=1000 * waits[int(len(waits) * 0.99)],
            )
        )
    return found


def broken_limits(results: Sequence[Result]) -> list[str]:
    """Which limits are not kept, in words."""
    broken: list[str] = []
    for each in results:
        who = f"{each.drawers} drawers, {each.watching} watching"
        if each.unanswered:
            broken.append(f"{who}: {each.unanswered} were not answered in the end.")
        if each.problems:
            broken.append(f"{who}: {each.problems} problems.")
        for what in ("guesses", "layers"):
            heard = [answers for answers in each.answers if answers.what == what]
            if not heard:
                continue
            fair = FAIR * max(answers.median for answers in heard)
            fewest = min(answers.fewest for answers in heard)
            if fewest < fair or fewest == 0:
                broken.append(f"{who}: one had {what} {fewest:.2f} times a second.")
        half = each.memory[: len(each.memory) // 2]
        if each.memory[-1] > max(half) * (1 + GROWTH):
            grown = f"from {max(half):.0f} to {each.memory[-1]:.0f} MiB"
            broken.append(f"{who}: memory grew {grown}.")
    return broken


def print_tables(results: Sequence[Result]) -> None:
    """The figures, for people."""
    console = Console(width=120)
    table = Table(title=f"{results[0].seconds:g} seconds each, load {results[-1].load:.1f}")
    for name in ("drawers who", "hear"):
        table.add_column(name)
    for name in ("drawers", "fewest/s", "median/s", "most/s", "wait: p50 ms", "p99 ms"):
        table.add_column(name, justify="right")
    for each in results:
        for heard in each.answers:
            table.add_row(
                *(heard.who, heard.what, str(heard.drawers)),
                *(f"{rate:.2f}" for rate in (heard.fewest, heard.median, heard.most)),
                *(f"{wait:.0f}" for wait in (heard.wait_median, heard.wait_99)),
            )
        table.add_section()
    console.print(table)
    table = Table(title="The server")
    for name in ("watching", "states/s", "batches", "layers", "CPU", "MiB, over time"):
        table.add_column(name, justify="right")
    for each in results:
        step = max(1, (len(each.memory) - 1) // 8)
        table.add_row(
            *(f"{each.watching} of {each.drawers}", f"{each.updates:.0f}"),
            *(f"{each.guesses_time:.2f}", f"{each.layers_time:.2f}", f"{each.cpu:.2f}"),
            " ".join(f"{sample:.0f}" for sample in each.memory[::step]),
        )
    console.print(table)


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
    with started_process({"DOODLESCOPE_INSPECTION_BYTES": str(INSPECTIONS)}) as server:
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
        print_tables(results)
    broken = broken_limits(results)
    print("\n".join(broken) or "All limits are kept.", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
