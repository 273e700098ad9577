"""Pooling: one value for each window of each channel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from server.engine.arithmetic.call import Call
from server.engine.arithmetic.parts import Broken, Index, NotBrokenDown, Read, Rest, chosen, each
from server.engine.arithmetic.snippet import Snippet
from server.engine.arithmetic.taps import Cell, Tap, cells_of, convolved, values_at

CELLS = 1024
"""How many cells of a window are listed, unless asked otherwise."""


@dataclass(frozen=True)
class MaximumTerms:
    """A value of max pooling."""

    kernel_size: list[int]
    stride: list[int] | None
    padding: list[int]
    dilation: list[int]
    ceil_mode: bool
    adaptive: bool
    cells: list[Cell]
    """Row by row. Padding counts as minus infinity and never wins."""
    values: list[float]
    """Of the cells."""
    winner: list[int] | None
    """Place on the input of the cell that PyTorch picks: the first of equal ones. None: the whole
    window lies in padding, and the value is minus infinity."""
    ties: list[list[int]]
    """Places of the other cells with the same value."""
    rest: Rest | None


@dataclass(frozen=True)
class AverageTerms:
    """A value of average pooling, adaptive and global pooling among it."""

    kernel_size: list[int]
    stride: list[int] | None
    padding: list[int]
    ceil_mode: bool
    count_include_pad: bool | None
    adaptive: bool
    cells: list[Cell]
    """Row by row; padding counts as 0."""
    values: list[float]
    rest: Rest | None
    sum: float
    divisor: float
    divisor_from: str
    """How the divisor comes about."""


@dataclass(frozen=True)
class PowerTerms:
    """A value of power-average (Lp) pooling."""

    norm_type: float
    kernel_size: list[int]
    stride: list[int]
    ceil_mode: bool
    cells: list[Cell]
    values: list[float]
    powers: list[float]
    rest: Rest | None
    sum: float
    """Of the powers, over the cells of the window that lie on the input."""
    counted: int
    """How many cells lie on the input: the mean of the powers is taken over these ..."""
    cells_of_kernel: int
    """... and multiplied by the kernel's size, so that a cut window counts for more."""


@dataclass(frozen=True)
class _Window:
    """One window on one channel."""

    lead: Index
    """The indices before the pooled axes."""
    taps: list[list[Tap]]
    values: Tensor
    """float64, one axis for each of the window."""
    source: Tensor
    """The channel, float64."""

    @property
    def sources(self) -> list[list[int]]:
        """For each axis the places on the input."""
        return [
            sorted({tap.source for tap in axis if tap.source is not None}) for axis in self.taps
        ]


def maximum_pooling(call: Call) -> Broken:
    """A value of max pooling over one, two or three axes."""
    axes = _axes(call)
    kernel_size = each(call["kernel_size"], axes)
    stride = each(call["stride"] or kernel_size, axes)
    padding, dilation = each(call["padding"], axes), each(call["dilation"], axes)
    window = _window(
        call,
        [
            convolved(place, size, kernel, step, pad, hole, "zeros")
            for place, size, kernel, step, pad, hole in zip(
                call.index[-axes:],
                _sizes(call, axes),
                kernel_size,
                stride,
                padding,
                dilation,
                strict=True,
            )
        ],
        -math.inf,
    )
    options = f"{kernel_size}, {stride}, {padding}, {dilation}"
    return _maximum(call, window, kernel_size, stride, padding, dilation, options)


def adaptive_maximum_pooling(call: Call) -> Broken:
    """A value of adaptive max pooling."""
    window = _window(call, _adaptive(call), -math.inf)
    kernel_size = [len(axis) for axis in window.taps]
    ones = [1] * len(kernel_size)
    return _maximum(call, window, kernel_size, None, [0] * len(ones), ones, None)


