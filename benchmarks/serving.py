"""How many requests our server answers, next to others, with the same network and the same load.

Each server is started anew in every round, is alone while it is measured, and is asked by so many
clients as --concurrency says, each of which asks again when it has its answer.

    make peers
    python -m benchmarks.serving
    python -m benchmarks.serving --rounds 1 --seconds 2 --servers ours no-op --concurrency 64
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import torch

from benchmarks.common_network import common
from benchmarks.load import limits, tables, wrk
from benchmarks.load.bodies import TOP_K, Bodies, write_bodies
from benchmarks.load.measurement import Measurement
from benchmarks.load.processes import family, memory_bytes, processor_seconds
from benchmarks.load.results import Results
from benchmarks.peers.answers import ONNX
from benchmarks.servers import SERVERS, Server, started
from benchmarks.started_peer import PYTHON, ROOT

AGREEMENT = 1e-6
"""Largest difference of a probability from the network's own; they are about 0.003."""
CHECKED = 8
"""So many of each server's answers are compared with the network's own."""
PATIENCE = 120.0
"""Seconds beyond its load that the load generator may take."""


@dataclass(frozen=True, eq=False)
class Plan:
    """What to measure, and with what."""

    servers: Sequence[Server]
    concurrencies: Sequence[int]
    rounds: int
    seconds: float
    warm_up: float
    with_wrk: bool
    bodies: Bodies
    onnx: Path

    def loads(self, server: Server) -> dict[str, Path]:
        """The files of bodies that it is sent, by what the load is called."""
        if server.title == limits.OURS:
            return {limits.OURS: self.bodies.bitmaps, limits.STROKES: self.bodies.strokes}
        return {server.title: self.bodies.bitmaps}


def main() -> int:
    """Measure, print tables or JSON, and return 1 when a limit is not kept."""
    chosen = _arguments()
    servers = [server for server in SERVERS if server.name in chosen.servers]
    if any(server.program for server in servers) and not PYTHON.exists():
        print("The other servers have an environment of their own: make peers", file=sys.stderr)
        return 2
    if chosen.generator == "wrk" and not wrk.is_installed():
        print("There is no wrk here.", file=sys.stderr)
        return 2
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plan = Plan(
            servers=servers,
            concurrencies=chosen.concurrency,
            rounds=chosen.rounds,
            seconds=chosen.seconds,
            warm_up=chosen.warm_up,
            with_wrk=chosen.generator == "wrk",
            bodies=write_bodies(folder),
            onnx=_exported(folder / "common.onnx"),
        )
        results = measured(plan)
    found = limits.verdicts(results)
    if chosen.json:
        _print_json(plan, results, found)
    else:
        _print_tables(plan, results, found)
    wrong = [*results.errors(), *(f"not kept: {each.what}" for each in found if not each.kept)]
    print("\n".join(wrong) or f"All of {len(found)} limits are kept.", file=sys.stderr)
    return 1 if wrong else 0


def measured(plan: Plan) -> Results:
    """All rounds; in each of them every server has its turn, a different one first."""
    results = Results()
    for number in range(plan.rounds):
        results.forwards.append(_forwards(plan.onnx))
        first = number % len(plan.servers)
        for server in [*plan.servers[first:], *plan.servers[:first]]:
            _say(f"round {number + 1} of {plan.rounds}: {server.title}")
            results.load_averages.append(os.getloadavg()[0])
            _measure_server(plan, server, results)
    # In the order in which they are listed, whoever came first.
    order = [load for server in plan.servers for load in plan.loads(server)]
    results.loads = {load: results.loads[load] for load in order}
    return results


def _measure_server(plan: Plan, server: Server, results: Results) -> None:
    loads = plan.loads(server)
    body = plan.bodies.bitmaps.read_bytes().splitlines()[0]
    with started(server, body, {ONNX: str(plan.onnx)}) as (port, process):
        address = f"http://127.0.0.1:{port}{server.path}"
        if server.answers:
            for bodies in loads.values():
                check_answers(address, bodies, plan.bodies)
        for concurrency in plan.concurrencies:
            for load, bodies in loads.items():
                measurement = _load(plan, address, process, bodies, concurrency)
                results.loads[load][concurrency].append(measurement)
                _say(
                    f"  {load}, {concurrency} at once: {measurement.rate:.0f} a second, "
                    f"{measurement.efficiency:.0f} a CPU second, p50 {measurement.p50:.2f} ms, "
                    f"p99 {measurement.p99:.2f} ms, {measurement.errors} errors"
                )
        results.memory[server.title].append(memory_bytes(family(process)))


