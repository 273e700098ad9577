"""A server that is asked for more than it can do, by clients and with networks that misbehave.

The real server, with a small queue and three networks that fail for some inputs: one raises, one
hangs, one asks for more memory than there is. First as many clients as it can serve; then many
more, with slow readers, trickling and silent senders, clients that vanish, and bodies that are too
large; at the end SIGTERM, while all of them go on. Everything in this table that must be 0 is a
limit.

    python -m benchmarks.soak --seconds 60
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import signal
import statistics
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from benchmarks.load.awkward_models import HANG_SECONDS, SIDE, SIGN
from benchmarks.load.clients import (
    PREDICTIONS,
    Asking,
    Connection,
    Tally,
    post,
    read_slowly,
    say_nothing,
    send_too_much,
    trickle,
    vanish,
)
from benchmarks.load.doodles import doodles
from benchmarks.load.measurement import percentile
from benchmarks.load.processes import PROC, processor_seconds
from benchmarks.load.tables import table
from scripts.started_server import Started, started_process

QUEUED = 24
"""Images that may wait."""
BATCH = 8
"""Images in one run."""
STUCK_SECONDS = 2.0
CLIENT_SECONDS = 3.0
CLIENT_RATE = 65_536
STOP_SECONDS = 20
BODY_BYTES = 1_000_000

HANG_PATIENCE = 60.0
"""Seconds until the one that hangs is to have answered again."""

CALM = 4
"""Clients within what the server can do."""
CROWD = 64
"""Clients beyond it: more than fit the queue and a batch."""
CALM_SECONDS = 5.0
WARM = 16
WARM_SECONDS = 12.0
"""In which memory grows by some 70 MB, and then no more."""
COOL_SECONDS = 3.0
SAMPLE_SECONDS = 0.5

GROWTH = 1.15
"""Memory afterwards may be so many times what it was before, and so many bytes more."""
GROWTH_BYTES = 50_000_000
LATE_GROWTH = 1.05
"""And so many times what it was half-way: what grows for ever grows in the second half too."""
LATE_GROWTH_BYTES = 25_000_000
"""And so many bytes more: a thread in the place of one that hangs takes about 15 MB."""
QUEUE_WAITS = 5.0
"""Accepted requests wait for what is before them: at most so many times as long, in the 99th of a
hundred, as answering a full queue and two batches takes at the mean rate of the same minute."""
REFUSAL_SECONDS = 0.5
"""In the middle a refusal takes at most so long."""

ENVIRONMENT = {
    "DOODLESCOPE_MODELS": json.dumps(
        [
            {
                "model": f"benchmarks.load.awkward_models:{name.capitalize()}",
                "name": name,
                "input": [f"1x{SIDE}x{SIDE}"],
            }
            for name in ("raising", "hanging", "greedy")
        ]
    ),
    "DOODLESCOPE_FORM": "eager",
    "DOODLESCOPE_CACHE": "off",
    "DOODLESCOPE_QUEUED_IMAGES": str(QUEUED),
    "DOODLESCOPE_BATCH": str(BATCH),
    "DOODLESCOPE_BATCH_IMAGES": str(BATCH),
    "DOODLESCOPE_STUCK_SECONDS": str(STUCK_SECONDS),
    "DOODLESCOPE_CLIENT_SECONDS": str(CLIENT_SECONDS),
    "DOODLESCOPE_CLIENT_RATE": str(CLIENT_RATE),
    "DOODLESCOPE_STOP_SECONDS": str(STOP_SECONDS),
    "DOODLESCOPE_BODY_BYTES": str(BODY_BYTES),
    "DOODLESCOPE_JSON_BYTES": str(BODY_BYTES),
    "DOODLESCOPE_IMAGE_BYTES": str(BODY_BYTES),
    "DOODLESCOPE_CONNECTIONS": "300",
    "DOODLESCOPE_LOG_FORMAT": "json",
    "DOODLESCOPE_LOG_LEVEL": "warning",
}


@dataclass
class Memory:
    """Of the server's process, in bytes."""

    before: int = 0
    middle: int = 0
    """Half-way through the overload."""
    peak: int = 0
    after: int = 0


