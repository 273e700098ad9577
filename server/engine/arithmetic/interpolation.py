"""Interpolation: a value is a weighted mean of cells; each axis has weights of its own."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from server.engine.arithmetic.call import Call
from server.engine.arithmetic.parts import Broken, NotBrokenDown, Rest, chosen, combined, gathered
from server.engine.arithmetic.pooling import adaptive_average_pooling
from server.engine.arithmetic.snippet import Snippet
from server.engine.given import Operand

CELLS = 64
"""How many cells are listed, unless asked otherwise."""

NEGLIGIBLE = 1e-12
"""Weights below this are zero but for rounding."""

FORMULAS = {
    "nearest": "out_i = input_⌊i · scale⌋, scale = in/out (or 1/scale_factor)",
    "nearest-exact": "out_i = input_⌊(i + 0.5) · scale⌋, scale = in/out (or 1/scale_factor)",
    "linear": "src = (i + 0.5) · scale − 0.5 (align_corners: i · (in − 1)/(out − 1)); "
    "out_i = (1 − λ) · input_⌊src⌋ + λ · input_{⌊src⌋ + 1}, λ = src − ⌊src⌋",
    "cubic": "src as for linear; out_i = Σ_{k = −1}^{2} W(src − ⌊src⌋ − k) · input_{⌊src⌋ + k}, "
    "W the cubic convolution kernel with a = −0.75",
    "antialiased": "as without antialiasing, the kernel stretched by scale when shrinking",
}

Weights = dict[int, float]
"""Weights by place along one axis; those that are 0 are left out."""


@dataclass(frozen=True)
class WeightedCell:
    """A cell, and what it adds."""

    index: list[int]
    """Place on the interpolated axes."""
    value: float
    weight: float
    product: float


@dataclass(frozen=True)
class InterpolationTerms:
    """A value of ``interpolate`` or ``Upsample``."""

    mode: str
    align_corners: bool | None
    antialias: bool
    sources: list[float | None]
    """For each axis the place that the unit's centre falls on, in places of the input."""
    cells: list[WeightedCell]
    rest: Rest | None
    weights: float
    """The sum of all weights."""


def interpolation(call: Call) -> Broken:
    """A value of interpolation over one, two or three axes."""
    mode, antialias = str(call["mode"]), bool(call.arguments.get("antialias"))
    if mode == "area":
        axes = len(call.shape) - 2
        return adaptive_average_pooling(_as_adaptive(call, axes))
    operand = call.operand("input")
    item, channel, *position = call.index
    sizes = list(operand.tensor.shape[2:])
    aligned = bool(call["align_corners"])
    scales = [
        _scale(call, axis, size, out, aligned)
        for axis, (size, out) in enumerate(zip(sizes, call.shape[2:], strict=True))
    ]
    found: list[Weights] = []
    sources: list[float | None] = []
    for axis, (place, size, scale) in enumerate(zip(position, sizes, scales, strict=True)):
        source = place * scale if aligned else (place + 0.5) * scale - 0.5
        if mode.startswith("nearest"):
            found.append({_nearest(call, axis, place): 1.0})
            source = place * scale if mode == "nearest" else (place + 0.5) * scale
        elif antialias:
            found.append(_probed(call, axis, place))
        else:
            weigh: Callable[[float, int], Weights] = _cubic if "cubic" in mode else _linear
            found.append(weigh(source, size))
        sources.append(source)
    places = [sorted(weights) for weights in found]
    values = gathered(operand.tensor[item, channel].detach().to("cpu", torch.float64), places)
    weights = torch.tensor(
        [
            math.prod(weights[place] for weights, place in zip(found, cell, strict=True))
            for cell in combined(places)
        ],
        dtype=torch.float64,
    )
    flat = values.flatten()
    products = flat * weights
    listed, rest = chosen(products, call.listed(CELLS), call.sort)
    cells = combined(places)
    terms = InterpolationTerms(
        mode=mode,
        align_corners=call["align_corners"],
        antialias=antialias,
        sources=sources,
        cells=[
            WeightedCell(
                list(cells[number]),
                float(flat[number]),
                float(weights[number]),
                float(products[number]),
            )
            for number in listed
        ],
        rest=rest,
        weights=float(weights.sum()),
    )
    key = "antialiased" if antialias else "cubic" if "cubic" in mode else "linear"
    snippet = (
        Snippet(call)
        .tensor("cells", operand, (item, channel, *places))
        .values("weights", weights.reshape(values.shape))
    )
    return Broken(
        "interpolation",
        terms,
        float(products.sum()),
        FORMULAS[mode if mode.startswith("nearest") else key],
        call.read("input", [[item], [channel], *places]),
        snippet.ending("(cells * weights).sum()"),
    )


