"""Settings of layers, legal and illegal, as JSON has them: type, parameters, input shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import strategies as st

Draw = Callable[[st.SearchStrategy[Any]], Any]


class Setting(NamedTuple):
    """One layer and what it is given."""

    type: str
    parameters: dict[str, Any]
    input_shape: tuple[int, ...]
    training: bool = False


ODD: list[Any] = [0, -1, -2, 1.5, 2.0, None, "3", [], [1], [2, 1], [1, 2, 1], [0], [1.5], 2**70]
"""Values that most parameters refuse."""

ENORMOUS = [10**6, 2**31, 2**40, 2**62, 2**63 - 1]


def number(draw: Draw, low: int, high: int) -> int:
    """Most often small and legal, sometimes just outside."""
    value: int = draw(st.integers(low, high))
    return value if draw(st.integers(0, 60)) else draw(st.sampled_from([0, -1, low - 1, high + 3]))


def per_axis(draw: Draw, axes: int, low: int, high: int) -> Any:
    """One number, or a list of one for each axis; seldom something odd."""
    choice = draw(st.integers(0, 99))
    if choice < 50:
        return number(draw, low, high)
    if choice < 94:
        return [number(draw, low, high) for _ in range(axes)]
    if choice < 96:
        return [number(draw, low, high)]
    if choice < 99:
        return draw(st.sampled_from(ODD))
    return draw(st.sampled_from(ENORMOUS))


def optional(draw: Draw, parameters: dict[str, Any], **makers: Callable[[], Any]) -> None:
    """Add some of the parameters, each by its maker."""
    for name, make in makers.items():
        if draw(st.booleans()):
            parameters[name] = make()


def flag(draw: Draw) -> bool:
    """True or false."""
    found: bool = draw(st.booleans())
    return found


def shape(draw: Draw, axes: int, channels: int, low: int = 1, high: int = 12) -> tuple[int, ...]:
    """(C, *space), mostly with a batch; seldom with other axes, or an empty one."""
    space = [draw(st.integers(low, high)) for _ in range(axes)]
    found = [draw(st.integers(1, 3)), channels, *space]
    choice = draw(st.integers(0, 29))
    if choice < 5:
        found = found[1:]
    elif choice == 5:
        found[draw(st.integers(0, len(found) - 1))] = 0
    elif choice == 6:
        found[0] = 0
    elif choice == 7:
        found = draw(st.lists(st.integers(0, 6), max_size=6))
    elif choice == 8 and draw(st.integers(0, 3)) == 0:
        found[-1] = draw(st.sampled_from(ENORMOUS))
    return tuple(found)


def dimensions(draw: Draw) -> int:
    """1, 2 or 3 axes of space, 2 most often."""
    found: int = draw(st.sampled_from([1, 2, 2, 2, 3]))
    return found


def convolution(draw: Draw) -> Setting:
    """Conv1d to Conv3d."""
    axes = dimensions(draw)
    parameters, channels = _channels(draw, axes)
    optional(
        draw,
        parameters,
        stride=lambda: per_axis(draw, axes, 1, 3),
        padding=lambda: draw(
            st.sampled_from(["same", "valid"])
            if draw(st.integers(0, 3)) == 0
            else st.just(per_axis(draw, axes, 0, 4))
        ),
        dilation=lambda: per_axis(draw, axes, 1, 3),
        padding_mode=lambda: draw(
            st.sampled_from(["zeros", "reflect", "replicate", "circular"])
            if draw(st.integers(0, 30))
            else st.sampled_from(["Zeros", "constant", 0, None])
        ),
    )
    return Setting(f"Conv{axes}d", parameters, shape(draw, axes, channels))


def transposed_convolution(draw: Draw) -> Setting:
    """ConvTranspose1d to ConvTranspose3d."""
    axes = dimensions(draw)
    parameters, channels = _channels(draw, axes)
    optional(
        draw,
        parameters,
        stride=lambda: per_axis(draw, axes, 1, 3),
        padding=lambda: per_axis(draw, axes, 0, 3),
        output_padding=lambda: per_axis(draw, axes, 0, 2),
        dilation=lambda: per_axis(draw, axes, 1, 3),
        padding_mode=lambda: draw(st.sampled_from(["zeros", "zeros", "zeros", "reflect"])),
    )
    return Setting(f"ConvTranspose{axes}d", parameters, shape(draw, axes, channels, 1, 7))


def _channels(draw: Draw, axes: int) -> tuple[dict[str, Any], int]:
    groups = draw(st.sampled_from([1, 1, 1, 1, 2, 3]))
    given = groups * draw(st.integers(1, 3))
    made = groups * draw(st.integers(1, 3))
    if draw(st.integers(0, 20)) == 0:
        given = draw(st.integers(-1, 4))
    if draw(st.integers(0, 20)) == 0:
        made = draw(st.integers(-1, 4))
    parameters = {
        "in_channels": given,
        "out_channels": made,
        "kernel_size": per_axis(draw, axes, 1, 4),
    }
    if groups > 1 or draw(st.integers(0, 20)) == 0:
        parameters["groups"] = number(draw, groups, groups)
    if draw(st.booleans()):
        parameters["bias"] = flag(draw)
    if draw(st.integers(0, 40)) == 0:
        name = draw(st.sampled_from(["in_channels", "out_channels", "kernel_size", "groups"]))
        parameters[name] = draw(st.sampled_from([*ODD, "same"]))
    channels = given if draw(st.integers(0, 20)) else draw(st.integers(0, 5))
    return parameters, max(0, channels)


def max_pooling(draw: Draw) -> Setting:
    """MaxPool1d to MaxPool3d."""
    axes = dimensions(draw)
    parameters = {"kernel_size": per_axis(draw, axes, 1, 5)}
    optional(
        draw,
        parameters,
        stride=lambda: per_axis(draw, axes, 1, 4),
        padding=lambda: per_axis(draw, axes, 0, 2),
        dilation=lambda: per_axis(draw, axes, 1, 3),
        return_indices=lambda: flag(draw),
        ceil_mode=lambda: flag(draw),
    )
    return Setting(f"MaxPool{axes}d", parameters, shape(draw, axes, draw(st.integers(1, 3))))


def average_pooling(draw: Draw) -> Setting:
    """AvgPool1d to AvgPool3d."""
    axes = dimensions(draw)
    parameters = {"kernel_size": per_axis(draw, axes, 1, 5)}
    optional(
        draw,
        parameters,
        stride=lambda: per_axis(draw, axes, 1, 4),
        padding=lambda: per_axis(draw, axes, 0, 2),
        ceil_mode=lambda: flag(draw),
        count_include_pad=lambda: flag(draw),
    )
    if axes > 1 and draw(st.booleans()):
        parameters["divisor_override"] = draw(st.sampled_from([1, 3, -2, None, 0]))
    return Setting(f"AvgPool{axes}d", parameters, shape(draw, axes, draw(st.integers(1, 3))))


def lp_pooling(draw: Draw) -> Setting:
    """LPPool1d to LPPool3d."""
    axes = dimensions(draw)
    parameters = {
        "norm_type": draw(st.sampled_from([1, 2, 2.5, 3, 0, -1])),
        "kernel_size": per_axis(draw, axes, 1, 5),
    }
    optional(
        draw,
        parameters,
        stride=lambda: per_axis(draw, axes, 1, 4),
        ceil_mode=lambda: flag(draw),
    )
    return Setting(f"LPPool{axes}d", parameters, shape(draw, axes, draw(st.integers(1, 3))))


def adaptive_average_pooling(draw: Draw) -> Setting:
    """AdaptiveAvgPool1d to AdaptiveAvgPool3d."""
    axes = dimensions(draw)
    parameters = {"output_size": _adaptive_size(draw, axes)}
    return Setting(f"AdaptiveAvgPool{axes}d", parameters, shape(draw, axes, 2))


def adaptive_max_pooling(draw: Draw) -> Setting:
    """AdaptiveMaxPool1d to AdaptiveMaxPool3d."""
    axes = dimensions(draw)
    parameters = {"output_size": _adaptive_size(draw, axes)}
    optional(draw, parameters, return_indices=lambda: flag(draw))
    return Setting(f"AdaptiveMaxPool{axes}d", parameters, shape(draw, axes, 2))


def _adaptive_size(draw: Draw, axes: int) -> Any:
    found = per_axis(draw, axes, 1, 9)
    if isinstance(found, list) and found and draw(st.integers(0, 3)) == 0:
        found[draw(st.integers(0, len(found) - 1))] = None
    return found


def unfold(draw: Draw) -> Setting:
    """Unfold."""
    parameters = {"kernel_size": per_axis(draw, 2, 1, 4)}
    optional(
        draw,
        parameters,
        dilation=lambda: per_axis(draw, 2, 1, 3),
        padding=lambda: per_axis(draw, 2, 0, 3),
        stride=lambda: per_axis(draw, 2, 1, 3),
    )
    return Setting("Unfold", parameters, shape(draw, 2, draw(st.integers(1, 3))))


def fold(draw: Draw) -> Setting:
    """Fold, mostly of the number of windows that unfolding would give."""
    parameters = {
        "output_size": per_axis(draw, 2, 1, 9),
        "kernel_size": per_axis(draw, 2, 1, 4),
    }
    optional(
        draw,
        parameters,
        dilation=lambda: per_axis(draw, 2, 1, 3),
        padding=lambda: per_axis(draw, 2, 0, 3),
        stride=lambda: per_axis(draw, 2, 1, 3),
    )
    pairs = {"dilation": 1, "padding": 0, "stride": 1} | parameters
    columns, values = draw(st.integers(0, 12)), draw(st.integers(0, 12))
    two = {
        name: [value, value] if isinstance(value, int) else value for name, value in pairs.items()
    }
    if draw(st.integers(0, 9)) and all(
        isinstance(value, list) and len(value) == 2 and all(isinstance(x, int) for x in value)
        for value in two.values()
    ):
        counts = [
            (size + 2 * padding - dilation * (kernel - 1) - 1) // (stride or 1) + 1
            for size, padding, dilation, kernel, stride in zip(
                *(two[n] for n in ("output_size", "padding", "dilation", "kernel_size", "stride")),
                strict=True,
            )
        ]
        columns = counts[0] * counts[1]
        values = draw(st.integers(1, 3)) * two["kernel_size"][0] * two["kernel_size"][1]
    given = [draw(st.integers(0, 2)), values, columns]
    if not all(0 <= size < 10**7 for size in given):
        given = [1, 4, 9]
    return Setting("Fold", parameters, tuple(given if flag(draw) else given[1:]))


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
