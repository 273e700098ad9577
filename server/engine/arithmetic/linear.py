"""Fully connected layers and products of matrices: inputs times weights, and their sum."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from server.engine.arithmetic.call import Call
from server.engine.arithmetic.parts import (
    Broken,
    NotBrokenDown,
    Read,
    Rest,
    chosen,
    single,
    unbroadcast,
)
from server.engine.arithmetic.snippet import Snippet

TERMS = 64
"""How many products are listed, unless asked otherwise."""


@dataclass(frozen=True)
class Product:
    """One input feature times its weight."""

    feature: int
    input: float
    weight: float
    product: float


@dataclass(frozen=True)
class LinearTerms:
    """A value of a fully connected layer."""

    in_features: int
    out_features: int
    products: list[Product]
    rest: Rest | None
    sum: float
    """Of all products, before the bias."""
    bias: float | None


@dataclass(frozen=True)
class Pair:
    """One value of the row on the left times one of the column on the right."""

    index: int
    left: float
    right: float
    product: float


@dataclass(frozen=True)
class MatrixProductTerms:
    """A value of a product of matrices: a row times a column."""

    length: int
    products: list[Pair]
    rest: Rest | None
    sum: float
    added: float | None
    """The value of the matrix that is added to the product, by addmm and baddbmm."""
    alpha: float
    """By which the product is multiplied."""
    beta: float
    """By which what is added is multiplied."""


def linear(call: Call) -> Broken:
    """A value of ``x Aᵀ + b``."""
    weight = call.operand("weight")
    *lead, output = call.index if weight.tensor.ndim == 2 else (*call.index, 0)
    source = call.operand("input")
    row = source.tensor[tuple(lead)].detach().to("cpu", torch.float64)
    weights = weight.tensor.detach().reshape(-1, row.numel())[output].to("cpu", torch.float64)
    products = row * weights
    listed, rest = chosen(products, call.listed(TERMS), call.sort)
    bias = call.optional("bias")
    added = None if bias is None else float(bias.reshape(-1)[output])
    total = float(products.sum())
    terms = LinearTerms(
        in_features=row.numel(),
        out_features=weight.tensor.numel() // row.numel(),
        products=[
            Product(number, float(row[number]), float(weights[number]), float(products[number]))
            for number in listed
        ],
        rest=rest,
        sum=total,
        bias=added,
    )
    flat = weight.tensor.ndim == 1
    snippet = (
        Snippet(call)
        .tensor("input", source, tuple(lead))
        .tensor("weight", weight, () if flat else (output,))
        .optional("bias", call.arguments.get("bias"), () if flat else (output,))
        .ending("F.linear(input, weight, bias)")
    )
    return Broken(
        "linear",
        terms,
        total + (added or 0.0),
        "y = x Aᵀ + b: y_j = Σ_k input_k · weight_{j, k} + bias_j",
        (
            *call.read("input", [*single(tuple(lead)), range(row.numel())]),
            *call.read("weight", [*([] if flat else [[output]]), range(row.numel())]),
            *call.read("bias", [] if flat else [[output]]),
        ),
        snippet,
    )


def matrix_product(call: Call) -> Broken:
    """A value of ``matmul`` and its kin: vectors, matrices, and batches that broadcast."""
    adds = call.function in ("addmm", "baddbmm")
    names = ("mat1", "mat2") if adds else ("input", "other")
    left, right = (call.operand(name) for name in names)
    a, b = left.tensor, right.tensor
    if a.ndim == 0 or b.ndim == 0:
        raise NotBrokenDown("one side is a single number")
    index = list(call.index)
    column = [index.pop()] if b.ndim > 1 else []
    row = [index.pop()] if a.ndim > 1 else []
    left_lead = (*unbroadcast(tuple(index), a.shape[:-2]), *row) if a.ndim > 1 else ()
    right_lead = unbroadcast(tuple(index), b.shape[:-2]) if b.ndim > 1 else ()
    x = a[left_lead].detach().to("cpu", torch.float64)
    y = b[right_lead].detach().to("cpu", torch.float64)
    y = y[:, column[0]] if column else y
    products = x * y
    listed, rest = chosen(products, call.listed(TERMS), call.sort)
    total = float(products.sum())
    added, alpha, beta = _addend(call)
    length = range(len(x))
    right_cells = [*single(right_lead), length, *([place] for place in column)]
    reads: tuple[Read, ...] = (
        *call.read(names[0], [*single(left_lead), length]),
        *call.read(names[1], right_cells),
    )
    snippet = Snippet(call).tensor("left", left, tuple(left_lead))
    snippet.tensor("right", right, (*right_lead, slice(None), *column))
    expression = "torch.dot(left, right)"
    value = total
    if added is not None:
        operand = call.operand("input")
        place = unbroadcast(call.index, operand.tensor.shape)
        reads = (*call.read("input", single(place)), *reads)
        snippet.tensor("added", operand, tuple(place))
        expression = f"{beta!r} * added + {alpha!r} * {expression}"
        value = beta * added + alpha * total
    terms = MatrixProductTerms(
        length=len(x),
        products=[
            Pair(number, float(x[number]), float(y[number]), float(products[number]))
            for number in listed
        ],
        rest=rest,
        sum=total,
        added=added,
        alpha=alpha,
        beta=beta,
    )
    return Broken(
        "matrix_product",
        terms,
        value,
        "out_{i, j} = Σ_k input_{i, k} · other_{k, j}"
        if added is None
        else "out_{i, j} = β · input_{i, j} + α · Σ_k mat1_{i, k} · mat2_{k, j}",
        reads,
        snippet.ending(expression),
    )


def _addend(call: Call) -> tuple[float | None, float, float]:
    """What is added at the unit, the factor of the product, and that of what is added."""
    if call.function not in ("addmm", "baddbmm"):
        return None, 1.0, 1.0
    matrix: Tensor = call.tensor("input")
    added = matrix[unbroadcast(call.index, matrix.shape)]
    return float(added), float(call["alpha"]), float(call["beta"])
