"""The load as wrk makes it, where it is installed."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.load.measurement import Measurement
from benchmarks.load.processes import machine_seconds

SCRIPT = Path(__file__).with_suffix(".lua")
PATIENCE = 30.0
STEP = 0.2
"""Seconds between two looks at whether the server still works."""


def is_installed() -> bool:
    """Whether there is a wrk to call."""
    return shutil.which("wrk") is not None


def measure(
    address: str,
    bodies: Path,
    concurrency: int,
    seconds: float,
    warm_up: float,
    used: Callable[[], float],
) -> Measurement:
    """Load for ``warm_up`` seconds, and in a second run for ``seconds`` with the clocks running.

    wrk leaves the answers that are under way when its time is up: up to ``concurrency`` requests
    that the server worked for are not counted. Those of the warm-up are waited for.

    Args:
        address: of the resource.
        bodies: a file with a body in each line.
        used: tells the server's processor time so far, in seconds.
    """
    _run(address, bodies, concurrency, warm_up)
    _settle(used)
    server, machine, own = used(), machine_seconds(), _spent()
    said = _run(address, bodies, concurrency, seconds)
    server, machine, own = used() - server, machine_seconds() - machine, _spent() - own
    wrong = said["statuses"], said["sockets"]
    return Measurement(
        concurrency=concurrency,
        seconds=said["seconds"],
        requests=said["requests"],
        errors=sum(wrong),
        first_error="{} answers other than 200, {} errors of sockets".format(*wrong)
        if any(wrong)
        else "",
        p50=said["p50"],
        p99=said["p99"],
        server_cpu=server,
        generator_cpu=own,
        other_cpu=max(0.0, machine - server - own),
    )


def _run(address: str, bodies: Path, concurrency: int, seconds: float) -> dict[str, Any]:
    # It knows whole seconds only.
    duration = max(1, round(seconds))
    command = ["wrk", "--threads", "1", "--connections", str(concurrency)]
    command += ["--duration", f"{duration}s", "--timeout", f"{PATIENCE:.0f}s"]
    command += ["--script", str(SCRIPT), address, "--", str(bodies)]
    if shutil.which("taskset") and hasattr(os, "sched_getaffinity"):
        command = ["taskset", "--cpu-list", str(max(os.sched_getaffinity(0))), *command]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=duration + 2 * PATIENCE
    )
    said: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return said


def _settle(used: Callable[[], float]) -> None:
    """Wait until the server has nothing to do."""
    deadline = time.monotonic() + PATIENCE
    before = used()
    while time.monotonic() < deadline:
        time.sleep(STEP)
        now = used()
        if now - before <= 0.1 * STEP:
            return
        before = now


def _spent() -> float:
    """Processor time of the programs that this one has started, and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