@dataclass
class Soak:
    """What it came to."""

    seconds: float = 0.0
    cpu: float = 0.0
    """Share of one processor that the server took."""
    memory: Memory = field(default_factory=Memory)
    calm: Tally = field(default_factory=Tally)
    crowd: Tally = field(default_factory=Tally)
    raising: Tally = field(default_factory=Tally)
    greedy: Tally = field(default_factory=Tally)
    innocent: Tally = field(default_factory=Tally)
    """Of the networks that fail, those who ask what they can answer."""
    hanging: Tally = field(default_factory=Tally)
    """Of the crowd, from the moment when one network hangs until it has come back."""
    hung: list[int] = field(default_factory=list)
    """Statuses: of the request that hangs, of one while it does, and of one afterwards."""
    others: dict[str, Tally] = field(default_factory=dict)
    ending: Tally = field(default_factory=Tally)
    """From SIGTERM on."""
    ended_in: float = 0.0
    status: int | None = None
    output: str = ""


async def soak(started: Started, seconds: float) -> Soak:
    """Run it; ends the server."""
    found = Soak()
    port = urlsplit(started.address).port
    assert port is not None
    pid = started.process.pid
    drawings = [post(PREDICTIONS, {"drawing": each, "top_k": 5}) for each in doodles(64)]
    await _calm(port, drawings, found)
    found.memory.before = found.memory.peak = resident(pid)
    began, cpu = time.perf_counter(), processor_seconds([pid])
    ends = [False]
    crowd = [
        Asking(port, drawings[n:] + drawings[:n], found.crowd, is_ending=lambda: ends[0])
        for n in range(CROWD)
    ]
    tasks = [asyncio.create_task(each.run()) for each in crowd]
    tasks += _awkward(port, drawings[0], found)
    watch = asyncio.create_task(_watch(pid, found.memory))
    await asyncio.sleep(seconds / 2)
    found.memory.middle = resident(pid)
    await asyncio.sleep(seconds / 2)
    found.seconds = time.perf_counter() - began
    found.cpu = (processor_seconds([pid]) - cpu) / found.seconds
    for each in crowd:
        each.tally = found.hanging
    hang = asyncio.create_task(_hang(port, found.hung))
    await asyncio.wait([hang], timeout=HANG_PATIENCE)
    await _stop([watch, hang, *tasks])
    await asyncio.sleep(COOL_SECONDS)
    found.memory.after = resident(pid)
    await _end(started, port, drawings, found)
    return found


async def _calm(port: int, drawings: Sequence[bytes], found: Soak) -> None:
    """As many clients as it can serve; more of them warm it up first, and are not counted."""
    for tally, clients, seconds in (
        (Tally(), WARM, WARM_SECONDS),
        (found.calm, CALM, CALM_SECONDS),
    ):
        tasks = [asyncio.create_task(Asking(port, drawings, tally).run()) for _ in range(clients)]
        await asyncio.sleep(seconds)
        await _stop(tasks)


def _awkward(port: int, request: bytes, found: Soak) -> list[asyncio.Task[None]]:
    """Those that servers fear."""
    slow = b"GET /api/v1/openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 200
    found.others = {
        name: Tally() for name in ("slow readers", "trickling", "silent", "vanishing", "too large")
    }
    readers, trickling, silent, vanishing, large = found.others.values()
    own = frozenset({500})
    clients = [
        *(read_slowly(port, slow, readers) for _ in range(8)),
        *(trickle(port, request, trickling) for _ in range(16)),
        *(say_nothing(port, silent) for _ in range(16)),
        *(vanish(port, request, vanishing) for _ in range(4)),
        *(send_too_much(port, large, 2 * BODY_BYTES) for _ in range(2)),
        Asking(port, [infer("raising", SIGN)], found.raising, own).run(),
        Asking(port, [infer("greedy", SIGN)], found.greedy).run(),
        *(
            Asking(port, [infer(name, 0)], found.innocent).run()
            for name in ("raising", "greedy") * 2
        ),
    ]
    return [asyncio.create_task(each) for each in clients]


async def _hang(port: int, statuses: list[int]) -> None:
    """Let a network hang, ask it meanwhile, and again when it has come back."""
    statuses.append(await _until_taken(port, infer("hanging", SIGN), hangs=False))
    statuses.append(await _until_taken(port, infer("hanging", 0), hangs=True))
    await asyncio.sleep(HANG_SECONDS)
    statuses.append(await _until_taken(port, infer("hanging", 0), hangs=False))


async def _until_taken(port: int, request: bytes, hangs: bool) -> int:
    """The status of a request, which is asked again while the queue is full."""
    connection = Connection(port)
    try:
        while True:
            answer = await connection.ask(request)
            if answer.status != 503 or (hangs and b" hangs: " in answer.body):
                return answer.status
            await asyncio.sleep(0.01)
    finally:
        connection.close()


