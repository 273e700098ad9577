"""The parameters of PyTorch's functions, which those written in C++ do not tell by themselves."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from server.engine.operations import operation_kind

_CONVOLUTION = "input weight bias=None stride=1 padding=0 dilation=1 groups=1 padding_mode='zeros'"
_TRANSPOSED = "input weight bias=None stride=1 padding=0 output_padding=0 groups=1 dilation=1"
_MAXIMUM = "input kernel_size stride=None padding=0 dilation=1 ceil_mode=False return_indices=False"
_AVERAGE = (
    "input kernel_size stride=None padding=0 ceil_mode=False count_include_pad=True "
    "divisor_override=None"
)
_POWER = "input norm_type kernel_size stride=None ceil_mode=False"
_BINARY = "input other"
_REDUCTION = "input dim=None keepdim=False dtype=None"
_SOFTMAX = "input dim=None _stacklevel=3 dtype=None"

SIGNATURES: dict[str, str] = {
    **{f"conv{axes}d": _CONVOLUTION for axes in (1, 2, 3)},
    **{f"conv_transpose{axes}d": _TRANSPOSED for axes in (1, 2, 3)},
    **{f"max_pool{axes}d": _MAXIMUM for axes in (1, 2, 3)},
    **{f"avg_pool{axes}d": _AVERAGE for axes in (1, 2, 3)},
    **{f"lp_pool{axes}d": _POWER for axes in (1, 2, 3)},
    **{f"adaptive_avg_pool{axes}d": "input output_size" for axes in (1, 2, 3)},
    **{f"adaptive_max_pool{axes}d": "input output_size return_indices=False" for axes in (1, 2, 3)},
    "batch_norm": (
        "input running_mean running_var weight=None bias=None training=False momentum=0.1 "
        "eps=1e-05 cudnn_enabled=True"
    ),
    "instance_norm": (
        "input running_mean=None running_var=None weight=None bias=None use_input_stats=True "
        "momentum=0.1 eps=1e-05 cudnn_enabled=True"
    ),
    "layer_norm": "input normalized_shape weight=None bias=None eps=1e-05 cudnn_enabled=True",
    "rms_norm": "input normalized_shape weight=None eps=None",
    "group_norm": "input num_groups weight=None bias=None eps=1e-05 cudnn_enabled=True",
    "local_response_norm": "input size alpha=0.0001 beta=0.75 k=1.0",
    "linear": "input weight bias=None",
    **dict.fromkeys(("matmul", "mm", "bmm", "mv", "dot"), _BINARY),
    **dict.fromkeys(("addmm", "baddbmm"), "input mat1 mat2 beta=1 alpha=1"),
    **dict.fromkeys(("add", "sub"), "input other alpha=1"),
    "div": "input other rounding_mode=None",
    **dict.fromkeys(("mul", "maximum", "minimum", "fmod", "remainder", "atan2"), _BINARY),
    "pow": "input exponent",
    **dict.fromkeys(("cat", "stack"), "tensors dim=0"),
    **dict.fromkeys(("softmax", "log_softmax", "softmin"), _SOFTMAX),
    "cross_entropy": (
        "input target weight=None size_average=None ignore_index=-100 reduce=None "
        "reduction='mean' label_smoothing=0.0"
    ),
    **dict.fromkeys(
        ("dropout", "dropout1d", "dropout2d", "dropout3d"),
        "input p=0.5 training=True inplace=False",
    ),
    **dict.fromkeys(
        ("alpha_dropout", "feature_alpha_dropout"), "input p=0.5 training=False inplace=False"
    ),
    "interpolate": (
        "input size=None scale_factor=None mode='nearest' align_corners=None "
        "recompute_scale_factor=None antialias=False"
    ),
    **dict.fromkeys(("mean", "sum", "prod"), _REDUCTION),
    **dict.fromkeys(("amax", "amin"), "input dim=() keepdim=False"),
    **dict.fromkeys(("max", "min"), "input dim=None keepdim=False"),
    "embedding": "input weight padding_idx=None",
    # Activation functions.
    **dict.fromkeys(
        ("relu", "relu6", "selu", "silu", "mish", "hardswish", "hardsigmoid"), "input inplace=False"
    ),
    "hardtanh": "input min_val=-1.0 max_val=1.0 inplace=False",
    "threshold": "input threshold value inplace=False",
    **dict.fromkeys(("elu", "celu"), "input alpha=1.0 inplace=False"),
    "gelu": "input approximate='none'",
    "leaky_relu": "input negative_slope=0.01 inplace=False",
    "rrelu": "input lower=0.125 upper=0.3333333333333333 training=False inplace=False",
    "prelu": "input weight",
    "softplus": "input beta=1.0 threshold=20.0",
    **dict.fromkeys(("softshrink", "hardshrink"), "input lambd=0.5"),
    "glu": "input dim=-1",
    "clamp": "input min=None max=None",
    **dict.fromkeys(("clamp_min",), "input min"),
    **dict.fromkeys(("clamp_max",), "input max"),
}
"""Parameters by function, as they are called in the documentation, with their defaults."""

SAME: dict[str, str] = {
    "max_pool1d_with_indices": "max_pool1d",
    "max_pool2d_with_indices": "max_pool2d",
    "max_pool3d_with_indices": "max_pool3d",
    "adaptive_max_pool1d_with_indices": "adaptive_max_pool1d",
    "adaptive_max_pool2d_with_indices": "adaptive_max_pool2d",
    "adaptive_max_pool3d_with_indices": "adaptive_max_pool3d",
    "upsample": "interpolate",
    "upsample_nearest": "interpolate",
    "upsample_bilinear": "interpolate",
    "truediv": "div",
    "true_divide": "div",
    "divide": "div",
    "subtract": "sub",
    "rsub": "sub",
    "multiply": "mul",
    "concat": "cat",
    "concatenate": "cat",
    "clip": "clamp",
    "special_softmax": "softmax",
    "special_log_softmax": "log_softmax",
}
"""Other names of the same functions."""

_REVERSED = frozenset({"__rsub__", "rsub", "__rdiv__", "__rtruediv__", "__rpow__", "__rmatmul__"})
"""Functions that take the right-hand side first."""

_ALIASES = {"self": "input", "axis": "dim", "keepdims": "keepdim", "mat2": "other", "vec": "other"}

_VARIADIC = frozenset({"mean", "sum", "prod", "amax", "amin"})
"""Methods that take axes one by one too."""


def canonical(function: Callable[..., Any]) -> str:
    """One name for all forms of a function: methods, operators, in place or not."""
    kind = operation_kind(function)
    return SAME.get(kind, kind)


def bound(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """Arguments by the names of the parameters, with defaults; of others only ``input``.

    Raises:
        TypeError: the arguments do not fit what is listed.
    """
    name = canonical(function)
    signature = SIGNATURES.get(name, "input")
    parameters = _parameters(signature)
    if getattr(function, "__name__", "") in _REVERSED:
        args = (args[1], args[0], *args[2:])
    if len(args) > len(parameters):
        if name not in SIGNATURES:
            return {"input": args[0]}
        raise TypeError(f"{name} takes no {len(args)} arguments by position.")
    arguments = dict(zip(parameters, args, strict=False))
    for key, value in kwargs.items():
        known = key if key in parameters else _ALIASES.get(key, key)
        if known in parameters:
            arguments[known] = value
        elif name in SIGNATURES and key != "out":
            raise TypeError(f"{name} has no {key}.")
    for parameter, default in parameters.items():
        if parameter not in arguments:
            if default is _REQUIRED:
                raise TypeError(f"{name} was not given {parameter}.")
            arguments[parameter] = default
    return arguments


_REQUIRED: Any = object()


def _parameters(signature: str) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    for part in signature.split(" "):
        name, separator, default = part.partition("=")
        parameters[name] = ast.literal_eval(default) if separator else _REQUIRED
    return parameters