def average_pooling(call: Call) -> Broken:
    """A value of average pooling over one, two or three axes."""
    axes = _axes(call)
    kernel_size = each(call["kernel_size"], axes)
    stride = each(call["stride"] or kernel_size, axes)
    padding = each(call["padding"], axes)
    include, override = bool(call["count_include_pad"]), call.arguments.get("divisor_override")
    taps: list[list[Tap]] = []
    for place, size, kernel, step, pad in zip(
        call.index[-axes:], _sizes(call, axes), kernel_size, stride, padding, strict=True
    ):
        # What ceil_mode lets hang over beyond the padding is not there at all.
        window = convolved(place, size, kernel, step, pad, 1, "zeros")
        taps.append([tap for tap in window if tap.position < size + pad])
    found = _window(call, taps, 0.0)
    inside = math.prod(sum(tap.source is not None for tap in axis) for axis in taps)
    if override:
        divisor, how = float(override), "divisor_override"
    elif include:
        divisor, how = float(math.prod(map(len, taps))), "all cells of the window, padding too"
    else:
        divisor, how = float(inside), "the cells that lie on the input"
    return _average(call, found, divisor, how, kernel_size, stride, padding, include=include)


def adaptive_average_pooling(call: Call) -> Broken:
    """A value of adaptive average pooling; to one value, it is global average pooling."""
    found = _window(call, _adaptive(call), 0.0)
    kernel_size = [len(axis) for axis in found.taps]
    return _average(
        call,
        found,
        float(math.prod(kernel_size)),
        "the cells of the window",
        kernel_size,
        None,
        [0] * len(kernel_size),
        include=None,
    )


def power_pooling(call: Call) -> Broken:
    """A value of Lp pooling."""
    axes = _axes(call)
    norm = float(call["norm_type"])
    kernel_size = each(call["kernel_size"], axes)
    stride = each(call["stride"] or kernel_size, axes)
    taps = [
        [tap for tap in convolved(place, size, kernel, step, 0, 1, "zeros") if tap.position < size]
        for place, size, kernel, step in zip(
            call.index[-axes:], _sizes(call, axes), kernel_size, stride, strict=True
        )
    ]
    window = _window(call, taps, 0.0)
    powers = window.values.flatten().pow(norm)
    listed, rest = _listed(call, powers)
    counted, size = powers.numel(), math.prod(kernel_size)
    mean = powers.sum() / counted
    value = (mean.sign() * mean.abs() * size).pow(1 / norm)
    cells = cells_of(taps)
    terms = PowerTerms(
        norm_type=norm,
        kernel_size=kernel_size,
        stride=stride,
        ceil_mode=bool(call["ceil_mode"]),
        cells=[cells[number] for number in listed],
        values=window.values.flatten()[listed].tolist(),
        powers=powers[listed].tolist(),
        rest=rest,
        sum=float(powers.sum()),
        counted=counted,
        cells_of_kernel=size,
    )
    snippet = _snippet(call, window).line(f"mean = window.pow({norm}).mean()")
    return Broken(
        "lp_pooling",
        terms,
        float(value),
        "f(X) = (Σ_{x ∈ X} x^p)^(1/p)",
        _reads(call, window),
        snippet.ending(f"(mean * {size}).pow(1 / {norm})"),
    )


def _maximum(
    call: Call,
    window: _Window,
    kernel_size: list[int],
    stride: list[int] | None,
    padding: list[int],
    dilation: list[int],
    options: str | None,
) -> Broken:
    cells, values = cells_of(window.taps), window.values.flatten()
    best: int | None = None
    for number, cell in enumerate(cells):
        # As PyTorch scans: only a greater value takes over, and any NaN does.
        value = float(values[number])
        if not cell.padding and (best is None or value > float(values[best]) or math.isnan(value)):
            best = number
    greatest = -math.inf if best is None else float(values[best])
    ties = [
        number
        for number, cell in enumerate(cells)
        if number != best and not cell.padding and float(values[number]) == greatest
    ]
    limit = call.listed(CELLS)
    keep = sorted({*range(min(limit, len(cells))), *(() if best is None else (best,))})
    dropped = sorted(set(range(len(cells))) - set(keep))
    terms = MaximumTerms(
        kernel_size=kernel_size,
        stride=stride,
        padding=padding,
        dilation=dilation,
        ceil_mode=bool(call.arguments.get("ceil_mode", False)),
        adaptive=options is None,
        cells=[cells[number] for number in keep],
        values=values[keep].tolist(),
        winner=None if best is None else cells[best].position,
        ties=[cells[number].position for number in ties[:limit]],
        rest=Rest(len(dropped), float(values[dropped].max())) if dropped else None,
    )
    return Broken(
        "max_pooling",
        terms,
        greatest,
        "out(N_i, C_j, h, w) = max_{m, n} input(N_i, C_j, stride · h − padding + dilation · m, …)"
        if options
        else "out(N_i, C_j, h, w) = max of input[⌊h · H_in/H_out⌋ : ⌈(h + 1) · H_in/H_out⌉, …]",
        _reads(call, window),
        _snippet(call, window).ending("window.max()")
        if best is not None
        else Snippet(call).ending("-torch.inf"),
    )