async def _end(started: Started, port: int, drawings: list[bytes], found: Soak) -> None:
    """SIGTERM under load, and until nothing is left."""
    ends = [False]
    clients = [
        Asking(port, drawings[n:] + drawings[:n], found.ending, is_ending=lambda: ends[0])
        for n in range(CROWD)
    ]
    tasks = [asyncio.create_task(each.run()) for each in clients]
    await asyncio.sleep(1.0)
    began = time.perf_counter()
    ends[0] = True
    started.process.send_signal(signal.SIGTERM)
    done, left = await asyncio.wait(tasks, timeout=STOP_SECONDS + 10)
    found.ending.lost += len(left)
    await _stop(left)
    for task in done:
        task.result()
    found.status = await asyncio.to_thread(started.process.wait, STOP_SECONDS)
    found.ended_in = time.perf_counter() - began
    found.output = started.output()


async def _watch(pid: int, memory: Memory) -> None:
    while True:
        await asyncio.sleep(SAMPLE_SECONDS)
        memory.peak = max(memory.peak, resident(pid))


async def _stop(tasks: Iterable[asyncio.Task[None]]) -> None:
    chosen = list(tasks)
    for task in chosen:
        task.cancel()
    await asyncio.gather(*chosen, return_exceptions=True)


def infer(model: str, level: int) -> bytes:
    """An inference of the Open Inference Protocol, of an image whose first pixel has a level."""
    pixels = [level] + [0] * (SIDE * SIDE - 1)
    tensor = {"name": "images", "shape": [1, SIDE, SIDE], "datatype": "UINT8", "data": pixels}
    return post(f"/v2/models/{model}/infer", {"inputs": [tensor]})


