"""Softmax and its kin: every logit, its exponential, and its share of their sum."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from server.engine.arithmetic.call import Call
from server.engine.arithmetic.parts import Broken, NotBrokenDown, Rest, chosen
from server.engine.arithmetic.snippet import Snippet

LOGITS = 1024
"""How many logits are listed, unless asked otherwise."""

FORMULAS = {
    "softmax": "Softmax(x_i) = exp(x_i) / Σ_j exp(x_j), computed as exp(x_i − max) / Σ_j …",
    "log_softmax": "LogSoftmax(x_i) = log(exp(x_i) / Σ_j exp(x_j)) = x_i − max − log Σ_j …",
    "softmin": "Softmin(x_i) = exp(−x_i) / Σ_j exp(−x_j)",
}


@dataclass(frozen=True)
class Logit:
    """One of the values along the axis."""

    index: int
    logit: float
    shifted: float
    """The logit minus the maximum; of softmin its negative, minus the maximum of those."""
    exponential: float
    share: float


@dataclass(frozen=True)
class SoftmaxTerms:
    """A value of softmax, log-softmax or softmin."""

    axis: int
    index: int
    """The value's own place along the axis."""
    maximum: float
    """Subtracted first, so that no exponential overflows; it changes no share."""
    logits: list[Logit]
    rest: Rest | None
    """The other exponentials."""
    sum: float
    """Of all exponentials."""
    share: float
    logarithm: float | None
    """Of the sum; None unless the logarithm of the share is asked for."""


def softmax(call: Call) -> Broken:
    """A value of softmax, log-softmax or softmin."""
    axis = _axis(call)
    place = [slice(None) if n == axis else index for n, index in enumerate(call.index)]
    operand = call.operand("input")
    row = operand.tensor[tuple(place)].detach().to("cpu", torch.float64)
    signed = -row if call.function == "softmin" else row
    maximum = signed.max()
    shifted = signed - maximum
    powers = shifted.exp()
    total = powers.sum()
    shares = powers / total
    listed, rest = chosen(powers, call.listed(LOGITS), call.sort)
    own = call.index[axis] if call.index else 0
    logarithmic = call.function == "log_softmax"
    value = float(shifted[own] - total.log()) if logarithmic else float(shares[own])
    terms = SoftmaxTerms(
        axis=axis,
        index=own,
        maximum=float(maximum),
        logits=[
            Logit(
                number,
                float(row[number]),
                float(shifted[number]),
                float(powers[number]),
                float(shares[number]),
            )
            for number in listed
        ],
        rest=rest,
        sum=float(total),
        share=float(shares[own]),
        logarithm=float(total.log()) if logarithmic else None,
    )
    cells = [
        list(range(len(row))) if number == axis else [index]
        for number, index in enumerate(call.index)
    ]
    snippet = Snippet(call).tensor("logits", operand, tuple(place))
    return Broken(
        call.function if logarithmic else "softmax",
        terms,
        value,
        FORMULAS[call.function],
        call.read("input", cells),
        snippet.ending(f"F.{call.function}(logits, dim=0)[{own}]"),
    )


def _axis(call: Call) -> int:
    """The axis; where none was given, the one that ``torch.nn.functional`` takes."""
    ndim = len(call.shape)
    if ndim == 0:
        raise NotBrokenDown("it was given a single number")
    if call["dim"] is None:
        return 0 if ndim in (1, 3) else 1
    return int(call["dim"]) % ndim
