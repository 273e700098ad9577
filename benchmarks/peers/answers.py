"""What the peers have in common: the network's five best guesses as an answer."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

LABELS = (
    (Path(__file__).parents[2] / "server/doodle/categories.txt").read_text(encoding="utf-8")
).splitlines()

ONNX = "BENCHMARK_ONNX"
"""The variable of the environment that names the network as an ONNX file."""


def answer(indices: Sequence[int], probabilities: Sequence[float]) -> dict[str, Any]:
    """Guesses, the best first, as our own server writes them but for the logits."""
    return {
        "model": "common",
        "predictions": [
            {"label": LABELS[index], "probability": probability}
            for index, probability in zip(indices, probabilities, strict=True)
        ],
    }


def onnx_file() -> str:
    """Where the network is that the benchmark has exported."""
    return os.environ[ONNX]
