"""Normalisation: a value minus a mean over a standard deviation, scaled and shifted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from server.engine.arithmetic.call import Call
from server.engine.arithmetic.parts import Broken, NotBrokenDown, Read, Rest, chosen, single
from server.engine.arithmetic.snippet import Snippet
from server.engine.given import Operand

NEIGHBOURS = 64
"""How many channels around one are listed, unless asked otherwise."""

BATCH_FORMULA = "y = (x − E[x]) / √(Var[x] + eps) · γ + β"
RMS_FORMULA = "y_i = x_i / RMS(x) · γ_i, RMS(x) = √(eps + 1/n · Σ_i x_i²)"
RESPONSE_FORMULA = (
    "b_c = a_c · (k + α/n · Σ_{c' = max(0, c − n/2)}^{min(N − 1, c + n/2)} a_{c'}²)^{−β}"
)


@dataclass(frozen=True)
class Step:
    """One step on the way to the value."""

    name: str
    expression: str
    value: float


@dataclass(frozen=True)
class NormalisationTerms:
    """A value of batch, layer, group, instance or RMS normalisation."""

    x: float
    mean: float | None
    """None for RMS normalisation, which subtracts none."""
    variance: float
    """Biased (divided by the count); of RMS normalisation the mean of squares."""
    eps: float
    weight: float | None
    bias: float | None
    statistics: str
    """``running``: those found in training; ``input``: of the values read now."""
    axes: list[int]
    """The axes of the input over which the statistics were taken now; none for running ones."""
    count: int
    """Over how many values they were taken now; 0 for running ones."""
    steps: list[Step]


@dataclass(frozen=True)
class Neighbour:
    """A channel beside the unit's."""

    channel: int
    value: float
    square: float


@dataclass(frozen=True)
class ResponseTerms:
    """A value of local response normalisation."""

    x: float
    size: int
    alpha: float
    beta: float
    k: float
    channels: list[Neighbour]
    rest: Rest | None
    sum: float
    """Of the squares."""
    divisor: float
    """(k + alpha / size * sum) ** beta."""


def batch_normalisation(call: Call) -> Broken:
    """A value of batch normalisation, with running statistics or those of the batch."""
    if call["training"] or call["running_mean"] is None:
        axes = [0, *range(2, len(call.shape))]
        return _normalised(call, axes, _of_input(call, axes), "input", channel_axis=1)
    return _running(call)


def instance_normalisation(call: Call) -> Broken:
    """A value of instance normalisation; an input without a batch is one item."""
    if not call["use_input_stats"] and call["running_mean"] is not None:
        return _running(call)
    unbatched = call.module is not None and _without_batch(call)
    axis = 0 if unbatched else 1
    axes = list(range(axis + 1, len(call.shape)))
    return _normalised(call, axes, _of_input(call, axes), "input", channel_axis=axis)


def layer_normalisation(call: Call) -> Broken:
    """A value of layer normalisation: over the last axes, each value with a weight of its own."""
    axes = _last_axes(call)
    return _normalised(call, axes, _of_input(call, axes), "input", channel_axis=None)


def rms_normalisation(call: Call) -> Broken:
    """A value of root mean square normalisation."""
    axes = _last_axes(call)
    values = _of_input(call, axes)
    x = _x(call)
    # As torch.nn.RMSNorm says: where no eps is given, that of the input's type.
    eps = call["eps"]
    eps = torch.finfo(call.operand("input").tensor.dtype).eps if eps is None else float(eps)
    square = float(values.square().mean())
    root = math.sqrt(square + eps)
    weight = _at(call, "weight", None)
    steps = [
        Step("mean of squares", "1/n · Σ x²", square),
        Step("root", "√(mean of squares + eps)", root),
        Step("normalised", "x / root", x / root),
    ]
    value = x / root
    if weight is not None:
        value *= weight
        steps.append(Step("scaled", "normalised · weight", value))
    terms = NormalisationTerms(
        x=x,
        mean=None,
        variance=square,
        eps=eps,
        weight=weight,
        bias=None,
        statistics="input",
        axes=axes,
        count=values.numel(),
        steps=steps,
    )
    snippet = _statistics_snippet(call, axes)
    snippet.line(f"weight = {weight!r}").line(f"root = (values.square().mean() + {eps!r}).sqrt()")
    return Broken(
        "normalisation",
        terms,
        value,
        RMS_FORMULA,
        (*call.read("input", _cells(call, axes)), *_weights_read(call, None)),
        snippet.ending("x / root" + ("" if weight is None else " * weight")),
    )


