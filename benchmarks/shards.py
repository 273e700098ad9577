"""What shards of published files take: time to write and to read them, memory and disk.

Drawings of random walks, as long as those of the data set are on average, are written in a
published form; then one process writes shards of them, and another reads and renders batches. Time
is CPU time; memory is the largest resident size of the process, beside what it was before.

    python -m benchmarks.shards
    python -m benchmarks.shards --drawings 1600000 --form binary
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from server.doodle.categories import CATEGORIES
from server.doodle.published import FORMS, FormName, PublishedFile
from server.doodle.published_folder import sources_in
from server.doodle.raster import render
from server.doodle.strokes import Drawing
from server.training.shard_index import load_index
from server.training.shard_sampling import ShardData, ShardSampler
from server.training.sharding import Plan, Sharding

Lists = list[list[list[float]]]

SHOWN = 20
"""Categories that the drawings are of."""
POOL = 2_000
"""So many different drawings; files repeat them, each time with another key."""
STROKES, POINTS = 4.25, 7.5
"""Means, less one: those of the project's own 104,141 training drawings, which would take 117 bytes
each in the binary form."""
BATCH, BATCHES = 256, 40
WHOLE = 50_000_000
"""So many drawings the full data set has, says its description."""
SMALLER: dict[FormName, int] = {"binary": 1, "simplified": 4, "raw": 20, "numpy_bitmap": 4}
"""Of a form, so many times fewer drawings are enough: its readers are slower, its files longer."""


def drawn(random: np.random.Generator) -> Lists:
    """One drawing: strokes that wander."""
    strokes = []
    for _ in range(1 + random.poisson(STROKES)):
        steps = random.normal(0, 30, (1 + random.poisson(POINTS), 2))
        points = np.clip(random.uniform(20, 235, 2) + steps.cumsum(axis=0), 0, 255).astype(int)
        strokes.append(points.T.tolist())
    return strokes


def contents(form: FormName, category: str, count: int) -> Iterator[bytes]:
    """A file piece by piece; raw drawings have about six times the points."""
    random = np.random.default_rng(CATEGORIES.index(category))
    pool = [drawn(random) for _ in range(min(POOL, count))]
    if form == "numpy_bitmap":
        head = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            head, {"descr": "|u1", "fortran_order": False, "shape": (count, 784)}
        )
        yield head.getvalue()
        ready = [render(Drawing.from_lists(one)).tobytes() for one in pool]
        yield from (ready[index % len(ready)] for index in range(count))
    elif form == "binary":
        rows = [struct.pack("<IH", 0, len(one)) + b"".join(map(stroke_bytes, one)) for one in pool]
        for index in range(count):
            yield struct.pack("<Q2sb", index, b"DE", index % 12 > 0) + rows[index % len(rows)]
    else:
        if form == "raw":
            pool = [[finely(stroke, random) for stroke in one] for one in pool]
        rows = [json.dumps(one).encode() for one in pool]
        for index in range(count):
            said = b"true" if index % 12 else b"false"
            yield (
                b'{"word":"%b","countrycode":"DE","recognized":%b,"key_id":"%d","drawing":%b}\n'
                % (
                    category.encode(),
                    said,
                    index,
                    rows[index % len(rows)],
                )
            )


def stroke_bytes(stroke: list[list[float]]) -> bytes:
    x, y = stroke
    return struct.pack("<H", len(x)) + bytes(map(int, x)) + bytes(map(int, y))


def finely(stroke: list[list[float]], random: np.random.Generator) -> list[list[float]]:
    """The stroke as a screen told of it: points between points, and times."""
    places = np.linspace(0, len(stroke[0]) - 1, 6 * len(stroke[0]))
    x, y = (np.interp(places, np.arange(len(axis)), axis) * 2.3 + 31 for axis in stroke)
    times = np.cumsum(random.integers(8, 30, len(places)))
    return [x.round(2).tolist(), y.round(2).tolist(), times.tolist()]


def write_files(folder: Path, form: FormName, drawings: int) -> int:
    """Write so many drawings, equally many of each category; returns the bytes."""
    size = 0
    for category in CATEGORIES[:SHOWN]:
        path = folder / PublishedFile(form, category).path
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.writelines(contents(form, category, drawings // SHOWN))
        size += path.stat().st_size
    return size


def write_shards(folder: Path) -> dict[str, float]:
    """In a process of its own: shards of a folder's files."""
    sources, before = sources_in(folder), resident()
    with tempfile.TemporaryDirectory() as small:  # what is compiled is compiled before
        Sharding(sources[:1], Path(small), Plan()).run()
    began, busy = time.perf_counter(), time.process_time()
    index = Sharding(sources, folder / "shards", Plan()).run()
    return {
        "drawings": index.drawings,
        "seconds": time.process_time() - busy,
        "elapsed": time.perf_counter() - began,
        "bytes": sum(shard.bytes for shard in index.shards),
        "before": before,
        "peak": resident(),
    }


