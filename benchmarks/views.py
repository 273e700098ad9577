"""What it takes to look inside: capturing every layer, and putting a large one on the wire.

Everything runs in one process, in turns, as CPU time of its one thread, with the garbage collector
off. A figure is the median over the rounds; ratios to the stated limits are what counts.

    python -m benchmarks.views
    python -m benchmarks.views --network resnet --rounds 51
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from benchmarks.load.doodles import doodles
from server.compression import LEVEL
from server.doodle.raster import render
from server.doodle.strokes import Drawing
from server.engine.capture import Captured, capture_of
from server.engine.encode import Maps, as_maps, encode_atlas, layer_range
from server.engine.trace import trace_model
from server.memory import keep_freed_memory
from server.services.catalog import Model, load_catalog
from server.services.sources.libraries import import_library

SHOWN = "doodle-classifier"
"""What the Draw page shows live."""
CAPTURE = 1.1
"""Capturing all layers of a network may take so many times its plain forward."""

SIDE, CHANNELS = 224, 64
"""The first layer of a residual network of ImageNet: 64 maps of 112 x 112."""
MILLISECONDS, SHARE = 5.0, 0.05
"""Its maps may take so long to encode, and so many of the bytes that they have as float32."""

TURN = 0.01
"""Seconds that one thing runs before it is another's turn: the clock is coarse."""


@dataclass(frozen=True)
class Cost:
    """What looking inside one network costs."""

    network: str
    layers: int
    plain: float
    """Milliseconds of the forward alone."""
    capture: float
    """Milliseconds with every layer's output kept."""

    @property
    def ratio(self) -> float:
        """Of the two."""
        return self.capture / self.plain


def main() -> None:
    """Measure, and print tables; exits with 1 when a limit is not kept."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=31, help="turns of each (default: 31)")
    parser.add_argument("--network", action="append", help="only these of the catalogue")
    options = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()  # as the server does
    catalog = load_catalog(SHOWN, torch.device("cpu"), 1, names=options.network)
    gc.collect()
    gc.disable()
    asked = [*map(of_catalog, catalog), of_photographs()]
    costs = [cost for each in asked if (cost := measured(each, options.rounds)) is not None]
    milliseconds, share = encoding(options.rounds)
    show(costs, milliseconds, share)
    missed = [each.network for each in costs if each.ratio > CAPTURE]
    sys.exit(1 if missed or milliseconds > MILLISECONDS or share > SHARE else 0)


@dataclass(frozen=True, eq=False)
class Asked:
    """A network, and what it is run on."""

    name: str
    module: nn.Module
    argument: Tensor


def of_catalog(model: Model) -> Asked:
    """A network of the catalogue on a doodle."""
    return Asked(
        model.name, model.module, model.as_input(render(Drawing.from_lists(doodles(1)[0])))
    )


def of_photographs() -> Asked:
    """A network of the size that photographs need; its weights do not change what it costs."""
    module = import_library("torchvision").models.resnet18(weights=None).eval()
    return Asked(f"resnet18, {SIDE} x {SIDE}", module, torch.rand(1, 3, SIDE, SIDE))


def measured(asked: Asked, rounds: int) -> Cost | None:
    """A network's cost; None where only a trace can be trusted."""
    module, argument = asked.module, asked.argument
    graph = trace_model(module, (argument.to("meta"),))
    kept = trace_model(module, (argument,), keep=True)
    capture = capture_of(module, graph, kept, argument)
    if capture is None:
        return None

    def plain() -> object:
        with torch.inference_mode():
            return module(argument)

    def captured() -> Captured:
        return capture.run(argument)

    plain_time, capture_time = medians((plain, captured), rounds)
    return Cost(asked.name, len(kept.nodes), plain_time, capture_time)


def encoding(rounds: int) -> tuple[float, float]:
    """Milliseconds to encode the first layer for a doodle, and bytes as a share of float32."""
    maps = first_layer()

    def packed() -> bytes:
        atlas = encode_atlas("benchmark", {"layer": (maps, layer_range(maps))})
        packer = zlib.compressobj(LEVEL, zlib.DEFLATED, zlib.MAX_WBITS + 16)
        return packer.compress(atlas) + packer.flush()

    (taken,) = medians((packed,), rounds)
    return taken, len(packed()) / maps.nbytes


def first_layer() -> Maps:
    """The maps of a 7 x 7 convolution of stride 2 with random weights, and a ReLU, of a doodle."""
    torch.manual_seed(0)
    image = torch.from_numpy(render(Drawing.from_lists(doodles(1)[0]))).float()[None, None] / 255
    large: Tensor = nn.functional.interpolate(image, size=(SIDE, SIDE), mode="nearest")
    layer = nn.Conv2d(1, CHANNELS, 7, stride=2, padding=3, bias=False)
    with torch.inference_mode():
        return as_maps(torch.relu(layer(large)).numpy())


def medians(runs: Sequence[Callable[[], object]], rounds: int) -> list[float]:
    """Milliseconds of CPU time of each, in turns."""
    repeats = [max(1, round(TURN / seconds(run, 3))) for run in runs]
    taken: list[list[float]] = [[] for _ in runs]
    for turn in range(rounds + 1):
        for run, times, into in zip(runs, repeats, taken, strict=True):
            once = seconds(run, times)
            if turn:  # the first warms up
                into.append(1e3 * once)
    return [statistics.median(each) for each in taken]


def seconds(run: Callable[[], object], times: int) -> float:
    """CPU time of this thread for one run, of so many."""
    began = time.thread_time()
    for _ in range(times):
        run()
    return (time.thread_time() - began) / times


def show(costs: Sequence[Cost], milliseconds: float, share: float) -> None:
    """Print what was measured."""
    console = Console()
    table = Table(title="Capturing every layer")
    for head in ("network", "layers", "forward, ms", "capture, ms", "ratio"):
        table.add_column(head, justify="left" if head == "network" else "right")
    for each in costs:
        table.add_row(
            each.network,
            str(each.layers),
            f"{each.plain:.3f}",
            f"{each.capture:.3f}",
            f"{each.ratio:.2f}",
        )
    console.print(table)
    most = max(costs, key=lambda each: each.ratio)
    console.print(f"At most {most.ratio:.2f} ({most.network}), limit {CAPTURE}.")
    console.print(
        f"Encoding {CHANNELS} x {SIDE // 2} x {SIDE // 2}: {milliseconds:.2f} ms, limit "
        f"{MILLISECONDS:g} ms; {100 * share:.1f} % of float32, limit {100 * SHARE:g} %."
    )


if __name__ == "__main__":
    main()
