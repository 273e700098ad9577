"""Settings of layers, legal and illegal, as JSON has them: type, parameters, input shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from tests.support.setting import (
    ODD,
    Draw,
    Setting,
    dimensions,
    flag,
    number,
    optional,
    per_axis,
    shape,
)
from tests.support.window_settings import (
    adaptive_average_pooling,
    adaptive_max_pooling,
    average_pooling,
    convolution,
    fold,
    lp_pooling,
    max_pooling,
    transposed_convolution,
    unfold,
)


def constant_padding(draw: Draw) -> Setting:
    """ZeroPad1d to ConstantPad3d."""
    axes = dimensions(draw)
    name = draw(st.sampled_from(["ZeroPad", "ConstantPad"]))
    parameters = {"padding": per_axis(draw, 2 * axes, -2, 4)}
    if name == "ConstantPad" and draw(st.integers(0, 20)):
        parameters["value"] = draw(st.sampled_from([0, 1.5, -3]))
    found = shape(draw, axes, 2) if flag(draw) else tuple(draw(st.lists(st.integers(0, 6))))[:6]
    return Setting(f"{name}{axes}d", parameters, found)


def _padding(name: str) -> Callable[[Draw], Setting]:
    def setting(draw: Draw) -> Setting:
        axes = dimensions(draw)
        if draw(st.integers(0, 9)):
            padding = per_axis(draw, 2 * axes, -1 if flag(draw) else 0, 5)
        else:
            padding = [number(draw, -4, 7) for _ in range(2 * draw(st.integers(0, 4)))]
        return Setting(f"{name}{axes}d", {"padding": padding}, shape(draw, axes, 2, 1, 8))

    return setting


def upsample(draw: Draw) -> Setting:
    """Upsample and its two fixed forms."""
    axes = dimensions(draw)
    parameters: dict[str, Any] = {}
    choice = draw(st.integers(0, 19))
    factors = st.sampled_from([0.5, 1, 1.5, 2, 2.0, 3, 1 / 3, 0.1, 0, -1.0, 2.7])
    if choice < 10 or choice > 17:
        each = per_axis(draw, axes, 1, 12)
        parameters["size"] = each
    if choice >= 10:
        single = flag(draw)
        parameters["scale_factor"] = (
            draw(factors) if single else [draw(factors) for _ in range(axes)]
        )
    kind = draw(st.sampled_from(["Upsample"] * 8 + ["UpsamplingNearest2d", "UpsamplingBilinear2d"]))
    if kind == "Upsample":
        fitting = [
            "nearest",
            "nearest-exact",
            "area",
            ("linear", "bilinear", "trilinear")[axes - 1],
        ]
        if draw(st.integers(0, 9)) == 0:
            fitting = ["linear", "bilinear", "trilinear", "bicubic", "lanczos"]
        optional(
            draw,
            parameters,
            mode=lambda: draw(st.sampled_from([*fitting, "bicubic"])),
            recompute_scale_factor=lambda: draw(st.sampled_from([True, False, None])),
        )
        if draw(st.integers(0, 2)) == 0:
            parameters["align_corners"] = draw(st.sampled_from([True, False, None]))
    return Setting(kind, parameters, shape(draw, axes, 2))


def pixel_shuffle(draw: Draw) -> Setting:
    """PixelShuffle and PixelUnshuffle."""
    factor = number(draw, 1, 4) if draw(st.integers(0, 20)) else draw(st.sampled_from(ODD))
    whole = factor if isinstance(factor, int) and 0 < factor < 10 else 2
    if flag(draw):
        channels = whole**2 * draw(st.integers(0, 3)) if draw(st.integers(0, 5)) else 5
        some = shape(draw, draw(st.sampled_from([2, 2, 3])), channels)
        return Setting("PixelShuffle", {"upscale_factor": factor}, some)
    given = [draw(st.integers(0, 2)), 3, whole * draw(st.integers(0, 4)), whole * 2]
    if draw(st.integers(0, 5)) == 0:
        given[draw(st.integers(0, 3))] = draw(st.integers(0, 9))
    found = tuple(given[draw(st.integers(0, 2)) :]) if flag(draw) else tuple(given)
    return Setting("PixelUnshuffle", {"downscale_factor": factor}, found)


def channel_shuffle(draw: Draw) -> Setting:
    """ChannelShuffle."""
    groups = number(draw, 1, 4) if draw(st.integers(0, 20)) else draw(st.sampled_from(ODD))
    whole = groups if isinstance(groups, int) and 0 < groups < 10 else 2
    channels = whole * draw(st.integers(0, 3)) if draw(st.integers(0, 3)) else 5
    return Setting("ChannelShuffle", {"groups": groups}, shape(draw, dimensions(draw), channels))


def linear(draw: Draw) -> Setting:
    """Linear."""
    features = draw(st.integers(0, 9))
    parameters = {
        "in_features": features if draw(st.integers(0, 9)) else draw(st.sampled_from([*ODD, 4])),
        "out_features": number(draw, 0, 9),
    }
    optional(draw, parameters, bias=lambda: flag(draw))
    before = draw(st.lists(st.integers(0, 4), max_size=4))
    return Setting("Linear", parameters, (*before, features) if draw(st.integers(0, 30)) else ())


def flatten(draw: Draw) -> Setting:
    """Flatten."""
    parameters: dict[str, Any] = {}
    optional(
        draw,
        parameters,
        start_dim=lambda: draw(st.integers(-5, 5)),
        end_dim=lambda: draw(st.integers(-5, 5)),
    )
    if draw(st.integers(0, 40)) == 0:
        parameters["start_dim"] = draw(st.sampled_from(ODD))
    return Setting("Flatten", parameters, tuple(draw(st.lists(st.integers(0, 5), max_size=5))))


def unflatten(draw: Draw) -> Setting:
    """Unflatten, mostly of an axis that the sizes make."""
    sizes = draw(st.lists(st.integers(0, 4), max_size=4))
    given = draw(st.lists(st.integers(0, 5), min_size=1, max_size=4))
    dim = draw(st.integers(-len(given), len(given) - 1))
    whole = 1
    for size in sizes:
        whole *= size
    if draw(st.integers(0, 9)):
        given[dim] = whole
    asked: Any = list(sizes)
    if asked and flag(draw):
        asked[draw(st.integers(0, len(asked) - 1))] = draw(st.sampled_from([-1, -1, -1, -2, 3]))
    if draw(st.integers(0, 20)) == 0:
        asked = draw(st.sampled_from([*ODD, [-1, -1], [2, None]]))
    if draw(st.integers(0, 20)) == 0:
        dim = draw(st.integers(-6, 6))
        given = given if flag(draw) else []
    return Setting("Unflatten", {"dim": dim, "unflattened_size": asked}, tuple(given))


def batch_norm(draw: Draw) -> Setting:
    """BatchNorm1d to BatchNorm3d, in evaluation or training."""
    return _running(draw, "BatchNorm")


def instance_norm(draw: Draw) -> Setting:
    """InstanceNorm1d to InstanceNorm3d, in evaluation or training."""
    return _running(draw, "InstanceNorm")


def _running(draw: Draw, name: str) -> Setting:
    axes = dimensions(draw)
    features = number(draw, 1, 5)
    parameters: dict[str, Any] = {"num_features": features}
    optional(
        draw,
        parameters,
        eps=lambda: draw(st.sampled_from([1e-5, 1, 0])),
        momentum=lambda: draw(st.sampled_from([0.1, 1, 0, None])),
        affine=lambda: flag(draw),
        track_running_stats=lambda: flag(draw),
        bias=lambda: flag(draw),
    )
    if name == "InstanceNorm" and parameters.get("momentum", 0) is None:
        del parameters["momentum"]
    channels = features if 0 <= features < 9 else 2
    if draw(st.integers(0, 9)) == 0:
        channels = draw(st.integers(0, 5))
    found = shape(draw, axes, channels, 1, 3)
    if axes == 1 and flag(draw):
        found = found[:2]
    if max(found, default=0) > 100:
        # Without momentum PyTorch reads how many batches there were, which meta tensors cannot say.
        parameters.pop("momentum", None)
    return Setting(f"{name}{axes}d", parameters, found, flag(draw))


def group_norm(draw: Draw) -> Setting:
    """GroupNorm."""
    groups = number(draw, 1, 4) if draw(st.integers(0, 20)) else draw(st.sampled_from(ODD))
    whole = groups if isinstance(groups, int) and 0 < groups < 9 else 2
    channels = whole * draw(st.integers(1, 3)) if draw(st.integers(0, 9)) else 5
    parameters: dict[str, Any] = {"num_groups": groups, "num_channels": channels}
    optional(draw, parameters, affine=lambda: flag(draw), bias=lambda: flag(draw))
    own = channels if draw(st.integers(0, 9)) else draw(st.integers(0, 6))
    return Setting("GroupNorm", parameters, shape(draw, draw(st.integers(0, 3)), own, 1, 3))


def layer_norm(draw: Draw) -> Setting:
    """LayerNorm and RMSNorm."""
    found = tuple(draw(st.lists(st.integers(0, 5), max_size=5)))
    count = draw(st.integers(0, len(found)))
    sizes: Any = list(found[len(found) - count :])
    if draw(st.integers(0, 5)) == 0:
        sizes = draw(st.sampled_from([*ODD, 3, [3, 4]]))
    elif len(sizes) == 1 and flag(draw):
        sizes = sizes[0]
    kind = draw(st.sampled_from(["LayerNorm", "RMSNorm"]))
    parameters: dict[str, Any] = {"normalized_shape": sizes}
    optional(draw, parameters, elementwise_affine=lambda: flag(draw))
    if kind == "LayerNorm":
        optional(draw, parameters, bias=lambda: flag(draw))
    return Setting(kind, parameters, found)


def local_response_norm(draw: Draw) -> Setting:
    """LocalResponseNorm."""
    size = number(draw, 1, 6)
    given = shape(draw, draw(st.integers(0, 4)), draw(st.integers(0, 4)), 1, 4)
    return Setting("LocalResponseNorm", {"size": size}, given)


def dropout(draw: Draw) -> Setting:
    """Every dropout, in evaluation or training."""
    kinds = [
        "Dropout",
        "Dropout1d",
        "Dropout2d",
        "Dropout3d",
        "AlphaDropout",
        "FeatureAlphaDropout",
    ]
    parameters: dict[str, Any] = {}
    optional(
        draw,
        parameters,
        p=lambda: draw(st.sampled_from([0, 0.5, 1, 1.0, 0.0, 0.9, -0.1, 1.5, None, "0.5"])),
        inplace=lambda: flag(draw),
    )
    found = tuple(draw(st.lists(st.integers(0, 5), max_size=6)))
    return Setting(draw(st.sampled_from(kinds)), parameters, found, flag(draw))


def activation(draw: Draw) -> Setting:
    """Every activation with its parameters, and Identity."""
    values = st.sampled_from([0.5, 1, 0, -1, 2.5, -0.0])
    table: dict[str, list[str]] = {
        "Identity": [],
        "ReLU": [],
        "ReLU6": [],
        "ELU": ["alpha"],
        "SELU": [],
        "CELU": ["alpha"],
        "GELU": ["approximate"],
        "GLU": ["dim"],
        "Hardshrink": ["lambd"],
        "Hardsigmoid": [],
        "Hardswish": [],
        "Hardtanh": ["min_val", "max_val", "min_value", "max_value"],
        "LeakyReLU": ["negative_slope"],
        "LogSigmoid": [],
        "LogSoftmax": ["dim"],
        "Mish": [],
        "PReLU": ["num_parameters", "init"],
        "RReLU": ["lower", "upper"],
        "SiLU": [],
        "Sigmoid": [],
        "Softmax": ["dim"],
        "Softmax2d": [],
        "Softmin": ["dim"],
        "Softplus": ["beta", "threshold"],
        "Softshrink": ["lambd"],
        "Softsign": [],
        "Tanh": [],
        "Tanhshrink": [],
        "Threshold": ["threshold", "value"],
    }
    kind = draw(st.sampled_from(sorted(table)))
    found = tuple(draw(st.lists(st.integers(0, 5), max_size=6)))
    parameters: dict[str, Any] = {}
    for name in table[kind]:
        if kind != "Threshold" and flag(draw):
            continue
        if name == "dim":
            dims = st.integers(-6, 6)
            parameters[name] = draw(dims if kind == "GLU" else st.one_of(st.none(), dims))
        elif name == "approximate":
            parameters[name] = draw(st.sampled_from(["none", "tanh", "erf"]))
        elif name == "num_parameters":
            near = found[1] if len(found) > 1 and flag(draw) else 3
            parameters[name] = draw(st.sampled_from([1, near, 0, -1, 1.5]))
        elif name in ("min_value", "max_value"):
            parameters[name] = draw(st.one_of(st.none(), values))
        else:
            parameters[name] = draw(values)
    inplace = {"ReLU", "ReLU6", "ELU", "SELU", "CELU", "Hardsigmoid", "Hardswish", "Hardtanh"}
    inplace |= {"LeakyReLU", "Mish", "RReLU", "SiLU", "Threshold"}
    if kind in inplace and flag(draw):
        parameters["inplace"] = flag(draw)
    return Setting(kind, parameters, found, flag(draw))


KINDS: dict[str, Callable[[Draw], Setting]] = {
    "convolution": convolution,
    "transposed convolution": transposed_convolution,
    "max pooling": max_pooling,
    "average pooling": average_pooling,
    "Lp pooling": lp_pooling,
    "adaptive average pooling": adaptive_average_pooling,
    "adaptive max pooling": adaptive_max_pooling,
    "unfold": unfold,
    "fold": fold,
    "constant padding": constant_padding,
    "reflection padding": _padding("ReflectionPad"),
    "replication padding": _padding("ReplicationPad"),
    "circular padding": _padding("CircularPad"),
    "upsample": upsample,
    "pixel shuffle": pixel_shuffle,
    "channel shuffle": channel_shuffle,
    "linear": linear,
    "flatten": flatten,
    "unflatten": unflatten,
    "batch norm": batch_norm,
    "instance norm": instance_norm,
    "group norm": group_norm,
    "layer norm": layer_norm,
    "local response norm": local_response_norm,
    "dropout": dropout,
    "activation": activation,
}
