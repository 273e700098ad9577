"""The layers of ``torch.nn`` as the functions that they call, with the attributes they pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn


def _unchanged(module: nn.Module, arguments: dict[str, Any]) -> dict[str, Any]:
    return arguments


@dataclass(frozen=True)
class Layer:
    """How a layer calls a function in eval mode."""

    function: str
    inputs: tuple[str, ...] = ("input",)
    """Names of what ``forward`` is given."""
    tensors: tuple[str, ...] = ()
    """Attributes that are parameters or buffers; passed under the same name."""
    settings: tuple[str, ...] = ()
    """Other attributes, passed under the same name."""
    finished: Callable[[nn.Module, dict[str, Any]], dict[str, Any]] = _unchanged
    """Adds what does not stand in attributes of the same name."""


def layer_of(module: nn.Module) -> Layer | None:
    """How a layer calls its function; None for layers of others, or with a ``forward`` of theirs.

    A subclass that overrides ``forward`` may compute anything.
    """
    for base in type(module).__mro__:
        if base in _LAYERS:
            inherits = all(
                getattr(type(module), name, None) is getattr(base, name, None)
                for name in ("forward", "_conv_forward")
            )
            return _LAYERS[base] if inherits and "forward" not in vars(module) else None
    return None


def _batch_statistics(module: nn.Module, arguments: dict[str, Any]) -> dict[str, Any]:
    return arguments | {"training": arguments["running_mean"] is None}


def _instance_statistics(module: nn.Module, arguments: dict[str, Any]) -> dict[str, Any]:
    return arguments | {"use_input_stats": arguments["running_mean"] is None}


def _with(**fixed: Any) -> Callable[[nn.Module, dict[str, Any]], dict[str, Any]]:
    return lambda module, arguments: arguments | fixed


def _renamed(**names: str) -> Callable[[nn.Module, dict[str, Any]], dict[str, Any]]:
    """Attributes passed under other names."""

    def finish(module: nn.Module, arguments: dict[str, Any]) -> dict[str, Any]:
        return arguments | {argument: getattr(module, name) for argument, name in names.items()}

    return finish


def _windows() -> dict[type[nn.Module], Layer]:
    weights = ("weight", "bias")
    convolution = ("stride", "padding", "dilation", "groups", "padding_mode")
    transposed = ("stride", "padding", "output_padding", "groups", "dilation")
    maximum = ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
    average = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad")
    power = ("norm_type", "kernel_size", "stride", "ceil_mode")
    table: dict[type[nn.Module], Layer] = {}
    for axes in (1, 2, 3):
        override = ("divisor_override",) if axes > 1 else ()
        layers: dict[str, Layer] = {
            "Conv": Layer(f"conv{axes}d", tensors=weights, settings=convolution),
            "ConvTranspose": Layer(f"conv_transpose{axes}d", tensors=weights, settings=transposed),
            "MaxPool": Layer(f"max_pool{axes}d", settings=maximum),
            "AvgPool": Layer(f"avg_pool{axes}d", settings=(*average, *override)),
            "LPPool": Layer(f"lp_pool{axes}d", settings=power),
            "AdaptiveAvgPool": Layer(f"adaptive_avg_pool{axes}d", settings=("output_size",)),
            "AdaptiveMaxPool": Layer(f"adaptive_max_pool{axes}d", settings=("output_size",)),
            "BatchNorm": Layer(
                "batch_norm",
                tensors=("running_mean", "running_var", *weights),
                settings=("eps",),
                finished=_batch_statistics,
            ),
            "InstanceNorm": Layer(
                "instance_norm",
                tensors=("running_mean", "running_var", *weights),
                settings=("eps",),
                finished=_instance_statistics,
            ),
            "Dropout": Layer("dropout", settings=("p",), finished=_with(training=False)),
        }
        table |= {getattr(nn, f"{name}{axes}d"): layer for name, layer in layers.items()}
    return table


def _activations() -> dict[type[nn.Module], Layer]:
    table: dict[type[nn.Module], Layer] = {
        nn.Hardtanh: Layer("hardtanh", settings=("min_val", "max_val")),
        nn.Threshold: Layer("threshold", settings=("threshold", "value")),
        nn.ELU: Layer("elu", settings=("alpha",)),
        nn.CELU: Layer("celu", settings=("alpha",)),
        nn.GELU: Layer("gelu", settings=("approximate",)),
        nn.LeakyReLU: Layer("leaky_relu", settings=("negative_slope",)),
        nn.RReLU: Layer("rrelu", settings=("lower", "upper"), finished=_with(training=False)),
        nn.PReLU: Layer("prelu", tensors=("weight",)),
        nn.Softplus: Layer("softplus", settings=("beta", "threshold")),
        nn.Softshrink: Layer("softshrink", finished=_renamed(lambd="lambd")),
        nn.Hardshrink: Layer("hardshrink", finished=_renamed(lambd="lambd")),
        nn.GLU: Layer("glu", settings=("dim",)),
    }
    plain = {
        nn.ReLU: "relu",
        nn.ReLU6: "relu6",
        nn.Sigmoid: "sigmoid",
        nn.Tanh: "tanh",
        nn.SELU: "selu",
        nn.SiLU: "silu",
        nn.Mish: "mish",
        nn.Hardswish: "hardswish",
        nn.Hardsigmoid: "hardsigmoid",
        nn.LogSigmoid: "logsigmoid",
        nn.Softsign: "softsign",
        nn.Tanhshrink: "tanhshrink",
    }
    return table | {module: Layer(name) for module, name in plain.items()}


def _others() -> dict[type[nn.Module], Layer]:
    drop = _with(training=False)
    upsample = ("size", "scale_factor", "mode", "align_corners", "recompute_scale_factor")
    table: dict[type[nn.Module], Layer] = {
        nn.Linear: Layer("linear", tensors=("weight", "bias")),
        nn.Identity: Layer("identity"),
        nn.SyncBatchNorm: Layer(
            "batch_norm",
            tensors=("running_mean", "running_var", "weight", "bias"),
            settings=("eps",),
            finished=_batch_statistics,
        ),
        nn.LayerNorm: Layer(
            "layer_norm", tensors=("weight", "bias"), settings=("normalized_shape", "eps")
        ),
        nn.RMSNorm: Layer("rms_norm", tensors=("weight",), settings=("normalized_shape", "eps")),
        nn.GroupNorm: Layer(
            "group_norm", tensors=("weight", "bias"), settings=("num_groups", "eps")
        ),
        nn.LocalResponseNorm: Layer("local_response_norm", settings=("size", "alpha", "beta", "k")),
        nn.Softmax: Layer("softmax", settings=("dim",)),
        nn.LogSoftmax: Layer("log_softmax", settings=("dim",)),
        nn.Softmin: Layer("softmin", settings=("dim",)),
        nn.Softmax2d: Layer("softmax", finished=_with(dim=-3)),
        nn.CrossEntropyLoss: Layer(
            "cross_entropy",
            inputs=("input", "target"),
            tensors=("weight",),
            settings=("ignore_index", "reduction", "label_smoothing"),
        ),
        nn.Dropout: Layer("dropout", settings=("p",), finished=drop),
        nn.AlphaDropout: Layer("alpha_dropout", settings=("p",), finished=drop),
        nn.FeatureAlphaDropout: Layer("alpha_dropout", settings=("p",), finished=drop),
        nn.Upsample: Layer("interpolate", settings=upsample),
        nn.UpsamplingNearest2d: Layer("interpolate", settings=upsample),
        nn.UpsamplingBilinear2d: Layer("interpolate", settings=upsample),
        nn.Embedding: Layer("embedding", tensors=("weight",)),
    }
    moving = [nn.Flatten, nn.Unflatten, nn.PixelShuffle, nn.PixelUnshuffle, nn.ChannelShuffle]
    moving += [nn.Unfold]
    for mode in ("Constant", "Zero", "Reflection", "Replication", "Circular"):
        moving += [getattr(nn, f"{mode}Pad{axes}d") for axes in (1, 2, 3)]
    return table | {module: Layer("movement") for module in moving}


_LAYERS = _windows() | _activations() | _others()
