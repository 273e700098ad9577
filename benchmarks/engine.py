"""What tracing, closed forms and a receptive field cost, next to a plain forward and to others.

Everything is timed in the same process, in turns, as CPU time of its one thread, with the garbage
collector off while a clock runs. A figure is the median over the rounds; ratios are what counts.

    python -m benchmarks.engine
    python -m benchmarks.engine --network resnet50 --rounds 30 --json
"""

from __future__ import annotations

import argparse
import gc
import importlib
import importlib.metadata
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import nn

from server.engine import trace_model
from server.engine.receptive_field.closed_form import Stage, Sweep
from server.engine.receptive_field.field import spatial_axes
from server.engine.receptive_field.plan import Plan
from server.engine.record import Slot
from server.engine.trace import Trace
from tests.support.architectures import architecture

SIDES = {"inception_v3": 299}
"""Of the input; 224 for the others."""

NETWORKS = ("resnet18", "resnet50", "resnet152", "vgg16", "densenet121", "inception_v3")

FLOORS = {
    "vgg16": (0.019, 0.012),
    "resnet18": (0.048, 0.024),
    "resnet50": (0.124, 0.058),
    "resnet152": (0.380, 0.172),
    "densenet121": (0.365, 0.447),
}
"""Pure interval arithmetic over the same graph in Python, best of 200 on another machine, in
milliseconds: closed forms of all layers, and one box. It knows no holes, groups or branches."""

FORWARDS = 3.0
"""A trace may take so many times the plain forward."""

MILLISECOND = 1.0
"""What closed forms, and a box, may take for ``resnet50``."""

SLOW_ROUNDS = 5
"""Turns of what takes seconds."""

BOXES = 20
"""A turn of boxes finds so many, at different places."""


@dataclass(frozen=True)
class Row:
    """The medians for one network, in milliseconds of CPU time."""

    network: str
    nodes: int
    forward: float
    """The model on a meta tensor, in eval mode, without gradients."""
    trace: float
    """``trace_model`` of the same, with all its nodes."""
    torchinfo: float | None
    """``torchinfo.summary`` of the same, without printing; None: not installed, or it failed."""
    torchlens: float | None
    """``torchlens.trace`` of the same, of its structure only; None as above."""
    prepare: float
    """What the first closed forms, and the first box, take more than later ones."""
    closed_forms: float
    """Size, stride and start of all nodes, from the beginning."""
    box: float
    """One ``receptive_field`` of the last layer with rows and columns, without its mask."""


