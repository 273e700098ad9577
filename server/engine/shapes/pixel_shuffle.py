"""Channels and space exchanged: PixelShuffle, PixelUnshuffle, ChannelShuffle."""

from __future__ import annotations

from server.engine.shapes.layer import Call, Layer, check_positive, check_size
from server.engine.shapes.parameters import LARGEST, Kind, Parameter
from server.engine.shapes.reading import Block, Reading, Unknown, Window
from server.engine.shapes.refusal import INPUT, Refusal
from server.engine.shapes.result import LayerShape, Saved, Symbol, step
from server.engine.shapes.window import axes_of, axis_noun


def pixel_shuffle(call: Call) -> LayerShape:
    """(..., C·r², H, W) -> (..., C, H·r, W·r), r the upscale factor.

    Raises:
        Refusal: as PyTorch refuses.
    """
    factor = _factor(call, "upscale_factor")
    channels, first = call.input_shape[-3], len(call.input_shape) - 3
    if channels % factor**2:
        raise Refusal(
            "upscale_factor",
            f"upscale_factor squared is {factor**2}, which does not divide the {channels} "
            "channels.",
            value=factor,
        )
    c = Symbol("C", "input channels", channels, INPUT)
    r = Symbol("r", "upscale factor", factor, "upscale_factor")
    steps = [step("c", "output channels", "{C} / {r}²", (c, r), channels // factor**2, axis=first)]
    for axis in axes_of(call.input_shape, 2):
        i = Symbol("i", f"input {axis_noun(axis)}", axis.size, INPUT)
        value = axis.size * factor
        steps.append(step("o", "output size", "{i}·{r}", (i, r), value, axis=axis.index))
    output = (*call.input_shape[:-3], *(line.value for line in steps))
    check_size("upscale_factor", output, "The output")
    reads: dict[int, Reading] = {
        first + 1: Block(factor),
        first + 2: Block(factor),
        first: Unknown(),
    }
    return LayerShape(call.input_shape, output, tuple(steps), saved=Saved(), reads=reads)


def pixel_unshuffle(call: Call) -> LayerShape:
    """(..., C, H·r, W·r) -> (..., C·r², H, W), r the downscale factor.

    Raises:
        Refusal: as PyTorch refuses.
    """
    factor = _factor(call, "downscale_factor")
    channels, first = call.input_shape[-3], len(call.input_shape) - 3
    c = Symbol("C", "input channels", channels, INPUT)
    r = Symbol("r", "downscale factor", factor, "downscale_factor")
    steps = [step("c", "output channels", "{C}·{r}²", (c, r), channels * factor**2, axis=first)]
    for axis in axes_of(call.input_shape, 2):
        if axis.size % factor:
            raise Refusal(
                "downscale_factor",
                f"downscale_factor is {factor}, which does not divide the {axis_noun(axis)} "
                f"{axis.size}.",
                value=factor,
            )
        i = Symbol("i", f"input {axis_noun(axis)}", axis.size, INPUT)
        value = axis.size // factor
        steps.append(step("o", "output size", "{i} / {r}", (i, r), value, axis=axis.index))
    output = (*call.input_shape[:-3], *(line.value for line in steps))
    if 0 in call.input_shape:
        # PyTorch gives an empty input back as it is, once the sizes are checked.
        return LayerShape(call.input_shape, call.input_shape, saved=Saved(), moved=True)
    check_size("downscale_factor", output, "The output")
    window = Window(factor, factor, 0)
    reads: dict[int, Reading] = {first + 1: window, first + 2: window, first: Unknown()}
    return LayerShape(call.input_shape, output, tuple(steps), saved=Saved(), reads=reads)


def channel_shuffle(call: Call) -> LayerShape:
    """(N, C, *) -> the same shape, the channels' groups interleaved.

    Raises:
        Refusal: as PyTorch refuses.
    """
    groups = call["groups"]
    if len(call.input_shape) < 3:
        raise Refusal(
            INPUT,
            "ChannelShuffle takes an input with at least 3 axes (batch, channels, space), not "
            f"{len(call.input_shape)}.",
        )
    check_positive("groups", (groups,))
    channels = call.input_shape[1]
    if channels % groups:
        raise Refusal(
            "groups",
            f"groups divides the channels, but {channels} channels do not go into {groups} groups.",
            value=groups,
        )
    return LayerShape(call.input_shape, call.input_shape, saved=Saved(), reads={1: Unknown()})


def _factor(call: Call, name: str) -> int:
    factor: int = call[name]
    if len(call.input_shape) < 3:
        raise Refusal(
            INPUT,
            f"{call.type} takes an input with at least 3 axes (channels, height, width), not "
            f"{len(call.input_shape)}.",
        )
    check_positive(name, (factor,))
    if factor**2 > LARGEST:
        raise Refusal(name, f"{name} squared is at most {LARGEST}.", value=factor)
    return factor


LAYERS = (
    Layer("PixelShuffle", (Parameter("upscale_factor", Kind.INTEGER),), pixel_shuffle, 2),
    Layer("PixelUnshuffle", (Parameter("downscale_factor", Kind.INTEGER),), pixel_unshuffle, 2),
    Layer("ChannelShuffle", (Parameter("groups", Kind.INTEGER),), channel_shuffle),
)
