"""When memory runs out: how to tell, what to give back, and smaller batches for a while."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from numpy.typing import NDArray

Result = TypeVar("Result")

REDUCED_SECONDS = 60.0
"""So long after memory ran out batches stay smaller; then the usual size is tried again."""

_SAID = (
    "can't allocate memory",  # PyTorch on the CPU
    "not enough memory",  # PyTorch on Windows
    "std::bad_alloc",  # its operators, and other libraries in C++
    "failed to allocate memory",  # ONNX Runtime
    "out of memory",  # CUDA's libraries
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, on the CPU or a GPU; most libraries say so in a RuntimeError."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    # ONNX Runtime's errors are of a class of its own.
    said = str(error).lower() if isinstance(error, Exception) else ""
    return any(words in said for words in _SAID)


def free_memory() -> None:
    """Give back what nobody uses any more."""
    gc.collect(1)  # what a failed run left is young
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


class BatchLimit:
    """The most items of one batch: halved when memory runs out, for a while.

    Args:
        most: items, usually.
        clock: in seconds.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._reduced = most
        self._until = float("-inf")

    @property
    def items(self) -> int:
        """The most at this moment."""
        return self._reduced if self._clock() < self._until else self._most

    def answer(self, items: NDArray[Any], answer: Callable[[NDArray[Any]], Result]) -> list[Result]:
        """The answers to batches of ``items``, in order; raises what ``answer`` raises.

        Where memory runs out, what it held is given back, and the batch tried again in halves; not
        where a single item is too much.
        """
        answers: list[Result] = []
        start = 0
        while start < len(items):
            batch = items[start : start + self.items]
            try:
                answers.append(answer(batch))
            except Exception as error:
                if len(batch) == 1 or not is_out_of_memory(error):
                    raise
                self._reduced, self._until = len(batch) // 2, self._clock() + REDUCED_SECONDS
            else:
                start += len(batch)
                continue
            free_memory()  # outside of the handler: the error holds the run's variables
        return answers
