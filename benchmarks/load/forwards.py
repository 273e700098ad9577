"""The network alone, in batches: what no server of one processor can be faster than.

A program of its own, with one thread. It prints, as JSON, images for a second of processor time,
for each form of the network and each size of a batch.

    python -m benchmarks.load.forwards FILE.onnx
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from benchmarks.common_network import common

BATCHES = (1, 8, 32, 64)
SECONDS = 0.4
"""Of each form and batch; the median of its runs counts."""

Run = Callable[[NDArray[np.float32]], Any]


def forms(file: str) -> dict[str, Run]:
    """Each form of the network, on images (N, 1, 28, 28)."""
    eager, channels_last = common(), common().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    (name,) = (given.name for given in session.get_inputs())

    def last(images: NDArray[np.float32]) -> Any:
        return channels_last(torch.from_numpy(images).contiguous(memory_format=torch.channels_last))

    return {
        "eager": lambda images: eager(torch.from_numpy(images)),
        "eager, channels last": last,
        "ONNX Runtime": lambda images: session.run(None, {name: images}),
    }


def images_per_second(run: Run, images: NDArray[np.float32]) -> float:
    """Images for a second of processor time of this process: the median of the runs."""
    run(images)
    taken: list[float] = []
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end or len(taken) < 3:
        begin = time.process_time()
        run(images)
        taken.append(time.process_time() - begin)
    return len(images) / statistics.median(taken)


def main(file: str) -> None:
    """Measure all."""
    torch.set_num_threads(1)
    generator = np.random.default_rng(0)
    batches = [generator.random((size, 1, 28, 28), np.float32) for size in BATCHES]
    with torch.inference_mode():
        rates = {
            form: {len(batch): images_per_second(run, batch) for batch in batches}
            for form, run in forms(file).items()
        }
    json.dump(rates, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
