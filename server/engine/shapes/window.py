"""How many windows fit along one axis, step by step: of convolution, pooling and unfold.

Sources: V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning",
arXiv 1603.07285, relationships 6 and 15; PyTorch's documentation of Conv2d and
MaxPool2d; for windows that ceil mode removes, its pooling kernels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from server.engine.shapes.parameters import LARGEST
from server.engine.shapes.refusal import INPUT, Refusal, counted
from server.engine.shapes.result import Rounding, Step, Symbol, step

TAPS = 256
"""Taps of a window that are looked at for what is never read."""


@dataclass(frozen=True)
class Axis:
    """An axis of space: its index in the input's and the output's shape, and its size."""

    index: int
    size: int
    noun: str
    """What one position on it is called: row, column, slice, position."""


def axes_of(shape: tuple[int, ...], count: int) -> list[Axis]:
    """The last ``count`` axes of a shape."""
    nouns = ("slice", "row", "column")[-count:] if count > 1 else ("position",)
    first = len(shape) - count
    return [Axis(first + place, shape[first + place], noun) for place, noun in enumerate(nouns)]


def axis_noun(axis: Axis) -> str:
    """What the axis itself is called."""
    names = {"slice": "depth", "row": "height", "column": "width", "position": "length"}
    return names[axis.noun]


def windows(
    axis: Axis,
    kernel: int,
    stride: int,
    before: int,
    after: int,
    dilation: int | None,
    ceil_mode: bool | None = None,
    *,
    padding_parameter: str | None = "padding",
    kernel_parameter: str = "kernel_size",
) -> tuple[int, tuple[Step, ...]]:
    """The number of windows along an axis, and the steps to it.

    Args:
        axis: of the input.
        kernel: taps of the window, at least 1.
        stride: at least 1.
        before, after: padding at either end; negative crops.
        dilation: at least 1; None for layers that have none.
        ceil_mode: round up; None for layers that have no such parameter.
        padding_parameter: what ``before`` and ``after`` come from; None: there is no padding.
        kernel_parameter: what a refusal names when no window fits.

    Raises:
        Refusal: not even one window fits.
    """
    steps: list[Step] = []
    k = Symbol("k", "kernel size", kernel, "kernel_size")
    s = Symbol("s", "stride", stride, "stride")
    reach = kernel if dilation is None else dilation * (kernel - 1) + 1
    w = Symbol("w", "reach of the window", reach, None)
    if dilation is None:
        w = Symbol("k", "kernel size", kernel, "kernel_size")
    else:
        d = Symbol("d", "dilation", dilation, "dilation")
        text = "{d}·({k} − 1) + 1"
        steps.append(step("w", w.meaning, text, (d, k), reach, axis=axis.index))
    padded = axis.size + before + after
    n = _padded(axis, before, after, padding_parameter, steps)
    if max(reach, padded) > LARGEST:
        raise Refusal(kernel_parameter, "The window has more positions than 64 bits can count.")
    span = padded - reach
    count = (span + stride - 1 if ceil_mode else span) // stride + 1
    if count < 1:
        raise _does_not_fit(
            axis, reach, padded, kernel, stride, dilation, kernel_parameter, ceil_mode
        )
    removed = int(bool(ceil_mode) and (count - 1) * stride >= axis.size + before)
    unread_input = _unread(axis.size, kernel, stride, before, dilation or 1, count - removed)
    rounding = _rounding(span, stride, bool(ceil_mode), count, removed, unread_input)
    steps.append(
        step(
            "o",
            "output size",
            ("⌈({n} − {w}) / {s}⌉ + 1" if ceil_mode else "⌊({n} − {w}) / {s}⌋ + 1")
            .replace("{n}", f"{{{n.name}}}")
            .replace("{w}", f"{{{w.name}}}"),
            (n, w, s),
            count,
            axis=axis.index,
            note=_note(rounding, axis, reach, stride, count - removed),
            rounding=rounding,
        )
    )
    if removed:
        steps.append(_removal(axis, count, stride, before))
    return count - removed, tuple(steps)


def _padded(
    axis: Axis, before: int, after: int, parameter: str | None, steps: list[Step]
) -> Symbol:
    """The symbol of the size after padding; its step is added to the steps."""
    i = Symbol("i", f"input {axis_noun(axis)}", axis.size, INPUT)
    if parameter is None:
        return i
    symbols: tuple[Symbol, ...]
    if before == after:
        p = Symbol("p", "padding", before, parameter)
        text, symbols = "{i} + 2·{p}", (i, p)
    else:
        a = Symbol("a", "padding before", before, parameter)
        b = Symbol("b", "padding after", after, parameter)
        text, symbols = "{i} + {a} + {b}", (i, a, b)
    padded = axis.size + before + after
    steps.append(step("n", "padded input", text, symbols, padded, axis=axis.index))
    return Symbol("n", "padded input", padded, None)


def _does_not_fit(
    axis: Axis,
    reach: int,
    padded: int,
    kernel: int,
    stride: int,
    dilation: int | None,
    parameter: str,
    ceil_mode: bool | None,
) -> Refusal:
    dilated = f" ({kernel} taps, dilated by {dilation})" if reach != kernel else ""
    limit = padded + stride - 1 if ceil_mode else padded
    return Refusal(
        parameter,
        f"The window reaches over {counted(reach, axis.noun)}{dilated}, but the padded input has "
        f"only {padded}: at most {limit} {'fits' if limit == 1 else 'fit'}.",
        value=kernel,
        limit=limit,
    )


def _unread(size: int, kernel: int, stride: int, before: int, dilation: int, count: int) -> int:
    """Positions at the end of the input itself that no window reads, holes and gaps included."""
    last = size - 1 + before
    read = -1
    # From the last tap backwards, of whose windows the later ones read more.
    for tap in range(kernel - 1, max(-1, kernel - 1 - TAPS), -1):
        window = min(count - 1, (last - dilation * tap) // stride)
        if window >= 0:
            read = max(read, window * stride + dilation * tap)
        if read == last:
            break
    return last - read if read >= before else size


def _rounding(
    span: int, stride: int, ceil_mode: bool, count: int, removed: int, unread_input: int
) -> Rounding | None:
    kind: Literal["floor", "ceil"] = "ceil" if ceil_mode else "floor"
    if span % stride == 0 and not removed and not unread_input:
        return None
    left = span - (count - removed - 1) * stride
    unread = max(0, left)
    return Rounding(
        kind=kind,
        numerator=span,
        denominator=stride,
        unread=unread,
        unread_input=unread_input,
        beyond=max(0, -left),
        removed=removed,
    )


def _note(rounding: Rounding | None, axis: Axis, reach: int, stride: int, count: int) -> str:
    notes = []
    if rounding and (rounding.unread_input or rounding.unread):
        own = rounding.unread_input
        count_unread = own or rounding.unread
        one = count_unread == 1
        last = f"The last {axis.noun if one else counted(count_unread, axis.noun)}"
        last += f" of the {'' if own else 'padded '}input {'is' if one else 'are'} never read"
        notes.append(f"{last}." if own else f"{last}; that is only padding.")
    if rounding and rounding.beyond:
        beyond = counted(rounding.beyond, axis.noun)
        notes.append(f"The last window reaches {beyond} over the end.")
    if stride > reach and count > 1:
        between = counted(stride - reach, axis.noun)
        notes.append(
            f"Between windows, {between} {'is' if between[:2] == '1 ' else 'are'} skipped."
        )
    return " ".join(notes)


def _removal(axis: Axis, count: int, stride: int, before: int) -> Step:
    start = (count - 1) * stride
    symbols = (
        Symbol("o", "output size", count, None),
        Symbol("s", "stride", stride, "stride"),
        Symbol("i", f"input {axis_noun(axis)}", axis.size, INPUT),
        Symbol("p", "padding", before, "padding"),
    )
    return step(
        "o",
        "output size",
        "{o} − 1, as ({o} − 1)·{s} ≥ {i} + {p}",
        symbols,
        count - 1,
        axis=axis.index,
        note=f"The last window would start at {axis.noun} {start} of the padded input, beyond the "
        "input's own: it is removed.",
    )
