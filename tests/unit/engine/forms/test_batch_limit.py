"""Batches grow as long as that pays, by a clock of ours."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from server.engine.forms.batch_limit import paying_batch


class Device:
    """Takes so long for a call and for each image, and has memory for so many."""

    def __init__(self, call: float, image: float, memory: int = 10**9) -> None:
        self.call, self.image, self.memory = call, image, memory
        self.now = 0.0

    def run(self, images: int) -> None:
        if images > self.memory:
            raise torch.OutOfMemoryError
        self.now += self.call + self.image * images

    @property
    def clock(self) -> Callable[[], float]:
        return lambda: self.now


@pytest.mark.parametrize(
    ("device", "limit"),
    [
        (Device(call=1.0, image=0.0), 1024),
        (Device(call=0.0, image=1.0), 64),
        # 128 images take 228 units, 1.15 times the rate of 64; 256 take 356, 1.28 times that
        # of 128; from 512 on it is less than 1.1 times.
        (Device(call=100.0, image=1.0), 512),
        (Device(call=1.0, image=0.0, memory=300), 256),
        (Device(call=1.0, image=0.0, memory=64), 64),
    ],
    ids=["latency alone", "work alone", "both", "memory", "little memory"],
)
def test_batches_grow_as_long_as_it_pays(device: Device, limit: int) -> None:
    assert paying_batch(device.run, 64, 1024, device.clock) == limit
