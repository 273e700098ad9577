"""The form for a CUDA device, with the CPU in the place of one; and on one, where there is one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from models import load_model
from server.engine.forms import Values, largest_difference, limit_for
from server.engine.forms.cuda import Cuda

CPU = torch.device("cpu")
BATCHES = [
    np.random.default_rng(size).random((size, 1, 28, 28), dtype=np.float32)
    for size in (1, 8, 3, 8, 64)
]


class OneStream:
    def __init__(self, streams: Streams) -> None:
        self.thread = threading.get_ident()
        self.waits = 0
        streams.made.append(self)

    def synchronize(self) -> None:
        assert threading.get_ident() == self.thread
        self.waits += 1


class Streams:
    """What torch.cuda has of streams, for the CPU, where everything has ended when it returns."""

    def __init__(self) -> None:
        self.made: list[OneStream] = []
        self.within = 0

    def Stream(self, device: torch.device) -> OneStream:
        return OneStream(self)

    @contextmanager
    def stream(self, stream: OneStream) -> Iterator[None]:
        self.within += 1
        yield


def expected(batch: np.ndarray) -> Values:
    with torch.inference_mode():
        values: Values = load_model("lenet-5").module.eval()(torch.from_numpy(batch)).numpy()
    return values


def test_batches_of_all_sizes_go_there_and_back() -> None:
    streams = Streams()
    form = Cuda(load_model("lenet-5").module.eval(), CPU, torch.float32, cuda=streams, pins=False)
    answers = [form(batch) for batch in BATCHES]
    # Memory is used again: what was given away must not change with it.
    for batch, answer in zip(BATCHES, answers, strict=True):
        assert answer.dtype == np.float32
        assert largest_difference(answer, expected(batch)) <= limit_for(answer)
    assert len(streams.made) == 1
    assert streams.made[0].waits == streams.within == len(BATCHES)


def test_each_thread_has_a_stream_of_its_own() -> None:
    streams = Streams()
    form = Cuda(load_model("lenet-5").module.eval(), CPU, torch.float32, cuda=streams, pins=False)
    threads = [threading.Thread(target=form, args=(batch,)) for batch in BATCHES[:2]]
    for thread in threads:
        thread.start()
        thread.join()
    form(BATCHES[0])
    assert len(streams.made) == 3


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_on_a_device_it_gives_what_the_module_gives_there() -> None:
    device = torch.device("cuda", 0)
    module = load_model("doodle-classifier").module.eval().to(device)
    form = Cuda(module, device, torch.float32)
    for batch in BATCHES:
        with torch.inference_mode():
            there = torch.from_numpy(batch).to(device)
            eager = module(there.contiguous(memory_format=torch.channels_last)).cpu().numpy()
        assert largest_difference(form(batch), eager) <= limit_for(eager)
