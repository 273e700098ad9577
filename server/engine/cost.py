"""Multiply-accumulates of operators: one multiplication with its addition, biases not counted."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

Shape = tuple[int, ...]


Count = Callable[[Mapping[str, Any], Any], int]
"""From the arguments of a call by name, and its result, to its multiply-accumulates."""


def counted_by(name: str) -> Count | None:
    """How an operator's multiply-accumulates are counted; None: it sums no products.

    A convolution takes, for each output value, one for each weight that reaches it:
    ``outputs * weights / output channels``; a transposed one the same with inputs for outputs.
    A product of matrices (m, k) and (k, n) takes ``m * k * n``.
    """
    return _COUNTS.get(name)


def _convolution(arguments: Mapping[str, Any], result: Any) -> int:
    weight: Tensor = arguments["weight"]
    values = arguments["input"] if arguments["transposed"] else result
    # Of a transposed convolution's weight the first axis is the input's channels.
    return int(values.numel() * math.prod(weight.shape[1:]))


def _product(left: str, right: str) -> Count:
    def count(arguments: Mapping[str, Any], _result: Any) -> int:
        return int(arguments[left].numel() * math.prod(arguments[right].shape[-1:]))

    return count


def _vector(arguments: Mapping[str, Any], _result: Any) -> int:
    return int(arguments["self"].numel())


def _attention(arguments: Mapping[str, Any], _result: Any) -> int:
    query, key, value = (arguments[name] for name in ("query", "key", "value"))
    return int(query.numel() * key.shape[-2] + math.prod(query.shape[:-1]) * value[0, 0].numel())


_COUNTS: dict[str, Count] = {
    "convolution": _convolution,
    "_convolution": _convolution,
    "mm": _product("self", "mat2"),
    "bmm": _product("self", "mat2"),
    "addmm": _product("mat1", "mat2"),
    "baddbmm": _product("batch1", "batch2"),
    "mv": _vector,
    "dot": _vector,
    "addmv": lambda arguments, _result: int(arguments["mat"].numel()),
    "_scaled_dot_product_flash_attention_for_cpu": _attention,
    "_scaled_dot_product_flash_attention": _attention,
    "_scaled_dot_product_efficient_attention": _attention,
    "_scaled_dot_product_cudnn_attention": _attention,
}
