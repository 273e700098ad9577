"""Settings of convolutions, pooling, unfold and fold, right and wrong ones."""

from __future__ import annotations

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
