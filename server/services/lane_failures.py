"""What becomes of an error that a model raises: a problem that names the model and tells no more.

A model is somebody's code, which raises what it likes. What it says goes to the log.
"""

from __future__ import annotations

from server.errors import ModelFailed, OutOfMemory, Problem
from server.services.memory import is_out_of_memory


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
