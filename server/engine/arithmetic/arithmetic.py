"""The arithmetic that made one value of one node, recomputed in float64 from what it read."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from server.engine.arithmetic import activation, elementwise, passing
from server.engine.arithmetic.call import Call, Files, call_of
from server.engine.arithmetic.convolution import convolution
from server.engine.arithmetic.cross_entropy import cross_entropy
from server.engine.arithmetic.general import general
from server.engine.arithmetic.interpolation import interpolation
from server.engine.arithmetic.joining import concatenation
from server.engine.arithmetic.linear import linear, matrix_product
from server.engine.arithmetic.normalisation import (
    batch_normalisation,
    group_normalisation,
    instance_normalisation,
    layer_normalisation,
    local_response_normalisation,
    rms_normalisation,
)
from server.engine.arithmetic.parts import Broken, Index, NotBrokenDown, Read, Sort
from server.engine.arithmetic.pooling import (
    adaptive_average_pooling,
    adaptive_maximum_pooling,
    average_pooling,
    maximum_pooling,
    power_pooling,
)
from server.engine.arithmetic.reduction import embedding, reduction
from server.engine.arithmetic.softmax import softmax
from server.engine.arithmetic.transposed_convolution import transposed_convolution
from server.engine.node import Node

if TYPE_CHECKING:
    from server.engine.trace import Trace


@dataclass(frozen=True)
class Arithmetic:
    """How one value came to be."""

    kind: str
    """Of arithmetic: ``convolution``, ``max_pooling``, ...; says what ``terms`` are."""
    node: str
    operation: str
    """The node's own kind: ``Conv2d``, ``add``."""
    index: Index
    """Place of the value in the node's output."""
    formula: str
    """With the names of PyTorch's documentation."""
    value: float | None
    """Recomputed in float64 from the tensors as the network read them; None where it cannot be."""
    network_value: float
    """What the network itself computed, in its own type."""
    difference: float | None
    """``value - network_value``; None where there is no value, or both are not finite."""
    reads: tuple[Read, ...]
    """The cells of other nodes' outputs that it was computed from; constants are not among them."""
    snippet: str | None = field(repr=False)
    """PyTorch that computes ``value`` again; None where the layer is not PyTorch's own, or tensors
    would have to be written out that are too large for that."""
    terms: Any


Builder = Callable[[Call], Broken]


def _builders() -> dict[str, Builder]:
    axes = (1, 2, 3)
    return {
        **{f"conv{n}d": convolution for n in axes},
        **{f"conv_transpose{n}d": transposed_convolution for n in axes},
        **{f"max_pool{n}d": maximum_pooling for n in axes},
        **{f"avg_pool{n}d": average_pooling for n in axes},
        **{f"lp_pool{n}d": power_pooling for n in axes},
        **{f"adaptive_avg_pool{n}d": adaptive_average_pooling for n in axes},
        **{f"adaptive_max_pool{n}d": adaptive_maximum_pooling for n in axes},
        **dict.fromkeys(activation.NAMES, activation.activation),
        **dict.fromkeys(elementwise.NAMES, elementwise.elementwise),
        **dict.fromkeys(passing.MOVING, passing.movement),
        **dict.fromkeys(passing.SAME, passing.identity),
        **dict.fromkeys(("cat", "stack"), concatenation),
        **dict.fromkeys(("softmax", "log_softmax", "softmin"), softmax),
        **dict.fromkeys(("matmul", "mm", "bmm", "mv", "dot", "addmm", "baddbmm"), matrix_product),
        **dict.fromkeys(
            (
                "dropout",
                "dropout1d",
                "dropout2d",
                "dropout3d",
                "alpha_dropout",
                "feature_alpha_dropout",
            ),
            passing.dropout,
        ),
        **dict.fromkeys(("sum", "mean", "prod", "amax", "amin", "max", "min"), reduction),
        "batch_norm": batch_normalisation,
        "instance_norm": instance_normalisation,
        "layer_norm": layer_normalisation,
        "rms_norm": rms_normalisation,
        "group_norm": group_normalisation,
        "local_response_norm": local_response_normalisation,
        "linear": linear,
        "cross_entropy": cross_entropy,
        "interpolate": interpolation,
        "embedding": embedding,
    }


_BUILDERS = _builders()


def arithmetic(
    node: Node,
    index: Index,
    *,
    module: nn.Module | None = None,
    trace: Trace | Callable[[], Trace] | None = None,
    item: int = 0,
    limit: int | None = None,
    sort: Sort = "contribution",
    files: Files | None = None,
) -> Arithmetic:
    """The arithmetic of one value.

    Args:
        node: of a trace made with ``keep=True``.
        index: place of the value in the output, an index for each axis, that of the batch too.
        module: the layer at ``node.module_path``, when the node is one; its parameters are read.
        trace: of the same network, or what makes one, for what operations read that are not broken
            down.
        item: which of the node's outputs.
        limit: how many terms (channels, features, cells, ...) are listed; the others are counted
            and summed. Without it, as many as is usual for the kind.
        sort: the greatest contributions first, or in order.
        files: where snippets find large tensors; without it, all is written out.

    Raises:
        LookupError: the node's arguments or outputs were not kept.
        IndexError: no such output, or no such place in it.
        TypeError: the output is complex.
    """
    if not node.outputs:
        raise LookupError(f"The output of {node.name} was not kept.")
    if not 0 <= item < len(node.outputs):
        raise IndexError(f"{node.name} returned {len(node.outputs)} tensors; there is no {item}.")
    shape = node.outputs[item].shape
    if len(index) != len(shape) or not all(
        0 <= place < size for place, size in zip(index, shape, strict=True)
    ):
        raise IndexError(f"{node.name} gave {list(shape)}; there is no {list(index)}.")
    if node.outputs[item].is_complex():
        raise TypeError(f"{node.name} gave complex values.")
    call = call_of(node, module, item, index, limit, sort, files or Files())
    with torch.inference_mode(False):
        broken = _broken_down(call, trace, item)
    return Arithmetic(
        kind=broken.kind,
        node=node.name,
        operation=node.kind,
        index=index,
        formula=broken.formula,
        value=broken.value,
        network_value=call.network_value,
        difference=_difference(broken.value, call.network_value),
        reads=broken.reads,
        snippet=broken.snippet,
        terms=broken.terms,
    )


def _broken_down(call: Call, trace: Trace | Callable[[], Trace] | None, item: int) -> Broken:
    builder = _BUILDERS.get(call.function)
    reason = ""
    if builder is not None and call.arguments:
        try:
            return builder(call)
        except NotBrokenDown as why:
            reason = str(why)
    return general(call, trace() if callable(trace) else trace, item, reason)


def _difference(value: float | None, network_value: float) -> float | None:
    if value is None:
        return None
    if math.isfinite(value) and math.isfinite(network_value):
        return value - network_value
    same = value == network_value or (math.isnan(value) and math.isnan(network_value))
    return 0.0 if same else None