def resident(pid: int) -> int:
    """Memory of a process, in bytes."""
    pages = (PROC / str(pid) / "statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def broken_limits(found: Soak) -> list[str]:
    """What is not as it must be."""
    every = {
        "calm": found.calm,
        "crowd": found.crowd,
        "hanging": found.hanging,
        "raising": found.raising,
        "greedy": found.greedy,
        "innocent": found.innocent,
        "ending": found.ending,
    }
    wrong = [f"in the log: {each}" for each in unexpected(found.output)]
    wrong += [f"{name}: {dict(tally.wrong)}" for name, tally in every.items() if tally.wrong]
    if lost := sum(tally.lost for tally in every.values()):
        wrong.append(f"{lost} requests lost")
    if not found.crowd.refusals:
        wrong.append("the load was not more than the server could do")
    if found.hung != [504, 503, 200]:
        wrong.append(f"the network that hangs was answered {found.hung}, not 504, 503, 200")
    if set(found.raising.statuses) - {500, 503} or not found.raising.statuses[500]:
        wrong.append(f"the network that raises was answered {dict(found.raising.statuses)}")
    if set(found.greedy.statuses) - {503}:
        wrong.append(f"the network that wants memory was answered {dict(found.greedy.statuses)}")
    if not found.innocent.statuses[200]:
        wrong.append("nobody who asked those networks for what they can do was answered")
    memory = found.memory
    if memory.after > GROWTH * memory.before + GROWTH_BYTES:
        wrong.append(f"memory grew from {memory.before} to {memory.after} bytes")
    elif memory.after > LATE_GROWTH * memory.middle + LATE_GROWTH_BYTES:
        wrong.append(f"memory grew on from {memory.middle} to {memory.after} bytes")
    wrong += [
        f"{name}: none was sent away"
        for name in ("slow readers", "trickling", "silent")
        if not found.others[name].closed
    ]
    if set(found.others["trickling"].statuses) - {408}:
        wrong.append(f"trickling: {dict(found.others['trickling'].statuses)}")
    if set(found.others["too large"].statuses) - {413}:
        wrong.append(f"too large: {dict(found.others['too large'].statuses)}")
    if found.ended_in > STOP_SECONDS or found.status not in (0, -signal.SIGTERM):
        wrong.append(f"it ended with {found.status} in {found.ended_in:.1f} seconds")
    answered = len(found.crowd.latencies) + found.innocent.statuses[200]
    most = QUEUE_WAITS * (QUEUED + 2 * BATCH) * found.seconds / max(1, answered)
    if percentile(sorted(found.crowd.latencies), 0.99) > most:
        wrong.append(f"of the accepted, 1 in 100 waited for more than {most * 1e3:.0f} ms")
    if found.crowd.refusals and statistics.median(found.crowd.refusals) > REFUSAL_SECONDS:
        wrong.append("refusals take long")
    return wrong


def unexpected(output: str) -> list[str]:
    """What the server logged of itself, the first of it; not what was asked for."""
    found = []
    for line in output.splitlines():
        record = json.loads(line) if line.startswith("{") else {}
        ours = record.get("logger", "").startswith("server.services.lane")
        if record and not ours and "Exceeded concurrency" not in record["message"]:
            found.append(f"{record['message']} {record.get('exception', '')[-500:]}")
    return found[:3]


def described(found: Soak) -> str:
    """The tables."""
    crowd, calm, memory = found.crowd, found.calm, found.memory

    def milliseconds(seconds: Sequence[float]) -> str:
        ordered = sorted(seconds)
        half, most = (percentile(ordered, share) * 1e3 for share in (0.5, 0.99))
        return f"{half:.1f} / {most:.1f}"

    clients = [
        [
            f"{CALM} that it can serve",
            f"{len(calm.latencies) / CALM_SECONDS:,.0f}",
            milliseconds(calm.latencies),
            f"{len(calm.refusals) / CALM_SECONDS:,.0f}",
            milliseconds(calm.refusals) if calm.refusals else "-",
            str(calm.lost),
        ],
        [
            f"{CROWD}, and all those below",
            f"{len(crowd.latencies) / found.seconds:,.0f}",
            milliseconds(crowd.latencies),
            f"{len(crowd.refusals) / found.seconds:,.0f}",
            milliseconds(crowd.refusals) if crowd.refusals else "-",
            str(crowd.lost),
        ],
        [
            "the same, while one network hangs",
            f"{len(found.hanging.latencies):,} in all",
            milliseconds(found.hanging.latencies),
            f"{len(found.hanging.refusals):,} in all",
            milliseconds(found.hanging.refusals) if found.hanging.refusals else "-",
            str(found.hanging.lost),
        ],
        [
            f"{CROWD}, from a second before SIGTERM on",
            f"{len(found.ending.latencies):,} in all",
            milliseconds(found.ending.latencies),
            f"{len(found.ending.refusals):,} in all",
            milliseconds(found.ending.refusals) if found.ending.refusals else "-",
            str(found.ending.lost),
        ],
    ]
    headings = ["clients", "answered a second", "p50 / p99", "503 a second", "p50 / p99", "lost"]
    networks = [
        ["raises", "500", counts(found.raising)],
        ["asks for too much memory", "503", counts(found.greedy)],
        ["the same two, asked what they can do", "200", counts(found.innocent)],
        ["hangs; meanwhile; afterwards", "504; 503; 200", "; ".join(map(str, found.hung))],
    ]
    others = [
        [name, f"{tally.closed:,}", counts(tally) or "-"] for name, tally in found.others.items()
    ]
    sizes = (memory.before, memory.middle, memory.peak, memory.after)
    return "\n\n".join(
        (
            table(headings, clients),
            table(["network", "is to be answered", "was answered"], networks),
            table(["clients that misbehave", "sent away, or left", "answered"], others),
            table(
                ["memory before, MB", "half-way", "peak", "after", "server's CPU", "ended in"],
                [
                    [
                        *(f"{size / 1e6:,.0f}" for size in sizes),
                        f"{found.cpu:.0%}",
                        f"{found.ended_in:.1f} s",
                    ]
                ],
            ),
        )
    )


def counts(tally: Tally) -> str:
    """Statuses, each with its number."""
    return ", ".join(f"{status}: {count:,}" for status, count in sorted(tally.statuses.items()))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; 1 when a limit is not kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="of overload")
    parser.add_argument("--json", action="store_true", help="numbers, for programs")
    options = parser.parse_args(arguments)
    with started_process(ENVIRONMENT) as started:
        found = asyncio.run(soak(started, options.seconds))
    wrong = broken_limits(found)
    if options.json:
        print(json.dumps(as_numbers(found) | {"broken": wrong}))
    else:
        print(described(found))
        load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
        print(f"\nMilliseconds; Python {platform.python_version()}; load {load}.")
        for each in wrong:
            print(f"NOT KEPT: {each}")
        if wrong:
            print(found.output[-3_000:], file=sys.stderr)
    return 1 if wrong else 0


def as_numbers(found: Soak) -> dict[str, Any]:
    """For programs."""
    crowd = sorted(found.crowd.latencies)
    return {
        "seconds": found.seconds,
        "answered": len(crowd),
        "p50": percentile(crowd, 0.5),
        "p99": percentile(crowd, 0.99),
        "rejected": len(found.crowd.refusals),
        "lost": found.crowd.lost + found.ending.lost,
        "memory": vars(found.memory),
        "cpu": found.cpu,
    }


if __name__ == "__main__":
    sys.exit(main())