def _scale(call: Call, axis: int, size: int, out: int, aligned: bool) -> float:
    """How many places of the input one place of the output is."""
    if aligned:
        return (size - 1) / (out - 1) if out > 1 else 0.0
    factor = call.arguments.get("scale_factor")
    if factor is None or call.arguments.get("recompute_scale_factor") or call["size"] is not None:
        return size / out
    return 1 / float(factor[axis] if isinstance(factor, list | tuple) else factor)


def _linear(source: float, size: int) -> Weights:
    source = max(source, 0.0)
    first = min(int(source), size - 1)
    share = min(max(source - first, 0.0), 1.0)
    second = min(first + 1, size - 1)
    weights = {first: 1 - share}
    weights[second] = weights.get(second, 0.0) + share
    return {place: weight for place, weight in weights.items() if weight}


def _cubic(source: float, size: int) -> Weights:
    """Keys, "Cubic convolution interpolation", 1981, with a = -0.75; the border is repeated."""
    first = math.floor(source)
    share = source - first
    a = -0.75

    def near(x: float) -> float:
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def far(x: float) -> float:
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

    taps = (far(share + 1), near(share), near(1 - share), far(2 - share))
    weights: Weights = {}
    for number, weight in enumerate(taps, start=first - 1):
        place = min(max(number, 0), size - 1)
        weights[place] = weights.get(place, 0.0) + weight
    return {place: weight for place, weight in weights.items() if abs(weight) > NEGLIGIBLE}


def _nearest(call: Call, axis: int, place: int) -> int:
    """Found by running it on numbers: its rounding is that of the network's type."""
    dtype = call.operand("input").tensor.dtype
    size = call.operand("input").tensor.shape[2 + axis]
    numbers = torch.arange(size, dtype=torch.float64 if dtype == torch.float64 else torch.float32)
    return int(_along(call, numbers[None], axis)[0, place])


def _probed(call: Call, axis: int, place: int) -> Weights:
    """The weights that unit vectors get: the kernel's width depends on the scale."""
    size = call.operand("input").tensor.shape[2 + axis]
    weights = _along(call, torch.eye(size, dtype=torch.float64), axis)[:, place]
    return {
        number: float(weight)
        for number, weight in enumerate(weights.tolist())
        if abs(weight) > NEGLIGIBLE
    }


def _along(call: Call, vectors: torch.Tensor, axis: int) -> torch.Tensor:
    """Vectors (n, size) interpolated along one axis of the call: (n, out)."""
    axes = len(call.shape) - 2
    count, size = vectors.shape
    # Two equal values on the other axes: for sizes of one, layouts are ambiguous.
    shape, kept = [1, count, *[1] * axes], [1, count, *[2] * axes]
    shape[2 + axis] = kept[2 + axis] = size
    probe = vectors.reshape(shape).expand(kept).contiguous()
    settings = {name: call.arguments.get(name) for name in ("mode", "align_corners", "antialias")}
    factor = call.arguments.get("scale_factor")
    by_factor = (
        factor is not None
        and call["size"] is None
        and not call.arguments.get("recompute_scale_factor")
    )
    if by_factor:
        own = factor[axis] if isinstance(factor, list | tuple) else factor
        settings["scale_factor"] = tuple(own if n == axis else 1.0 for n in range(axes))
    else:
        settings["size"] = tuple(call.shape[2 + axis] if n == axis else 2 for n in range(axes))
    settings["antialias"] = bool(settings["antialias"])
    with torch.no_grad():
        result = F.interpolate(probe, **settings)  # type: ignore[arg-type]
    if not isinstance(result, torch.Tensor):
        raise NotBrokenDown("it gives no tensor")
    return result[0].movedim(1 + axis, 1).reshape(count, result.shape[2 + axis], -1)[..., 0]


def _as_adaptive(call: Call, axes: int) -> Call:
    """Mode ``area`` is adaptive average pooling."""
    source: Operand = call.operand("input")
    return dataclasses.replace(
        call, function=f"adaptive_avg_pool{axes}d", arguments={"input": source}
    )
