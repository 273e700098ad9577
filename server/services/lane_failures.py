"""What becomes of an error that a model raises: a problem that names the model and tells no more.

A model is somebody's code, which raises what it likes. What it says goes to the log.
"""

from __future__ import annotations

import gc

import torch

from server.errors import ModelFailed, OutOfMemory, Problem

_SAID_OF_MEMORY = (
    "can't allocate memory",  # PyTorch on the CPU
    "not enough memory",  # PyTorch on Windows
    "std::bad_alloc",  # its operators, and other libraries in C++
    "failed to allocate memory",  # ONNX Runtime
    "out of memory",  # CUDA's libraries
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, on the CPU or a GPU; most libraries raise a RuntimeError then."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    said = str(error).lower() if isinstance(error, RuntimeError) else ""
    return any(words in said for words in _SAID_OF_MEMORY)


def free_memory() -> None:
    """Give back what nobody uses any more."""
    gc.collect(1)  # what a failed run left is young
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def problem_of(error: BaseException, model: str | None) -> Problem:
    """The problem that the client is told, with the error as its cause.

    Args:
        error: a problem is left as it is.
        model: the name of the model that raised it; None: of no one model.
    """
    if isinstance(error, Problem):
        return error
    name = model or "The network"
    problem: Problem
    if is_out_of_memory(error):
        problem = OutOfMemory(
            f"{name} needs more memory than is free; try a smaller input, or the same one later."
        )
    else:
        problem = ModelFailed(f"{name} failed on this input; the server's log has the reason.")
    problem.__cause__ = error
    return problem


def is_safe(error: BaseException) -> bool:
    """Whether an error can be handed to whoever awaits, and means there what it meant here.

    What ends a program or a task does not: a model that calls ``sys.exit`` would end the server.
    """
    return isinstance(error, Exception) and not isinstance(error, StopIteration)
