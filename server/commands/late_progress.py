"""A progress bar for what is usually over before anyone wonders."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

DELAY = 1.0
"""Seconds after which it appears."""


class LateProgress:
    """Appears on standard error after a second, if that is a terminal, and leaves no trace."""

    def __init__(self, title: str) -> None:
        console = Console(stderr=True)
        columns = (SpinnerColumn(), TextColumn(title), BarColumn(), TimeElapsedColumn())
        self._bar = Progress(
            *columns, console=console, transient=True, disable=not console.is_terminal
        )
        self._task = self._bar.add_task(title, total=None)
        self._lock = threading.Lock()
        self._over = False
        self._timer = threading.Timer(DELAY, self._start)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        with self._lock:
            self._over = True
            self._bar.stop()

    def update(self, done: int, total: int) -> None:
        """Tell how much is done; until then, it shows only that something is."""
        self._bar.update(self._task, completed=done, total=total)

    def _start(self) -> None:
        with self._lock:
            if not self._over:
                self._bar.start()
