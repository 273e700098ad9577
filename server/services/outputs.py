"""What a model returns: logits to guess by, or why there are none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from server.engine.trace import Trace

MOST_CATEGORIES = 100_000
"""More values than this are taken for something else than logits."""

_PROBABILITIES = {"Softmax", "softmax"}
_INDEPENDENT = {"Sigmoid", "sigmoid", "LogSigmoid", "logsigmoid"}


def as_logits(output: Any, are_probabilities: bool) -> NDArray[np.float32] | None:
    """Logits float32 (N, K) of what a forward returned; None where it is nothing of the kind.

    Args:
        output: a tensor of floating-point values (N, K), K at least 2; anything else is none.
        are_probabilities: it comes from a softmax; then these are the logarithms, of which softmax
            gives the same probabilities again.
    """
    if not _has_categories(output):
        return None
    values = output.detach().float()
    if are_probabilities:
        values = values.clamp_min(torch.finfo(torch.float32).tiny).log()
    logits: NDArray[np.float32] = values.cpu().numpy()
    return logits


def gives_probabilities(trace: Trace) -> bool:
    """Whether what a model returns comes from a softmax."""
    return _giver(trace) in _PROBABILITIES


def why_no_guesses(trace: Trace) -> str:
    """Why a model's output is no logits of one input, in a sentence; "" where it is."""
    output = trace.output
    if not _has_categories(output) or output.shape[0] != 1:
        return (
            f"It returns {described(output)}, not a logit for each category: it makes no guesses."
        )
    if _giver(trace) in _INDEPENDENT:
        return (
            "Its last layer is a sigmoid: each output is a yes or no of its own, so it makes no "
            "guesses between categories."
        )
    return ""


def described(output: Any) -> str:
    """What a forward returned, in words: of tensors the shape, of containers what is in them."""
    if isinstance(output, Tensor):
        kind = str(output.dtype).removeprefix("torch.")
        return f"a tensor {list(output.shape)} of {kind}"
    if isinstance(output, Mapping):
        return f"a dictionary of {', '.join(map(str, output)) or 'nothing'}"
    if isinstance(output, list | tuple):
        return f"a {type(output).__name__} of {len(output)}"
    return f"an object of type {type(output).__name__}"


def _has_categories(output: Any) -> bool:
    return (
        isinstance(output, Tensor)
        and output.ndim == 2
        and output.is_floating_point()
        and 2 <= output.shape[1] <= MOST_CATEGORIES
    )


def _giver(trace: Trace) -> str:
    """The kind of the node that gave what the model returned; "" where none did."""
    returned = trace.layer("<output>").slots
    givers = (node for node in reversed(trace.nodes) if set(returned) & set(node.slots))
    return next((node.kind for node in givers), "")
