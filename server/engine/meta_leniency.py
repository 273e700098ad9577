"""What the meta device lets pass although real operators refuse it.

There, several operators do not compare the types of their arguments, and transposed convolution
does not even look at its channels (torch 2.13). A trace must not show a network that cannot run,
so such a call is stopped, to be decided by the real operator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import torch
from torch import Tensor

Check: TypeAlias = Callable[[Mapping[str, Any]], bool]


class Doubtful(RuntimeError):
    """The meta device accepted a call of an operator that the real one may refuse."""

    def __init__(self, operator: str) -> None:
        super().__init__(f"Only a real run can tell whether {operator} takes these arguments.")


def _convolution(arguments: Mapping[str, Any]) -> bool:
    input, weight, bias = arguments["input"], arguments["weight"], arguments["bias"]
    transposed, groups = arguments["transposed"], arguments["groups"]
    if _mixed((input, weight, bias)):
        return True
    if bias is not None and bias.numel() != (
        weight.shape[1] * groups if transposed else len(weight)
    ):
        return True
    if not transposed:
        return False
    limits = zip(arguments["stride"], arguments["dilation"], strict=False)
    spare = [max(pair) for pair in limits]
    extra = arguments["output_padding"]
    # One number may stand for every axis.
    return input.shape[1] != len(weight) or any(
        size >= spare[axis % len(spare)] for axis, size in enumerate(extra)
    )


def _product(*names: str) -> Check:
    def check(arguments: Mapping[str, Any]) -> bool:
        return _mixed(arguments[name] for name in names)

    return check


def _normalisation(arguments: Mapping[str, Any]) -> bool:
    input: Tensor = arguments["input"]
    others = [arguments.get(name) for name in ("weight", "bias", "running_mean", "running_var")]
    types = {tensor.dtype for tensor in others if tensor is not None}
    if input.dtype in (torch.float16, torch.bfloat16) and types <= {torch.float32}:
        return False  # halves may be normalised by single precision
    return not input.is_floating_point() or not types <= {input.dtype}


def _pooling(arguments: Mapping[str, Any]) -> bool:
    input: Tensor = arguments["self"]
    return 0 in input.shape[1:] or not input.is_floating_point()


def _floating(arguments: Mapping[str, Any]) -> bool:
    input: Tensor = arguments["self"]
    return not (input.is_floating_point() or input.is_complex())


def _mixed(tensors: Iterable[Tensor | None]) -> bool:
    """Whether tensors have different types."""
    return len({tensor.dtype for tensor in tensors if tensor is not None}) > 1


DOUBTS: dict[str, Check] = {
    "convolution": _convolution,
    "mm": _product("self", "mat2"),
    "bmm": _product("self", "mat2"),
    "addmm": _product("self", "mat1", "mat2"),
    "baddbmm": _product("self", "batch1", "batch2"),
    "mv": _product("self", "vec"),
    "dot": _product("self", "tensor"),
    "addmv": _product("self", "mat", "vec"),
    **dict.fromkeys(
        ("native_batch_norm", "native_layer_norm", "native_group_norm"), _normalisation
    ),
    **dict.fromkeys(("_adaptive_avg_pool2d", "_adaptive_avg_pool3d"), _pooling),
    **dict.fromkeys(("adaptive_max_pool2d", "adaptive_max_pool3d"), _pooling),
    **dict.fromkeys(("_softmax", "_log_softmax", "gelu", "silu", "mish", "softplus"), _floating),
    **dict.fromkeys(("elu", "leaky_relu", "hardtanh", "hardswish", "hardsigmoid"), _floating),
    **dict.fromkeys(("upsample_linear1d", "upsample_bilinear2d"), _floating),
    **dict.fromkeys(("upsample_bicubic2d", "upsample_trilinear3d"), _floating),
}
"""By the name of an operator: whether a call that passes on the meta device may be refused by the
real operator. Arguments are given by their names in the schema."""
