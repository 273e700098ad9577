"""A property that hangs for one object does not hang for others."""

from __future__ import annotations

import threading

from server.engine.computed_once import computed_once


class Slow:
    """Computes its value when the gate is open."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.computed = 0

    @computed_once
    def value(self) -> int:
        self.entered.set()
        assert self.gate.wait(20)
        self.computed += 1
        return 7


def test_it_is_computed_once() -> None:
    slow = Slow()
    slow.gate.set()
    assert (slow.value, slow.value, slow.computed) == (7, 7, 1)


def test_another_object_does_not_wait() -> None:
    stuck, other = Slow(), Slow()
    thread = threading.Thread(target=lambda: stuck.value)
    thread.start()
    assert stuck.entered.wait(10)
    other.gate.set()
    found: list[int] = []
    second = threading.Thread(target=lambda: found.append(other.value))
    second.start()
    second.join(10)
    stuck.gate.set()
    thread.join(10)
    assert found == [7]
