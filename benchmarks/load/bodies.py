"""What the servers are sent: the same drawings, once as bitmaps and once as strokes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.load.doodles import doodles
from server.doodle.raster import render
from server.doodle.strokes import Drawing

COUNT = 64
MODEL = "common"
TOP_K = 5


@dataclass(frozen=True, eq=False)
class Bodies:
    """Files with a body in each line, of the same drawings in the same order."""

    bitmaps: Path
    strokes: Path
    images: NDArray[np.uint8]
    """The drawings as our rasteriser renders them: (64, 28, 28)."""


def write_bodies(folder: Path) -> Bodies:
    """Write both files."""
    drawings = doodles(COUNT)
    images = np.stack([render(Drawing.from_lists(drawing)) for drawing in drawings])
    bitmaps = [{"bitmap": image.ravel().tolist()} for image in images]
    strokes = [{"drawing": drawing} for drawing in drawings]
    return Bodies(
        _written(folder / "bitmaps.ndjson", bitmaps),
        _written(folder / "strokes.ndjson", strokes),
        images,
    )


def _written(file: Path, inputs: list[dict[str, Any]]) -> Path:
    asked = [{**given, "model": MODEL, "top_k": TOP_K} for given in inputs]
    bodies = [json.dumps(body, separators=(",", ":")) for body in asked]
    file.write_text("".join(f"{body}\n" for body in bodies), encoding="utf-8")
    return file
