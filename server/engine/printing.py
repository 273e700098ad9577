"""Holding back what a run prints, until it is known whether the run counts."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

_here = threading.local()
_lock = threading.Lock()
_open = 0
_before: list[TextIO] = []


class Held:
    """What one run printed; ``release`` prints it, and without that it is dropped."""

    def __init__(self) -> None:
        self._written: list[tuple[str, str]] = []

    def write(self, stream: str, text: str) -> None:
        """Keep text for ``stdout`` or ``stderr``."""
        self._written.append((stream, text))

    def release(self) -> None:
        """Print it, in the order in which it was written; also while it is still being held."""
        written, self._written = self._written, []
        stack: list[Held] = _here.__dict__.setdefault("held", [])
        place = stack.index(self) if self in stack else len(stack)
        inner, stack[place:] = stack[place:], []
        try:
            for stream, text in written:
                getattr(sys, stream).write(text)
        finally:
            stack += inner


class _Stream(io.TextIOBase):
    """Gives text of a thread that holds its output back to that, all else to the real stream."""

    def __init__(self, name: str, real: TextIO) -> None:
        self._name = name
        self._real = real

    def write(self, text: str) -> int:
        held: list[Held] = getattr(_here, "held", [])
        if held:
            held[-1].write(self._name, text)
            return len(text)
        return self._real.write(text)

    def flush(self) -> None:
        self._real.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


@contextmanager
def held_printing() -> Iterator[Held]:
    """Hold back what this thread writes to ``sys.stdout`` and ``sys.stderr`` in Python.

    Other threads print as before. What C code writes, or a log handler that took hold of a
    stream earlier, is not held.
    """
    held = Held()
    stack: list[Held] = _here.__dict__.setdefault("held", [])
    _install()
    stack.append(held)
    try:
        yield held
    finally:
        stack.pop()
        _uninstall()


def _install() -> None:
    global _open
    with _lock:
        _open += 1
        if _open == 1:
            _before[:] = [sys.stdout, sys.stderr]
            sys.stdout, sys.stderr = (
                _Stream("stdout", sys.stdout),
                _Stream("stderr", sys.stderr),
            )


def _uninstall() -> None:
    global _open
    with _lock:
        _open -= 1
        # A stream that somebody else put there in the meantime stays.
        if _open == 0:
            if isinstance(sys.stdout, _Stream):
                sys.stdout = _before[0]
            if isinstance(sys.stderr, _Stream):
                sys.stderr = _before[1]
            _before.clear()
