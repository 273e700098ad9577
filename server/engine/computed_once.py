"""``functools.cached_property`` as it is from Python 3.12 on, for what runs a model."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, TypeVar

Value = TypeVar("Value")


class computed_once(functools.cached_property[Value]):
    """A property that is computed at its first use, without a lock.

    Before Python 3.12 one lock stands for the property of all instances, so that a model that hangs
    in it would stop every other model. Two threads may compute it both; the later one is kept.
    """

    def __init__(self, compute: Callable[[Any], Value]) -> None:
        super().__init__(compute)
        self.lock = nullcontext()
