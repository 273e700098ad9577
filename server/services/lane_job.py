"""One piece of work on the torch lane."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class NamedModule(Protocol):
    """A model, as far as the lane knows it."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def module(self) -> object:
        """What no two threads may run at the same time."""


@dataclass(eq=False, slots=True)
class Job:
    """What to run, for whom, and how it went.

    ``run`` maps items to as many results. Exactly one of ``result`` and ``error`` counts once the
    job is delivered: the error where there is one. Times are nanoseconds since 1970.
    """

    run: Callable[[Sequence[Any]], Sequence[Any]]
    item: Any
    images: int
    shared: bool
    """Whether it may run together with others of the same ``run``."""
    loop: asyncio.AbstractEventLoop
    """Where it was asked for, and is handed back."""
    done: Callable[[Job], None]
    """Is called there when it is answered, once; not where it was withdrawn before."""
    is_over: bool = False
    """Whether it was handed back, or withdrawn; only ``loop`` says so."""
    result: Any = None
    error: BaseException | None = None
    queued: int = field(default_factory=time.time_ns)
    started: int = 0
    finished: int = 0
    expected: float = 0.0
    """Seconds that it was expected to take when it was queued."""
    about: NamedModule | None = None
    """Whose module it runs, where ``run`` is not a method of it."""

    @property
    def model(self) -> NamedModule | None:
        """Whose module it runs; None: that is not known."""
        if self.about is not None:
            return self.about
        owner = getattr(self.run, "__self__", None)
        return owner if isinstance(owner, NamedModule) else None
