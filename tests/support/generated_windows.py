"""Layers that read windows, with settings drawn by Hypothesis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from hypothesis import strategies as st
from torch import Tensor, nn

from tests.support.containers import Apply

Draw = Callable[[st.SearchStrategy[Any]], Any]
"""Draws a value, as Hypothesis gives it to composite strategies."""


def each(draw: Draw, axes: int, low: int, high: int) -> Any:
    return tuple(draw(st.integers(low, high)) for _ in range(axes))


def convolution(draw: Draw, shape: tuple[int, ...], *_: Any) -> nn.Module:
    axes, channels = len(shape) - 2, shape[1]
    groups = draw(st.sampled_from([n for n in range(1, channels + 1) if channels % n == 0]))
    kind = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[axes - 1]
    same = draw(st.integers(0, 5)) == 0
    module: nn.Module = kind(
        channels,
        groups * draw(st.integers(1, 2)),
        each(draw, axes, 1, 4),
        stride=1 if same else each(draw, axes, 1, 3),
        padding="same" if same else each(draw, axes, 0, 3),
        dilation=each(draw, axes, 1, 2),
        groups=groups,
        padding_mode=draw(st.sampled_from(["zeros", "zeros", "reflect", "replicate", "circular"])),
    )
    return module


def transposed(draw: Draw, shape: tuple[int, ...], *_: Any) -> nn.Module:
    axes, channels = len(shape) - 2, shape[1]
    kind = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)[axes - 1]
    groups = draw(st.sampled_from([n for n in range(1, channels + 1) if channels % n == 0]))
    module: nn.Module = kind(
        channels,
        groups * draw(st.integers(1, 2)),
        each(draw, axes, 1, 3),
        stride=each(draw, axes, 1, 3),
        padding=each(draw, axes, 0, 2),
        output_padding=each(draw, axes, 0, 1),
        dilation=each(draw, axes, 1, 2),
        groups=groups,
    )
    return module


def average(draw: Draw, shape: tuple[int, ...], *_: Any) -> nn.Module:
    axes = len(shape) - 2
    kind = (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)[axes - 1]
    module: nn.Module = kind(
        each(draw, axes, 1, 3),
        each(draw, axes, 1, 3),
        each(draw, axes, 0, 1),
        ceil_mode=draw(st.booleans()),
        count_include_pad=draw(st.booleans()),
    )
    return module


def maximum(draw: Draw, shape: tuple[int, ...], *_: Any) -> nn.Module:
    axes = len(shape) - 2
    kind = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)[axes - 1]
    module: nn.Module = kind(
        each(draw, axes, 1, 3),
        each(draw, axes, 1, 3),
        each(draw, axes, 0, 1),
        dilation=each(draw, axes, 1, 2),
        ceil_mode=draw(st.booleans()),
    )
    return module


def adaptive(draw: Draw, shape: tuple[int, ...], maxima: bool, _: int) -> nn.Module:
    axes = len(shape) - 2
    averages = (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d)
    maximums = (nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d)
    size: Any = each(draw, axes, 1, 9)
    module: nn.Module = (maximums if maxima else averages)[axes - 1](size[0] if axes == 1 else size)
    return module


def padding(draw: Draw, shape: tuple[int, ...], *_: Any) -> nn.Module:
    mode = draw(st.sampled_from(["constant", "reflect", "replicate", "circular"]))
    low = -1 if mode == "constant" else 0
    pads = each(draw, 2 * (len(shape) - 2), low, 2)
    return Apply(f"pad {mode} {pads}", lambda x: F.pad(x, pads, mode=mode))


def fractional(draw: Draw, shape: tuple[int, ...], *_: Any) -> nn.Module:
    """Fractional pooling whose windows are given."""
    axes = len(shape) - 2
    size, kernel = each(draw, 3, 1, 4), each(draw, 3, 1, 2)
    seed = draw(st.integers(0, 99))
    samples = torch.rand(1, shape[1], 3, generator=torch.Generator().manual_seed(seed)).double()
    functions: dict[int, Callable[[Tensor], Tensor]] = {
        2: lambda x: F.fractional_max_pool2d(
            x, kernel[:2], size[:2], _random_samples=samples[..., :2].to(x).expand(len(x), -1, -1)
        ),
        3: lambda x: F.fractional_max_pool3d(
            x, kernel, size, _random_samples=samples.to(x).expand(len(x), -1, -1)
        ),
    }
    return Apply(f"fractional {kernel} {size} {seed}", functions.get(axes, torch.relu))


def interpolated(draw: Draw, shape: tuple[int, ...], *_: Any) -> nn.Module:
    axes = len(shape) - 2
    modes = ["nearest", "nearest-exact", "area", ("linear", "bilinear", "trilinear")[axes - 1]]
    if axes == 2:
        modes += ["bicubic", "bilinear antialiased"]
    mode = draw(st.sampled_from(modes))
    plain = mode.split()[0]
    align = draw(st.booleans()) if plain in ("linear", "bilinear", "trilinear", "bicubic") else None
    size = each(draw, axes, 1, 9)
    factor = draw(st.sampled_from([0.5, 1.5, 2.0, 3.0]))
    where: dict[str, Any] = {"size": size} if draw(st.booleans()) else {"scale_factor": factor}
    antialias = mode.endswith("antialiased")
    return Apply(
        f"interpolate {mode} {where} {align}",
        lambda x: F.interpolate(x, mode=plain, align_corners=align, antialias=antialias, **where),
    )


def sampled(draw: Draw, shape: tuple[int, ...], *_: Any) -> nn.Module:
    """Sampling at constant places, some of them outside."""
    axes = len(shape) - 2
    seed = draw(st.integers(0, 99))
    sizes = each(draw, max(axes, 2), 1, 5)
    generator = torch.Generator().manual_seed(seed)
    grid = torch.rand(1, *sizes, max(axes, 2), generator=generator).double() * 2.6 - 1.3
    mode = draw(st.sampled_from(["bilinear", "nearest"] + ["bicubic"] * (axes == 2)))
    padding = draw(st.sampled_from(["zeros", "border", "reflection"]))
    align = draw(st.booleans())

    def sample(x: Tensor) -> Tensor:
        places = grid.to(x).expand(len(x), *grid.shape[1:])
        image = x[:, :, None] if axes == 1 else x
        sampled = F.grid_sample(image, places, mode, padding, align)
        return sampled.flatten(2) if axes == 1 else sampled

    return Apply(f"sample {mode} {padding} {align} {sizes} {seed}", sample)


def unfolded(draw: Draw, shape: tuple[int, ...], *_: Any) -> nn.Module:
    """Columns of windows, and sums of them."""
    kernel, stride = each(draw, 2, 1, 3), each(draw, 2, 1, 2)
    dilation, padding = each(draw, 2, 1, 2), each(draw, 2, 0, 1)
    settings: Any = {"dilation": dilation, "padding": padding, "stride": stride}
    size = each(draw, 2, 1, 8)
    functions: dict[str, Callable[[Tensor], Tensor]] = {
        f"unfold {kernel} {settings}": lambda x: F.unfold(x, kernel, **settings)[:, :, None],
        f"fold {kernel} {settings}": lambda x: F.fold(
            F.unfold(x, kernel, **settings), x.shape[2:], kernel, **settings
        ),
        f"fold to {size} {kernel} {settings}": lambda x: F.fold(
            x.flatten(2).repeat(1, kernel[0] * kernel[1], 1), size, kernel, **settings
        ),
        f"windows {kernel}": lambda x: (
            x.unfold(2, kernel[0], stride[0]).unfold(3, kernel[1], stride[1]).flatten(4).sum(-1)
        ),
    }
    name = draw(st.sampled_from(sorted(functions)))
    return Apply(name, functions[name])


def planar(draw: Draw, shape: tuple[int, ...], *_: Any) -> nn.Module:
    makers: list[Callable[[], nn.Module]] = [
        lambda: nn.PixelShuffle(2),
        lambda: nn.PixelUnshuffle(2),
        lambda: nn.ChannelShuffle(2),
        lambda: Apply("unfold", lambda x: F.unfold(x, 2)[:, :, None]),
        lambda: Apply("fold", lambda x: F.fold(F.unfold(x, 2), x.shape[2:], 2)),
        lambda: Apply("rot90", lambda x: torch.rot90(x, 1, (2, 3))),
        lambda: nn.LPPool2d(2, 2, ceil_mode=True),
    ]
    module: nn.Module = draw(st.sampled_from(makers))()
    return module