def group_normalisation(call: Call) -> Broken:
    """A value of group normalisation: over the channels of a group and all their positions."""
    source = call.operand("input").tensor
    per_group = source.shape[1] // int(call["num_groups"])
    first = call.index[1] // per_group * per_group
    cells = [[call.index[0]], list(range(first, first + per_group))]
    cells += [list(range(size)) for size in source.shape[2:]]
    values = source[call.index[0], first : first + per_group].detach().to("cpu", torch.float64)
    axes = list(range(1, source.ndim))
    return _normalised(call, axes, values, "input", channel_axis=1, cells=cells)


def local_response_normalisation(call: Call) -> Broken:
    """A value of local response normalisation, across neighbouring channels."""
    if len(call.index) < 3:
        raise NotBrokenDown("local response normalisation needs channels and positions")
    size, alpha, beta, k = (call[name] for name in ("size", "alpha", "beta", "k"))
    item, channel, *position = call.index
    source = call.operand("input").tensor
    first = max(0, channel - size // 2)
    after = min(source.shape[1], channel + (size - 1) // 2 + 1)
    cells = [[item], list(range(first, after)), *([place] for place in position)]
    beside: tuple[Any, ...] = (item, slice(first, after), *position)
    around = source[beside].detach().to("cpu", torch.float64)
    squares = around.square()
    listed, rest = chosen(squares, call.listed(NEIGHBOURS), "order")
    total = float(squares.sum())
    divisor = (total / size * alpha + k) ** beta
    x = _x(call)
    terms = ResponseTerms(
        x=x,
        size=int(size),
        alpha=float(alpha),
        beta=float(beta),
        k=float(k),
        channels=[
            Neighbour(first + number, float(around[number]), float(squares[number]))
            for number in listed
        ],
        rest=rest,
        sum=total,
        divisor=divisor,
    )
    snippet = (
        Snippet(call)
        .tensor("x", call.operand("input"), tuple(call.index))
        .tensor("around", call.operand("input"), beside)
        .ending(f"x / (around.square().sum() / {size} * {alpha!r} + {k!r}) ** {beta!r}")
    )
    return Broken(
        "local_response_normalisation",
        terms,
        x / divisor,
        RESPONSE_FORMULA,
        call.read("input", cells),
        snippet,
    )


def _running(call: Call) -> Broken:
    """With the mean and variance that training left."""
    axis = 0 if call.function == "instance_norm" and _without_batch(call) else 1
    channel = call.index[axis]
    mean = float(call.tensor("running_mean")[channel])
    variance = float(call.tensor("running_var")[channel])
    terms, value = _affine(call, mean, variance, axis, "running", [], 0)
    snippet = Snippet(call).tensor("x", call.operand("input"), tuple(call.index))
    for name in ("running_mean", "running_var", "weight", "bias"):
        snippet.optional(name, call.arguments.get(name), (slice(channel, channel + 1),))
    return Broken(
        "normalisation",
        terms,
        value,
        BATCH_FORMULA,
        (*call.read("input", single(call.index)), *_weights_read(call, axis)),
        snippet.ending(
            "F.batch_norm(x.reshape(1, 1), running_mean, running_var, weight, bias, "
            f"eps={call['eps']!r})"
        ),
    )


def _normalised(
    call: Call,
    axes: Sequence[int],
    values: Tensor,
    statistics: str,
    *,
    channel_axis: int | None,
    cells: list[list[int]] | None = None,
) -> Broken:
    """With the mean and variance of values that are read now."""
    mean = float(values.mean())
    variance = float((values - values.mean()).square().mean())
    terms, value = _affine(
        call, mean, variance, channel_axis, statistics, list(axes), values.numel()
    )
    snippet = _statistics_snippet(call, axes, cells)
    snippet.line("mean, variance = values.mean(), values.var(correction=0)")
    expression = f"(x - mean) / (variance + {call['eps']!r}).sqrt()"
    if terms.weight is not None:
        expression += f" * {terms.weight!r}"
    if terms.bias is not None:
        expression += f" + {terms.bias!r}"
    return Broken(
        "normalisation",
        terms,
        value,
        BATCH_FORMULA,
        (*call.read("input", cells or _cells(call, axes)), *_weights_read(call, channel_axis)),
        snippet.ending(expression),
    )


def _affine(
    call: Call,
    mean: float,
    variance: float,
    channel_axis: int | None,
    statistics: str,
    axes: list[int],
    count: int,
) -> tuple[NormalisationTerms, float]:
    """The steps from x to the value."""
    x, eps = _x(call), float(call["eps"])
    weight, bias = _at(call, "weight", channel_axis), _at(call, "bias", channel_axis)
    deviation = math.sqrt(variance + eps)
    value = (x - mean) / deviation if deviation else math.nan
    steps = [
        Step("centred", "x − mean", x - mean),
        Step("standard deviation", "√(variance + eps)", deviation),
        Step("normalised", "centred / standard deviation", value),
    ]
    if weight is not None:
        value *= weight
        steps.append(Step("scaled", "normalised · weight", value))
    if bias is not None:
        value += bias
        steps.append(Step("shifted", "scaled + bias", value))
    terms = NormalisationTerms(
        x=x,
        mean=mean,
        variance=variance,
        eps=eps,
        weight=weight,
        bias=bias,
        statistics=statistics,
        axes=axes,
        count=count,
        steps=steps,
    )
    return terms, value


def _x(call: Call) -> float:
    return float(call.operand("input").tensor[call.index].double())


def _at(call: Call, name: str, channel_axis: int | None) -> float | None:
    """The weight or bias of the unit: of its channel, or with no such axis of its own place."""
    operand = call.arguments.get(name)
    if not isinstance(operand, Operand):
        return None
    tensor = operand.tensor
    if channel_axis is None:
        return float(tensor[call.index[len(call.index) - tensor.ndim :]].double())
    return float(tensor[call.index[channel_axis]].double())


def _weights_read(call: Call, channel_axis: int | None) -> tuple[Read, ...]:
    """The weight and bias of the unit, where a layer made them."""
    reads: tuple[Read, ...] = ()
    for name in ("weight", "bias"):
        if isinstance(operand := call.arguments.get(name), Operand):
            own = call.index[len(call.index) - operand.tensor.ndim :]
            place = own if channel_axis is None else (call.index[channel_axis],)
            reads += call.read(name, single(place))
    return reads


def _of_input(call: Call, axes: Sequence[int]) -> Tensor:
    """The values over which statistics are taken, float64."""
    place = [slice(None) if axis in axes else index for axis, index in enumerate(call.index)]
    return call.operand("input").tensor[tuple(place)].detach().to("cpu", torch.float64)


def _cells(call: Call, axes: Sequence[int]) -> list[list[int]]:
    shape = call.operand("input").tensor.shape
    return [
        list(range(shape[axis])) if axis in axes else [index]
        for axis, index in enumerate(call.index)
    ]


def _last_axes(call: Call) -> list[int]:
    count = len(tuple(call["normalized_shape"]))
    return list(range(len(call.shape) - count, len(call.shape)))


def _without_batch(call: Call) -> bool:
    """Whether a layer for channels and positions was given no batch: its name tells its axes."""
    axes = next((int(name) for name in call.node.kind if name.isdigit()), 0)
    return len(call.shape) == axes + 1


def _statistics_snippet(
    call: Call, axes: Sequence[int], cells: list[list[int]] | None = None
) -> Snippet:
    """Defines ``x`` and ``values``, over which the statistics are taken."""
    operand = call.operand("input")
    place: list[Any] = [
        slice(None) if axis in axes else index for axis, index in enumerate(call.index)
    ]
    if cells is not None:
        place[1] = slice(cells[1][0], cells[1][-1] + 1)
    return (
        Snippet(call)
        .tensor("x", operand, tuple(call.index))
        .tensor("values", operand, tuple(place))
    )
