"""The receptive field of layers in a row: size, stride and start, without clipping.

The arithmetic of A. Araujo, W. Norris, J. Sim, "Computing Receptive Fields of Convolutional Neural
Networks", Distill 2019, section "Derivation": through a window of kernel k, stride s, padding p and
dilation d the field of a unit grows by ``(k - 1)·d`` strides, starts p strides earlier, and the
stride is multiplied by s. Where a layer enlarges, units differ by their place: they have phases.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from server.engine.receptive_field.interval import Interval, Moving
from server.engine.shapes.reading import (
    Adaptive,
    Block,
    Interpolated,
    Reading,
    Spread,
    Whole,
    Window,
)
from server.engine.shapes.result import LayerShape, Shape

WORK = 20_000
"""Intervals that may be joined for one layer; beyond, the field counts as not known."""


@dataclass(frozen=True)
class ReceptiveField:
    """For each axis of space of the input, how the fields of a layer's units lie in it."""

    size: tuple[int, ...]
    """Length of every unit's field; it may hang over the border."""
    stride: tuple[int, ...]
    """How far the field moves from one unit to the next; 0 where all units read the same."""
    start: tuple[int, ...]
    """Where the field of the unit at 0 begins; negative in the padding."""


@dataclass(frozen=True)
class _Reach:
    """What a layer's units read along one axis of the input."""

    axis: int | None
    """The axis of the layer on which the unit's place decides; None: all units read the same."""
    moving: Moving | None
    """How the field moves along that axis; None: it was merged with others, and jumps."""
    fixed: Interval | None = None
    """Where it does not move, the field of all units."""


@dataclass(frozen=True)
class Fields:
    """The fields after some layers."""

    reaches: tuple[_Reach | None, ...]
    """By axis of space; None: not known."""

    @staticmethod
    def of_input(shape: Shape, axes: int) -> Fields:
        """The fields of the input itself, whose last ``axes`` axes are space."""
        first = len(shape) - axes
        own = Moving(((0, 1),), 1)
        return Fields(tuple(_Reach(first + place, own) for place in range(axes)))

    def after(self, layer: LayerShape) -> Fields:
        """The fields after one more layer."""
        if layer.moved:
            return Fields(tuple(_merged(reach, layer) for reach in self.reaches))
        return Fields(tuple(_through(reach, layer) for reach in self.reaches))

    @property
    def uniform(self) -> ReceptiveField | None:
        """Size, stride and start; None where they differ from unit to unit, or are not known."""
        found = [_uniform(reach) for reach in self.reaches]
        known = [entry for entry in found if entry is not None]
        if not known or len(known) < len(found):
            return None
        size, stride, start = zip(*known, strict=True)
        return ReceptiveField(size, stride, start)


def _uniform(reach: _Reach | None) -> tuple[int, int, int] | None:
    if reach is None:
        return None
    if reach.moving is None:
        if reach.axis is not None or reach.fixed is None:
            return None
        return reach.fixed[1] - reach.fixed[0], 0, reach.fixed[0]
    if len(reach.moving.phases) > 1 or reach.moving.phases[0] is None:
        return None
    low, high = reach.moving.phases[0]
    return high - low, reach.moving.advance, low


def _merged(reach: _Reach | None, layer: LayerShape) -> _Reach | None:
    """Through Flatten: units of a merged axis read different places, which only a sum joins."""
    if reach is None or reach.axis is None:
        return reach
    if layer.merged is None:
        return None
    first, last = layer.merged
    if reach.axis < first:
        return reach
    if reach.axis > last:
        return _Reach(reach.axis - (last - first), reach.moving)
    everywhere = _everywhere(reach, layer.input_shape[reach.axis])
    return _Reach(first, None, everywhere) if everywhere else None


def _through(reach: _Reach | None, layer: LayerShape) -> _Reach | None:
    if reach is None or reach.axis is None:
        return reach
    reading = layer.reads.get(reach.axis)
    if reading is None:
        return reach
    if isinstance(reading, Whole) or (isinstance(reading, Adaptive) and reading.outputs == 1):
        everywhere = _everywhere(reach, layer.input_shape[reach.axis])
        return _Reach(None, None, everywhere) if everywhere else None
    if reach.moving is None:
        return None
    moving = _moved(reach.moving, reading)
    return _Reach(reach.axis, moving) if moving else None


def _everywhere(reach: _Reach, size: int) -> Interval | None:
    """Around the fields of all units on the axis."""
    if reach.moving is None:
        return reach.fixed
    phases = len(reach.moving.phases)
    ends = {*range(min(size, phases)), *range(max(0, size - phases), size)}
    return reach.moving.over(ends)


def _moved(moving: Moving, reading: Reading) -> Moving | None:
    step = _STEPS.get(type(reading))
    if step is None:
        return None
    positions, phases, advance, work = step(reading, len(moving.phases) > 1)
    turns = len(moving.phases) // math.gcd(len(moving.phases), advance) if advance else 1
    if work * phases * turns > WORK:
        return None
    return moving.read_by(positions, phases, advance)


_Step = tuple[Callable[[int], Iterable[int]], int, int, int]
"""The positions that one reads, after how many that repeats, how far on, and how many they are."""


def _window(reading: Reading, every: bool) -> _Step:
    assert isinstance(reading, Window)
    kernel, step = reading.kernel, reading.dilation
    # With one phase, intervals begin and end in order: the first and last say all.
    taps = range(kernel) if every else (0, kernel - 1)
    return (
        lambda index: [index * reading.stride - reading.before + step * tap for tap in taps],
        1,
        reading.stride,
        len(taps),
    )


def _spread(reading: Reading, every: bool) -> _Step:
    assert isinstance(reading, Spread)

    def positions(index: int) -> list[int]:
        places = (index + reading.padding - reading.dilation * tap for tap in range(reading.kernel))
        return [place // reading.stride for place in places if place % reading.stride == 0]

    return positions, reading.stride, 1, reading.kernel


def _adaptive(reading: Reading, every: bool) -> _Step:
    assert isinstance(reading, Adaptive)
    inputs, outputs = reading.inputs, reading.outputs
    common = math.gcd(inputs, outputs)

    def positions(index: int) -> Iterable[int]:
        places = range(index * inputs // outputs, -(-(index + 1) * inputs // outputs))
        return places if every else (places[0], places[-1])

    work = -(-inputs // outputs) + 1 if every else 2
    return positions, outputs // common, inputs // common, work


def _interpolated(reading: Reading, every: bool) -> _Step:
    assert isinstance(reading, Interpolated)
    over, under = reading.scale.numerator, reading.scale.denominator

    def positions(index: int) -> Iterable[int]:
        if reading.taps == "nearest-exact":
            return ((2 * index + 1) * under // (2 * over),)
        if reading.taps == "nearest":
            return (index * under // over,)
        place, rest = divmod((2 * index + 1) * under - over, 2 * over)
        if rest == 0:
            return (place,)
        return range(place - 1, place + 3) if reading.taps == "cubic" else (place, place + 1)

    return positions, over, under, 4


def _block(reading: Reading, every: bool) -> _Step:
    assert isinstance(reading, Block)
    return (lambda index: (index // reading.factor,)), reading.factor, 1, 1


_STEPS: Mapping[type, Callable[[Reading, bool], _Step]] = {
    Window: _window,
    Spread: _spread,
    Adaptive: _adaptive,
    Interpolated: _interpolated,
    Block: _block,
}
