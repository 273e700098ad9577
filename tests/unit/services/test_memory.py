"""Smaller batches while memory is short."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from server.services.memory import REDUCED_SECONDS, BatchLimit, is_out_of_memory
from tests.support.clock import Clock


class Network:
    """Doubles up to ``fits`` items at once."""

    def __init__(self, fits: int) -> None:
        self.fits = fits
        self.batches: list[int] = []

    def __call__(self, items: NDArray[np.int64]) -> NDArray[np.int64]:
        self.batches.append(len(items))
        if len(items) > self.fits:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate")
        return items * 2


def test_what_does_not_fit_is_tried_in_halves_and_smaller_for_a_while() -> None:
    clock, network, items = Clock(), Network(5), np.arange(20)
    limit = BatchLimit(16, clock)
    np.testing.assert_array_equal(np.concatenate(limit.answer(items, network)), items * 2)
    assert network.batches == [16, 8, 4, 4, 4, 4, 4]
    network.batches.clear()
    limit.answer(items[:8], network)
    assert network.batches == [4, 4]
    clock.now = REDUCED_SECONDS + 1
    network.fits = 16
    network.batches.clear()
    limit.answer(items, network)
    assert network.batches == [16, 4]


def test_a_single_item_that_does_not_fit() -> None:
    network = Network(0)
    with pytest.raises(RuntimeError, match="can't allocate"):
        BatchLimit(4, Clock()).answer(np.arange(4), network)
    assert network.batches == [4, 2, 1]


def test_other_errors_are_not_tried_again() -> None:
    calls: list[int] = []

    def broken(items: NDArray[np.int64]) -> None:
        calls.append(len(items))
        raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="shapes"):
        BatchLimit(4, Clock()).answer(np.arange(4), broken)
    assert calls == [4]


@pytest.mark.parametrize("error", [KeyboardInterrupt("out of memory"), ValueError("too long")])
def test_what_is_no_lack_of_memory(error: BaseException) -> None:
    assert not is_out_of_memory(error)