def check_answers(address: str, bodies: Path, asked: Bodies) -> None:
    """Ask some, and compare with the network run here.

    Raises:
        RuntimeError: an answer is not what the network says.
    """
    images = torch.from_numpy(asked.images[:CHECKED, None].astype(np.float32) / 255)
    with torch.inference_mode():
        best = common()(images).softmax(1).topk(TOP_K).values.numpy()
    headers = {"Content-Type": "application/json"}
    with httpx.Client(headers=headers, timeout=60) as client:
        for row, body in zip(best, bodies.read_bytes().splitlines(), strict=False):
            response = client.post(address, content=body)
            guesses = response.json()["predictions"] if response.is_success else []
            told = [guess["probability"] for guess in guesses]
            if len(told) != TOP_K or np.abs(np.subtract(told, row)).max() > AGREEMENT:
                raise RuntimeError(
                    f"{address} answers {response.status_code} {response.text[:300]}; "
                    f"the network's own probabilities are {row.tolist()}"
                )


def _load(plan: Plan, address: str, process: int, bodies: Path, concurrency: int) -> Measurement:
    if plan.with_wrk:
        members = family(process)
        return wrk.measure(
            *(address, bodies, concurrency, plan.seconds, plan.warm_up),
            lambda: processor_seconds(members),
        )
    url = httpx.URL(address)
    command = [sys.executable, "-m", "benchmarks.load.closed_loop"]
    command += ["--port", str(url.port), "--path", url.path, "--bodies", str(bodies)]
    command += ["--concurrency", str(concurrency), "--server", str(process)]
    command += ["--seconds", str(plan.seconds), "--warm-up", str(plan.warm_up)]
    said = subprocess.run(
        command,
        check=True,
        stdout=subprocess.PIPE,
        timeout=plan.seconds + plan.warm_up + PATIENCE,
    )
    return Measurement(**json.loads(said.stdout))


def _forwards(onnx: Path) -> dict[str, dict[str, float]]:
    command = [sys.executable, "-m", "benchmarks.load.forwards", str(onnx)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=PATIENCE)
    rates: dict[str, dict[str, float]] = json.loads(done.stdout)
    return rates


def _exported(file: Path) -> Path:
    """The network as an ONNX file, for batches of any size."""
    batch = {0: torch.export.Dim("batch")}
    # What the exporter says of its steps goes where progress goes.
    with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings(action="ignore"):
        torch.onnx.export(
            common(),
            (torch.zeros(2, 1, 28, 28),),
            file,
            dynamo=True,
            dynamic_shapes=(batch,),
            verbose=False,
        )
    return file


def environment(plan: Plan, results: Results) -> dict[str, str]:
    """What the figures depend on."""
    loads = results.load_averages
    return {
        "processors": str(os.cpu_count()),
        "rounds": str(plan.rounds),
        "seconds of each load": f"{plan.seconds:g}",
        "load generator": "wrk" if plan.with_wrk else "benchmarks.load.closed_loop",
        "load average": f"{min(loads):.1f} to {max(loads):.1f}",
        "processors busy with other programs": f"{results.others():.2f}",
        "Python": platform.python_version(),
        **_peers(),
    }


def _peers() -> dict[str, str]:
    pinned = (ROOT / "benchmarks/peers.txt").read_text(encoding="utf-8").splitlines()
    versions = dict(line.split("==") for line in pinned if "==" in line)
    shown = ("torch", "onnxruntime", "fastapi", "uvicorn", "litserve", "mosec", "orjson")
    return {name: versions[name] for name in shown}


def _print_tables(plan: Plan, results: Results, found: Sequence[limits.Verdict]) -> None:
    print(
        *(tables.efficiencies(results), tables.times(results), tables.forwards(results)),
        *([tables.limits(found)] if found else []),
        ", ".join(f"{name} {value}" for name, value in environment(plan, results).items()),
        sep="\n\n",
    )


def _print_json(plan: Plan, results: Results, found: Sequence[limits.Verdict]) -> None:
    said: dict[str, Any] = {
        "environment": environment(plan, results),
        "loads": {
            load: {number: list(map(asdict, each)) for number, each in measurements.items()}
            for load, measurements in results.loads.items()
        },
        "memory": results.memory,
        "forwards": results.forwards,
        "limits": [{**asdict(each), "kept": each.kept} for each in found],
    }
    print(json.dumps(said, indent=2))


def _say(progress: str) -> None:
    print(progress, file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    names = [server.name for server in SERVERS]
    parser.add_argument("--rounds", type=int, default=5, help="of all servers (default: 5)")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each load (default: 3)")
    parser.add_argument(
        "--warm-up", type=float, default=1.0, help="before it, not counted (default: 1)"
    )
    parser.add_argument(
        "--concurrency", type=int, nargs="+", default=[1, 8, 32, 64], help="(default: 1 8 32 64)"
    )
    parser.add_argument("--servers", nargs="+", choices=names, default=names, help="(default: all)")
    parser.add_argument(
        "--generator",
        choices=["own", "wrk"],
        default="own",
        help="of the load: our own, or wrk where it is installed (default: own)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