def _average(
    call: Call,
    window: _Window,
    divisor: float,
    how: str,
    kernel_size: list[int],
    stride: list[int] | None,
    padding: list[int],
    *,
    include: bool | None,
) -> Broken:
    values, cells = window.values.flatten(), cells_of(window.taps)
    listed, rest = _listed(call, values)
    total = float(values.sum())
    terms = AverageTerms(
        kernel_size=kernel_size,
        stride=stride,
        padding=padding,
        ceil_mode=bool(call.arguments.get("ceil_mode", False)),
        count_include_pad=include,
        adaptive=stride is None,
        cells=[cells[number] for number in listed],
        values=values[listed].tolist(),
        rest=rest,
        sum=total,
        divisor=divisor,
        divisor_from=how,
    )
    formula = (
        "out(N_i, C_j, h, w) = 1/divisor · Σ_{m, n} input(N_i, C_j, stride · h − padding + m, …)"
        if stride
        else "out(N_i, C_j, h, w) = mean of input[⌊h · H_in/H_out⌋ : ⌈(h + 1) · H_in/H_out⌉, …]"
    )
    return Broken(
        "average_pooling",
        terms,
        total / divisor,
        formula,
        _reads(call, window),
        _snippet(call, window).ending(f"window.sum() / {divisor}"),
    )


def _axes(call: Call) -> int:
    axes = next((int(part[0]) for part in call.function.split("pool")[1:] if part), 0)
    if not 1 <= axes <= 3 or len(call.index) < axes:
        raise NotBrokenDown("it has an unusual number of axes")
    return axes


def _sizes(call: Call, axes: int) -> list[int]:
    return list(call.operand("input").tensor.shape[-axes:])


def _adaptive(call: Call) -> list[list[Tap]]:
    """The taps of windows that the sizes give."""
    axes = _axes(call)
    taps: list[list[Tap]] = []
    for place, size, outputs in zip(
        call.index[-axes:], _sizes(call, axes), call.shape[-axes:], strict=True
    ):
        start, stop = place * size // outputs, -(-(place + 1) * size // outputs)
        taps.append([Tap(number - start, number, number) for number in range(start, stop)])
    return taps


def _window(call: Call, taps: list[list[Tap]], fill: float) -> _Window:
    lead = call.index[: -len(taps)]
    source = call.operand("input").tensor[lead].detach().to("cpu", torch.float64)
    return _Window(lead, taps, values_at(source, taps, fill), source)


def _listed(call: Call, contributions: Tensor) -> tuple[list[int], Rest | None]:
    """The cells to list, in the order of the window."""
    listed, rest = chosen(contributions, call.listed(CELLS), call.sort)
    return sorted(listed), rest


def _reads(call: Call, window: _Window) -> tuple[Read, ...]:
    return call.read("input", [*([place] for place in window.lead), *window.sources])


def _snippet(call: Call, window: _Window) -> Snippet:
    """Defines ``window``: the cells that lie on the input."""
    sources: Sequence[list[int]] = window.sources
    place = (*window.lead, *sources)
    return Snippet(call).tensor("window", call.operand("input"), place)