def read_shards(folder: Path) -> dict[str, float]:
    """In a process of its own: batches, read, bent and rendered as training takes them."""
    import torch

    torch.set_num_threads(1)
    data = ShardData(folder / "shards", load_index(folder / "shards"))
    sampler = ShardSampler(data, BATCH, seed=0)
    before = resident()
    sampler.batch(0)
    busy = time.process_time()
    for number in range(1, BATCHES):
        sampler.batch(number)
    rendered = (time.process_time() - busy) / (BATCHES - 1) / BATCH
    busy, read = time.process_time(), 0
    for part in sampler._parts:
        read += sum(len(one) for one in part._shown(0, part._drawings))
    return {
        "rendered": 1 / rendered,
        "read": read / (time.process_time() - busy),
        "before": before,
        "peak": resident(),
    }


def resident() -> float:
    """The largest resident size so far, in bytes."""
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(size if sys.platform == "darwin" else size * 1024)


def in_a_process(what: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.shards", f"--{what}", str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def measure(form: FormName, drawings: int, folder: Path) -> dict[str, Any]:
    size = write_files(folder, form, drawings)
    written, read = in_a_process("write", folder), in_a_process("read", folder)
    return {"form": form, "files": size, "written": written, "read": read}


def table_of(rows: list[dict[str, Any]]) -> Table:
    table = Table()
    for name in ("form", "drawings", "files MB", "shards MB", "written/s", "minutes for all"):
        table.add_column(name, justify="right")
    for name in ("writing MB", "read/s", "rendered/s", "reading MB"):
        table.add_column(name, justify="right")
    for row in rows:
        written, read = row["written"], row["read"]
        rate = written["drawings"] / written["seconds"]
        table.add_row(
            row["form"],
            f"{written['drawings']:,.0f}",
            f"{row['files'] / 1e6:.1f}",
            f"{written['bytes'] / 1e6:.1f}",
            f"{rate:,.0f}",
            f"{WHOLE / rate / 60:.1f}",
            f"{written['before'] / 1e6:.0f} + {(written['peak'] - written['before']) / 1e6:.0f}",
            f"{read['read']:,.0f}",
            f"{read['rendered']:,.0f}",
            f"{read['before'] / 1e6:.0f} + {(read['peak'] - read['before']) / 1e6:.0f}",
        )
    return table


def main(arguments: list[str] | None = None) -> int:
    """Measure; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--drawings", type=int, default=400_000, help="in the binary form")
    parser.add_argument("--form", action="append", choices=FORMS, help="again for each")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.write or chosen.read:
        print(json.dumps(write_shards(chosen.write) if chosen.write else read_shards(chosen.read)))
        return 0
    rows = []
    for form in chosen.form or FORMS:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(measure(form, chosen.drawings // SMALLER[form], Path(folder)))
    if chosen.json:
        print(json.dumps(rows))
    else:
        Console(width=150).print(table_of(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
