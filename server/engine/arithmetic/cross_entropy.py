"""Cross-entropy: what a classification costs by the share of its own class."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from server.engine.arithmetic.call import Call
from server.engine.arithmetic.parts import Broken, Index, NotBrokenDown, Rest, chosen
from server.engine.arithmetic.snippet import Snippet

ITEMS = 1024
"""How many items of the batch are listed, unless asked otherwise."""


@dataclass(frozen=True)
class Item:
    """The loss of one item of the batch."""

    index: list[int]
    """Its place in the batch."""
    target: int | None
    """The class that it is of; None where the target gives a share for each class."""
    logit: float | None
    """Of that class."""
    log_sum: float
    """The logarithm of the sum of all exponentials of the item's logits."""
    weight: float
    """Of that class; 1 where none is given."""
    loss: float


@dataclass(frozen=True)
class CrossEntropyTerms:
    """A cross-entropy loss."""

    classes: int
    reduction: str
    label_smoothing: float
    items: list[Item]
    rest: Rest | None
    ignored: int
    """How many items have the class ``ignore_index``."""
    sum: float
    divisor: float
    """1 unless the reduction is ``mean``; else the sum of the items' weights."""


def cross_entropy(call: Call) -> Broken:
    """A loss of ``cross_entropy``: of one item, or over the batch."""
    logits, target = call.tensor("input"), call.operand("target").tensor.detach().cpu()
    reduction, smoothing = str(call["reduction"]), float(call["label_smoothing"])
    if call.arguments.get("size_average") is not None or call.arguments.get("reduce") is not None:
        raise NotBrokenDown("its reduction is given by the deprecated size_average or reduce")
    axis = 1 if logits.ndim > 1 else 0
    classes = logits.shape[axis]
    weights = call.optional("weight")
    each = torch.ones(classes, dtype=torch.float64) if weights is None else weights
    probable = target.is_floating_point()
    rows = logits.movedim(axis, -1)
    batch = tuple(rows.shape[:-1])
    places: list[Index] = (
        list(torch.cartesian_prod(*map(torch.arange, batch)).reshape(-1, len(batch)).tolist())
        if batch
        else [()]
    )
    places = [tuple(place) for place in places]
    if reduction == "none":
        places = [call.index]
    items: list[Item] = []
    ignored, divisor = 0, 0.0
    for place in places:
        row = rows[place]
        own = None if probable else int(target[place])
        if own == call["ignore_index"] and not probable:
            ignored += 1
            continue
        log_sum = float(row.logsumexp(0))
        wanted = target.movedim(axis, -1)[place].double() if probable else _one(own or 0, classes)
        shares = (1 - smoothing) * wanted + smoothing / classes
        # A share of 0 takes nothing, not even of a class that is impossible.
        logs = torch.where(shares == 0, 0.0, row - log_sum)
        loss = float(-(each * shares * logs).sum())
        weight = 1.0 if own is None else float(each[own])
        divisor += weight
        logit = None if own is None else float(row[own])
        items.append(Item(list(place), own, logit, log_sum, weight, loss))
    losses = torch.tensor([item.loss for item in items], dtype=torch.float64)
    listed, rest = chosen(losses, call.listed(ITEMS), call.sort)
    total = float(losses.sum())
    divisor = divisor if reduction == "mean" else 1.0
    terms = CrossEntropyTerms(
        classes=classes,
        reduction=reduction,
        label_smoothing=smoothing,
        items=[items[number] for number in listed],
        rest=rest,
        ignored=ignored,
        sum=total,
        divisor=divisor,
    )
    snippet = (
        Snippet(call)
        .tensor("input", call.operand("input"))
        .tensor("target", call.operand("target"))
        .optional("weight", call.arguments.get("weight"))
    )
    settings = f"ignore_index={call['ignore_index']}, reduction={reduction!r}"
    written = ", ".join(map(str, call.index)) if reduction == "none" and call.index else ""
    batch_cells = (
        [[index] for index in call.index]
        if reduction == "none"
        else [list(range(size)) for size in batch]
    )
    cells = [*batch_cells[:axis], list(range(classes)), *batch_cells[axis:]]
    target_cells = cells if probable else batch_cells
    return Broken(
        "cross_entropy",
        terms,
        total / divisor if divisor else math.nan,
        "l_n = −w_{y_n} · log(exp(x_{n, y_n}) / Σ_c exp(x_{n, c})); "
        "mean: Σ_n l_n / Σ_n w_{y_n}; sum: Σ_n l_n",
        # Nothing of items that are ignored is read.
        tuple(
            dataclasses.replace(read, exact=not ignored)
            for read in (*call.read("input", cells), *call.read("target", target_cells))
        ),
        snippet.ending(
            f"F.cross_entropy(input, target, weight, {settings}, label_smoothing={smoothing!r})"
            + (f"[{written}]" if written else "")
        ),
    )


def _one(index: int, classes: int) -> Tensor:
    wanted = torch.zeros(classes, dtype=torch.float64)
    wanted[index] = 1
    return wanted
