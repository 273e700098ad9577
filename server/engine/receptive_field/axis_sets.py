"""Sets of positions along one axis, as the bits of an integer, and what they read.

Bit i stands for position i. Whole sets move by a shift, so that a window takes as many steps as its
kernel has binary digits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from server.engine.receptive_field.axis import Relation
from server.engine.receptive_field.memory import Mask

Read = Callable[[int], int]
"""From the wanted positions of an axis to those that are read for them."""


def every(size: int) -> int:
    """All positions of an axis."""
    return (1 << size) - 1


def all_read(size: int) -> Read:
    """Any position reads the whole axis."""
    whole = every(size)
    return lambda bits: whole


def windows(
    outputs: int, inputs: int, kernel: int, stride: int, padding: int, dilation: int
) -> Read | None:
    """Output i reads ``i * stride - padding + dilation * k``; None: just itself."""
    if (kernel, stride, padding) == (1, 1, 0) and outputs == inputs:
        return None
    whole, shifts, covered = every(inputs), [], 1
    while covered < kernel:
        more = min(covered, kernel - covered)
        shifts.append(more * dilation)
        covered += more

    def read(bits: int) -> int:
        if stride > 1:
            bits = spread(bits, stride)
        for shift in shifts:
            bits |= bits << shift
        return (bits >> padding if padding >= 0 else bits << -padding) & whole

    return read


def transposed_windows(
    outputs: int, inputs: int, kernel: int, stride: int, padding: int, dilation: int
) -> Read:
    """Output i reads j where ``i = j * stride - padding + dilation * k``."""
    whole, taps = every(inputs), range(0, kernel * dilation, dilation)

    def read(bits: int) -> int:
        bits <<= padding
        found = 0
        for tap in taps:
            found |= gathered(bits >> tap, stride)
        return found & whole

    return read


def by_relation(relation: Relation) -> Read:
    """What a boolean matrix (outputs, inputs) says."""
    packed = np.packbits(relation, axis=1, bitorder="little")
    return by_rows([int.from_bytes(row.tobytes(), "little") for row in packed])


def by_rows(rows: Sequence[int]) -> Read:
    """What a set for each output says."""
    whole, together = every(len(rows)), 0
    for row in rows:
        together |= row

    def read(bits: int) -> int:
        if bits == whole:
            return together
        found = 0
        while bits:
            low = bits & -bits
            found |= rows[low.bit_length() - 1]
            bits ^= low
        return found

    return read


def spread(bits: int, step: int) -> int:
    """Position i to ``i * step``."""
    return int(("0" * (step - 1)).join(f"{bits:b}"), 2)


def gathered(bits: int, step: int) -> int:
    """Positions that are multiples of a step, divided by it."""
    if step == 1:
        return bits
    return int(f"{bits:b}"[::-1][::step][::-1] or "0", 2)


def span(bits: int) -> tuple[int, int]:
    """From the first position, until after the last one, of a set that is not empty."""
    return (bits & -bits).bit_length() - 1, bits.bit_length()


def combined(items: Sequence[Sequence[int]], sizes: Sequence[int]) -> Mask:
    """All combinations of the positions along the axes, of one item or another."""
    found = np.zeros(sizes, bool)
    for item in items:
        found[np.ix_(*(positions(bits, size) for bits, size in zip(item, sizes, strict=True)))] = (
            True
        )
    return found


def positions(bits: int, size: int) -> NDArray[np.bool_]:
    """A set as a boolean for each position of an axis."""
    data = np.frombuffer(bits.to_bytes(-(-size // 8), "little"), np.uint8)
    return np.unpackbits(data, count=size, bitorder="little").astype(bool)