def main() -> None:
    """Measure, and print a table or JSON; exits with 1 when a limit is not kept."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--network", action="append", help="one of torchvision; may be repeated")
    parser.add_argument("--rounds", type=int, default=15, help="turns of each (default: 15)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = [measured(name, arguments.rounds) for name in arguments.network or NETWORKS]
    missed = [problem for row in rows for problem in problems(row)]
    if arguments.json:
        json.dump(
            {"environment": environment(), "rows": [asdict(row) for row in rows], "missed": missed},
            sys.stdout,
            indent=2,
        )
        print()
    else:
        show(rows, missed)
    sys.exit(1 if missed else 0)


def measured(name: str, rounds: int) -> Row:
    """All of a row, in turns."""
    model = architecture(name)
    side = SIDES.get(name, 224)
    image = torch.empty(1, 3, side, side, device="meta")
    trace = trace_model(model, image)
    layer = [node for node in trace.nodes if len(node.shape) == 4 and node.shape[2] > 1][-1]
    height, width = layer.shape[2:]
    places = [((k * 5) % height, (k * 3) % width) for k in range(BOXES)]
    trace.receptive_field(layer.name, places[0])

    def boxes() -> None:
        for place in places:
            _ = trace.receptive_field(layer.name, place).box

    clocks: dict[str, Callable[[], Any]] = {
        "forward": lambda: plain(model, image),
        "trace": lambda: trace_model(model, image).nodes,
        "torchinfo": peer("torchinfo", model, image),
        "torchlens": peer("torchlens", model, image),
        "prepare": lambda: prepared(trace, layer.name, places[0]),
        "closed_forms": lambda: closed_forms(trace),
        "box": boxes,
    }
    seconds: dict[str, list[float]] = {clock: [] for clock in clocks}
    failed: set[str] = set()
    for turn in range(rounds + 1):
        for clock, run in clocks.items():
            if clock in failed or (clock == "torchlens" and turn > SLOW_ROUNDS):
                continue
            try:
                taken = timed(run)
            except Exception as cause:
                if clock not in ("torchinfo", "torchlens"):
                    raise
                print(f"{clock} on {name}: {type(cause).__name__}: {cause}", file=sys.stderr)
                failed.add(clock)
                continue
            if turn:  # the first warms up
                seconds[clock].append(taken)
    medians: dict[str, Any] = {
        clock: 1e3 * statistics.median(taken) if taken and clock not in failed else None
        for clock, taken in seconds.items()
    }
    medians["box"] /= BOXES
    medians["prepare"] = max(0.0, medians["prepare"] - medians["closed_forms"] - medians["box"])
    return Row(network=name, nodes=len(trace.nodes), **medians)


def plain(model: nn.Module, image: torch.Tensor) -> None:
    """The forward as anyone runs it."""
    with torch.no_grad():
        model(image)


def closed_forms(trace: Trace) -> None:
    """Those of all nodes, computed anew."""
    source = trace.input_views[0]
    sweep = Sweep(trace.stages, source, spatial_axes(source.shape))
    for node in trace.nodes:
        if isinstance(node.result, Slot):
            sweep.closed(node.result)


def prepared(trace: Trace, layer: str, place: tuple[int, int]) -> None:
    """The first closed forms and the first box of a trace."""
    stages = [Stage(operation, trace.storages) for operation in trace.operations]
    source = trace.input_views[0]
    Sweep(stages, source, spatial_axes(source.shape))
    plan = Plan(trace.operations, trace.storages, trace.input_views)
    slot = trace[layer].slots[0]
    plan.back(slot, (1, 1, *(1 << index for index in place)), 0)


def peer(name: str, model: nn.Module, image: torch.Tensor) -> Callable[[], Any]:
    """A call of another tool on the same model and input."""

    def run() -> Any:
        tool = importlib.import_module(name)
        if name == "torchinfo":
            return tool.summary(model, input_data=image, verbose=0, device="meta")
        options = importlib.import_module("torchlens.options")
        with torch.no_grad():
            # The only way in which it takes meta tensors.
            return tool.trace(model, image, capture=options.CaptureOptions(structure_only=True))

    return run


def timed(run: Callable[[], Any]) -> float:
    """Seconds of CPU time of this thread."""
    gc.collect()
    gc.disable()
    try:
        begin = time.thread_time()
        run()
        return time.thread_time() - begin
    finally:
        gc.enable()


def problems(row: Row) -> list[str]:
    """The limits that a row does not keep."""
    limits = [("trace", row.trace, FORWARDS * row.forward, f"{FORWARDS:g} forwards")]
    for tool, taken in (("torchinfo", row.torchinfo), ("torchlens", row.torchlens)):
        if taken is not None:
            limits.append(("trace", row.trace, taken, tool))
    if row.network == "resnet50":
        limits.append(("closed forms", row.closed_forms, MILLISECOND, "1 ms"))
        limits.append(("box", row.box, MILLISECOND, "1 ms"))
    return [
        f"{row.network}: {what} {taken:.2f} ms, more than {name} ({limit:.2f} ms)"
        for what, taken, limit, name in limits
        if taken > limit
    ]


def show(rows: list[Row], missed: list[str]) -> None:
    """Print the table, and what is not kept."""
    table = Table(title="Milliseconds of CPU time, medians; beside them the ratio to the limit")
    for heading in (
        *("network", "nodes", "forward", "trace", "of 3 forwards", "of torchinfo", "of torchlens"),
        *("prepare", "closed forms", "of floor", "box", "of floor"),
    ):
        table.add_column(heading, justify="left" if heading == "network" else "right")
    for row in rows:
        floor = FLOORS.get(row.network)
        table.add_row(
            row.network,
            str(row.nodes),
            f"{row.forward:.1f}",
            f"{row.trace:.1f}",
            f"{row.trace / (FORWARDS * row.forward):.2f}",
            *(
                f"{row.trace / taken:.2f} ({taken:.0f})" if taken else "-"
                for taken in (row.torchinfo, row.torchlens)
            ),
            f"{row.prepare:.2f}",
            f"{row.closed_forms:.3f}",
            f"{row.closed_forms / floor[0]:.1f}" if floor else "-",
            f"{row.box:.3f}",
            f"{row.box / floor[1]:.1f}" if floor else "-",
        )
    console = Console(width=160)
    console.print(table)
    console.print(" | ".join(f"{name} {value}" for name, value in environment().items()))
    console.print("\n".join(missed) or "All limits are kept.")


def environment() -> dict[str, str]:
    """What the figures depend on."""
    versions = {"python": platform.python_version(), "torch": torch.__version__}
    for name in ("torchvision", "torchinfo", "torchlens"):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "missing"
    return versions


if __name__ == "__main__":
    main()
