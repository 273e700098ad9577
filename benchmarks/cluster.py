"""What one process, one replica and several replicas under Ray Serve answer, on this machine.

All have the same network, in the form that ONNX Runtime runs, and the same load: wrk, on the same
machine. The figures are in docs/scale.md.

    python -m benchmarks.cluster
    python -m benchmarks.cluster --rounds 1 --seconds 2 --concurrency 64
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.load import wrk
from benchmarks.load.bodies import MODEL, write_bodies
from benchmarks.load.measurement import Measurement
from benchmarks.load.processes import family, memory_bytes, processor_seconds
from scripts.started_cluster import started_cluster
from scripts.started_server import started_process

ROOT = Path(__file__).parents[1]
PATH = "/api/v1/predictions"
WARM_UP = 2.0
SETTINGS = {
    "DOODLESCOPE_FORM": "onnxruntime",
    "DOODLESCOPE_MODELS": json.dumps(
        [
            {
                "model": "benchmarks.common_network:common",
                "name": MODEL,
                "input": ["1x28x28"],
                "labels": str(ROOT / "server/doodle/categories.txt"),
            }
        ]
    ),
}
KINDS = {"ray::ServeReplica": "replicas", "ray::ProxyActor": "proxy"}
"""Titles of Ray's processes, and what is told of them; all others keep the cluster going."""

Processes = Callable[[], dict[int, str]]


@dataclass
class Served:
    """One of the ways to serve, in all rounds."""

    name: str
    replicas: int
    starts: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    processes: int = 0
    measured: dict[int, list[Measurement]] = field(default_factory=dict)
    shares: dict[str, list[float]] = field(default_factory=dict)
    """Of the processor time, by kind of process, at the greatest concurrency."""


def main() -> int:
    """Measure and print tables."""
    chosen = _arguments()
    if not wrk.is_installed():
        print("It needs wrk.", file=sys.stderr)
        return 2
    os.chdir(ROOT)
    served = [Served("`doodlescope serve`", 0)]
    served += [Served(f"Ray Serve, replicas: {n}", n) for n in chosen.replicas]
    with tempfile.TemporaryDirectory() as folder:
        bodies = write_bodies(Path(folder)).strokes
        load_before = os.getloadavg()[1]
        for round_number in range(chosen.rounds):
            for each in served:
                print(f"Round {round_number + 1}: {each.name}", file=sys.stderr)
                _measure(each, bodies, chosen.concurrency, chosen.seconds)
    print(_tables(served, chosen.concurrency))
    print(
        f"\n{chosen.rounds} rounds of {chosen.seconds:g} s, medians; {os.cpu_count()} cores, "
        f"{platform.machine()}; average load of the machine before {load_before:.1f}."
    )
    return 0


def _measure(served: Served, bodies: Path, concurrencies: list[int], seconds: float) -> None:
    began = time.monotonic()
    with _started(served.replicas) as (address, processes):
        served.starts.append(time.monotonic() - began)
        for concurrency in concurrencies:
            before = _by_kind(processes())
            measured = wrk.measure(
                address + PATH,
                bodies,
                concurrency,
                seconds,
                WARM_UP,
                lambda: processor_seconds(processes()),
            )
            if measured.errors:
                raise RuntimeError(f"{served.name}: {measured.first_error}")
            served.measured.setdefault(concurrency, []).append(measured)
            spent = _by_kind(processes())
        for kind, value in spent.items():
            share = (value - before.get(kind, 0.0)) / sum(
                spent[other] - before.get(other, 0.0) for other in spent
            )
            served.shares.setdefault(kind, []).append(share)
        served.memory.append(memory_bytes(processes()) / 2**20)
        served.processes = len(processes())


@contextmanager
def _started(replicas: int) -> Iterator[tuple[str, Processes]]:
    if not replicas:
        with started_process(SETTINGS) as alone:
            root = alone.process.pid
            yield alone.address, lambda: dict.fromkeys(family(root), "server")
        return
    with started_cluster(replicas, SETTINGS) as cluster:
        yield cluster.address, cluster.processes


def _by_kind(processes: dict[int, str]) -> dict[str, float]:
    spent: dict[str, float] = {}
    for number, title in processes.items():
        kind = next((kind for start, kind in KINDS.items() if title.startswith(start)), "others")
        spent[kind] = spent.get(kind, 0.0) + processor_seconds([number])
    return spent


def _tables(served: list[Served], concurrencies: list[int]) -> str:
    lines = [
        "| | clients | requests/s | requests/CPU s | p50 ms | p99 ms |",
        "|---|---|---|---|---|---|",
    ]
    for concurrency in concurrencies:
        for each in served:
            found = each.measured[concurrency]
            lines.append(
                f"| {each.name} | {concurrency} "
                f"| {_median([one.rate for one in found]):.0f} "
                f"| {_median([one.efficiency for one in found]):.0f} "
                f"| {_median([one.p50 for one in found]):.1f} "
                f"| {_median([one.p99 for one in found]):.1f} |"
            )
    lines += [
        "",
        "| | start s | processes | memory MiB | of the processor time at most clients |",
        "|---|---|---|---|---|",
    ]
    for each in served:
        shares = ", ".join(
            f"{kind} {_median(values):.0%}" for kind, values in sorted(each.shares.items())
        )
        lines.append(
            f"| {each.name} | {_median(each.starts):.0f} | {each.processes} "
            f"| {_median(each.memory):.0f} | {shares if each.replicas else ''} |"
        )
    return "\n".join(lines)


def _median(values: list[float]) -> float:
    return statistics.median(values)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--replicas", type=int, nargs="+", default=[1, 2])
    chosen = parser.parse_args()
    if min(chosen.rounds, *chosen.concurrency, *chosen.replicas) < 1 or chosen.seconds < 1:
        parser.error("all numbers are at least 1")
    return chosen


if __name__ == "__main__":
    sys.exit(main())
