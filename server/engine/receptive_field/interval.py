"""Intervals of input positions that move with the position along a layer's axis."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

Interval = tuple[int, int]
"""Half-open; it may reach beyond the input, into padding."""


def hull(intervals: Iterable[Interval | None]) -> Interval | None:
    """The smallest interval around all that are not None."""
    some = [interval for interval in intervals if interval is not None]
    return (min(low for low, _ in some), max(high for _, high in some)) if some else None


@dataclass(frozen=True, slots=True)
class Window:
    """Position i reads from ``i * stride + first`` until, and with, ``i * stride + last``."""

    first: int
    last: int
    step: int
    """Between those that it reads."""
    stride: int

    def positions(self, index: int) -> range:
        """What a position reads."""
        start = index * self.stride
        return range(start + self.first, start + self.last + 1, self.step)


# Not frozen, since that makes creating one several times slower.
@dataclass(slots=True)
class Moving:
    """An interval for every integer position, inside of the layer or beyond.

    Position ``i`` has ``phases[i % p]`` shifted by ``advance * (i // p)``, where p is the number of
    phases. A convolution has one phase, and its stride to advance by. A transposed one has as many
    phases as its stride, some of them perhaps empty (None), and advances by one.
    """

    phases: tuple[Interval | None, ...]
    advance: int

    def at(self, position: int) -> Interval | None:
        """The interval of a position; None when it reads nothing."""
        turns, phase = divmod(position, len(self.phases))
        interval = self.phases[phase]
        shift = turns * self.advance
        return None if interval is None else (interval[0] + shift, interval[1] + shift)

    def over(self, positions: Iterable[int]) -> Interval | None:
        """The interval around those of several positions."""
        return hull(self.at(position) for position in positions)

    def read_by(self, positions: Callable[[int], Iterable[int]], phases: int, step: int) -> Moving:
        """The intervals of a next layer, whose position i reads ``positions(i)`` of this one.

        Those of ``i + phases`` are to be those of i, each greater by ``step``.
        """
        turns = len(self.phases) // math.gcd(len(self.phases), step) if step else 1
        return Moving(
            tuple(self.over(positions(index)) for index in range(phases * turns)),
            self.advance * (step * turns // len(self.phases)),
        )

    def through(self, window: Window) -> Moving:
        """The same for windows."""
        advance = self.advance
        if len(self.phases) == 1:
            (interval,) = self.phases
            if interval is None:
                return Moving(self.phases, advance * window.stride)
            low, high = interval[0] + advance * window.first, interval[1] + advance * window.last
            return Moving(((low, high),), advance * window.stride)
        return self.read_by(window.positions, 1, window.stride)

    def joined(self, other: Moving) -> Moving | None:
        """The intervals around both; None when they do not move at the same rate."""
        if len(self.phases) == 1 == len(other.phases):
            if self.advance != other.advance:
                return None
            (one,), (two,) = self.phases, other.phases
            if one is None or two is None or one == two:
                return other if one is None else self
            around = min(one[0], two[0]), max(one[1], two[1])
            return Moving((around,), self.advance)
        count = math.lcm(len(self.phases), len(other.phases))
        advances = {moving.advance * (count // len(moving.phases)) for moving in (self, other)}
        if len(advances) > 1:
            return None
        phases = tuple(hull((self.at(index), other.at(index))) for index in range(count))
        return Moving(phases, advances.pop())
