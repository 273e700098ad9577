"""Interpolation: Upsample, UpsamplingNearest2d, UpsamplingBilinear2d."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Literal

from server.engine.shapes.layer import Call, Layer, check_size
from server.engine.shapes.parameters import LARGEST, Kind, Parameter
from server.engine.shapes.reading import Adaptive, Interpolated, Reading, Unknown
from server.engine.shapes.refusal import INPUT, Refusal
from server.engine.shapes.result import LayerShape, Saved, Step, Symbol, step
from server.engine.shapes.window import Axis, axes_of, axis_noun

MODES: Mapping[str, tuple[int, ...]] = {
    "nearest": (1, 2, 3),
    "nearest-exact": (1, 2, 3),
    "area": (1, 2, 3),
    "linear": (1,),
    "bilinear": (2,),
    "bicubic": (2,),
    "trilinear": (3,),
}
"""Axes of space that a mode works on."""

TAPS: Mapping[str, Literal["nearest", "nearest-exact", "cubic"]] = {
    "nearest": "nearest",
    "nearest-exact": "nearest-exact",
    "bicubic": "cubic",
}
"""What a mode reads, where that is not linear."""

SIZE = (
    Parameter("size", Kind.OPTIONAL_SIZES, None),
    Parameter("scale_factor", Kind.FACTORS, None),
)
PARAMETERS = (
    *SIZE,
    Parameter("mode", Kind.TEXT, "nearest", tuple(MODES)),
    Parameter("align_corners", Kind.OPTIONAL_FLAG, None),
    Parameter("recompute_scale_factor", Kind.OPTIONAL_FLAG, None),
)


def upsample(call: Call) -> LayerShape:
    """(N, C, *space) -> (N, C, *size) or (N, C, *floor(space * scale_factor)).

    Raises:
        Refusal: as PyTorch refuses.
    """
    mode, size, factor = call["mode"], call["size"], call["scale_factor"]
    if factor == 0:
        factor = None  # the constructor takes 0 for no factor
    axes = len(call.input_shape) - 2
    if call["align_corners"] is not None and mode in ("nearest", "nearest-exact", "area"):
        raise Refusal(
            "align_corners", f"align_corners is left out for {mode}: it interpolates nothing."
        )
    if size is not None and factor is not None:
        raise Refusal("scale_factor", "Either size or scale_factor is given, not both.")
    if size is None and factor is None:
        raise Refusal("size", "Either size or a scale_factor other than 0 is given.")
    if call["recompute_scale_factor"] and size is not None:
        raise Refusal(
            "recompute_scale_factor", "recompute_scale_factor is only for scale_factor, not size."
        )
    if axes not in MODES[mode]:
        numbers = " or ".join(str(count + 2) for count in MODES[mode])
        raise Refusal(
            "mode" if call.type == "Upsample" and axes in (1, 2, 3) else INPUT,
            f"{mode} takes an input with {numbers} axes (batch, channels, space), not {axes + 2}.",
        )
    call = replace(call, axes=axes)
    name = "size" if size is not None else "scale_factor"
    given = size if size is not None else factor
    each = tuple(given) if isinstance(given, tuple) else (given,) * axes
    if len(each) != axes:
        raise Refusal(
            name,
            f"{name} is one number or a list of {axes}, one for each axis; this list has "
            f"{len(each)}.",
            limit=axes,
        )
    steps: list[Step] = []
    sizes: list[int] = []
    reads: dict[int, Reading] = {}
    for axis, value in zip(axes_of(call.input_shape, axes), each, strict=True):
        line = _sized(axis, value) if name == "size" else _scaled(axis, value)
        _check_size(axis, line, name, 0 if mode == "area" else 1)
        steps.append(line)
        sizes.append(line.value)
        if axis.size:
            reads[axis.index] = _reading(call, axis, line.value, None if name == "size" else value)
    # The mean of everything, which area takes for sizes of 1, needs nothing.
    if mode != "area" or set(sizes) != {1}:
        call.check_not_empty(2 if mode == "area" and axes < 3 else 1)
    output = (*call.input_shape[:2], *sizes)
    check_size(name, output, "The output")
    return LayerShape(
        call.input_shape,
        output,
        tuple(steps),
        saved=Saved(input=mode == "area"),
        reads=reads,
    )


def _sized(axis: Axis, size: int) -> Step:
    m = Symbol("m", "size asked for", size, "size")
    return step("o", "output size", "{m}", (m,), size, axis=axis.index)


def _scaled(axis: Axis, factor: float) -> Step:
    product = float(axis.size) * float(factor)
    if not abs(product) <= LARGEST:
        raise Refusal(
            "scale_factor", "The output would have more positions than 64 bits can count."
        )
    i = Symbol("i", f"input {axis_noun(axis)}", axis.size, INPUT)
    f = Symbol("f", "scale factor", factor, "scale_factor")
    # PyTorch rounds the product of doubles, not the exact one; towards zero.
    size = int(product)
    note = "" if size == product else f"{product:g} is rounded down."
    return step("o", "output size", "⌊{i}·{f}⌋", (i, f), size, axis=axis.index, note=note)


def _check_size(axis: Axis, line: Step, name: str, least: int) -> None:
    if line.value >= least:
        return
    if name == "size":
        raise Refusal(name, f"size is at least {least}, not {line.value}.", limit=least)
    raise Refusal(
        name,
        f"scale_factor makes {line.value} of the {axis_noun(axis)} {axis.size}; at least {least} "
        "must be left.",
    )


def _reading(call: Call, axis: Axis, size: int, factor: float | None) -> Reading:
    mode: str = call["mode"]
    if mode == "area":
        return Adaptive(size, axis.size) if size else Unknown()
    if call["align_corners"]:
        return Unknown()
    exact = Fraction(size, axis.size)
    if factor is not None and not call["recompute_scale_factor"]:
        exact = Fraction(factor).limit_denominator(1000)
    return Interpolated(TAPS.get(mode, "linear"), exact) if exact > 0 else Unknown()


def _fixed(mode: str, align_corners: bool | None) -> Layer:
    def compute(call: Call) -> LayerShape:
        fixed = {"mode": mode, "align_corners": align_corners, "recompute_scale_factor": None}
        return upsample(replace(call, values={**call.values, **fixed}))

    return Layer(f"Upsampling{mode.title()}2d", SIZE, compute)


LAYERS = (
    Layer("Upsample", PARAMETERS, upsample),
    _fixed("nearest", None),
    _fixed("bilinear", True),
)
