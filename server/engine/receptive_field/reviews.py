"""Wanted positions of a view, as positions of the tensor whose memory it sees: axis by axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from server.engine.receptive_field.axis_sets import every, spread
from server.engine.record import View

Bits = tuple[int, ...]
"""For each axis of a tensor a set of positions: see ``axis_sets``."""

Transfer = Callable[[Bits], "Bits | list[Bits] | None"]
"""From wanted positions of one tensor, which are all combinations of those along its axes, to those
of another: in one piece or several; None when there are none."""

MOST = 64
"""With more pieces than this, the walk through all positions is about as quick."""


class Uncertain(Exception):
    """Sets along the axes do not tell: the walk through all positions must be taken."""


def is_dense(view: View) -> bool:
    """Whether it sees each element of a piece of memory from its start just once."""
    expected = 1
    for stride, size in sorted(zip(view.stride, view.shape, strict=True)):
        if size != 1:
            if stride != expected:
                return False
            expected *= size
    return view.offset == 0


Group = Callable[[Bits, list[int]], None]
"""Puts sets of positions at some axes of a tensor."""

Pieces = Callable[[Bits], list[list[tuple[int, int]]]]
"""Sets of positions for some axes of a tensor: for each piece of a whole, each with its axis."""


def reviewed(new: View, old: View) -> Transfer | None:
    """From positions of a view to those of a dense one of the same memory; None: not by axes.

    An axis of the memory may be cut into several, several may be merged into one, and each may be
    sliced or moved elsewhere.
    """
    if new.itemsize != old.itemsize or 0 in new.shape or not is_dense(old):
        return None
    inner_first = sorted(
        (axis for axis, size in enumerate(old.shape) if size > 1), key=old.stride.__getitem__
    )
    lying: dict[int, list[int]] = {axis: [] for axis in inner_first}
    for axis, (step, size) in enumerate(zip(new.stride, new.shape, strict=True)):
        if size > 1 and step > 0:
            lying[_outermost(inner_first, old, step)].append(axis)
    groups: list[Group] = []
    merges: list[Pieces] = []
    place = 0
    while place < len(inner_first):
        run, total, across = [inner_first[place]], 1, lying[inner_first[place]]
        stride = old.stride[run[0]]
        while True:
            total *= old.shape[run[-1]]
            place += 1
            begin = new.offset // stride % total
            steps = [(a, new.stride[a] // stride) for a in across]
            last = begin + sum(step * (new.shape[a] - 1) for a, step in steps)
            if last < total and all(new.stride[a] % stride == 0 for a in across):
                break
            # It goes on in the next axis: these are merged, and perhaps cut elsewhere.
            if place == len(inner_first):
                return None
            run.append(inner_first[place])
            across = across + lying[run[-1]]
        if len(run) == 1:
            groups.append(_cut(run[0], begin, steps))
        else:
            merges.append(_merged(begin, steps, run, [old.shape[a] for a in run]))
    count = len(old.shape)

    def transfer(bits: Bits) -> Bits | list[Bits] | None:
        found = [1] * count
        for group in groups:
            group(bits, found)
        states = [found]
        for merge in merges:
            pieces = merge(bits)
            if len(states) * len(pieces) > MOST:
                raise Uncertain
            states = [_with(state, piece) for state in states for piece in pieces]
        return tuple(states[0]) if len(states) == 1 else [tuple(state) for state in states]

    return transfer


def _with(state: list[int], piece: list[tuple[int, int]]) -> list[int]:
    state = state.copy()
    for axis, places in piece:
        state[axis] = places
    return state


def _outermost(inner_first: Sequence[int], old: View, step: int) -> int:
    """The axis within which a step stays."""
    return max((a for a in inner_first if old.stride[a] <= step), key=old.stride.__getitem__)


def _cut(axis: int, begin: int, steps: Sequence[tuple[int, int]]) -> Group:
    """One axis of the memory was cut into several."""

    def put(bits: Bits, found: list[int]) -> None:
        found[axis] = _places(bits, begin, steps)

    return put


def _places(bits: Bits, begin: int, steps: Sequence[tuple[int, int]]) -> int:
    """The positions that are sums over those of the axes into which something was cut."""
    if len(steps) == 1:
        return spread(bits[steps[0][0]], steps[0][1]) << begin
    places = 1 << begin
    for other, step in steps:
        places = _sums(places, spread(bits[other], step))
    return places


def _sums(left: int, right: int) -> int:
    """All sums of a position of the one and a position of the other."""
    found = 0
    while right:
        low = right & -right
        found |= left << (low.bit_length() - 1)
        right ^= low
    return found


def _merged(
    begin: int, steps: Sequence[tuple[int, int]], run: Sequence[int], sizes: Sequence[int]
) -> Pieces:
    """Several axes of the memory, row by row, were merged; the innermost comes first."""

    def pieces(bits: Bits) -> list[list[tuple[int, int]]]:
        found: list[tuple[int, list[tuple[int, int]]]] = [(_places(bits, begin, steps), [])]
        for axis, size in zip(run[:-1], sizes[:-1], strict=True):
            found = [
                (rows, [*piece, (axis, inner)])
                for rest, piece in found
                for inner, rows in _rows(rest, size).items()
            ]
        return [[*piece, (run[-1], rest)] for rest, piece in found]

    return pieces


def _rows(rest: int, size: int) -> dict[int, int]:
    """The different rows of so many positions each that there are, and where each of them is."""
    found: dict[int, int] = {}
    row_mask, number = every(size), 0
    while rest:
        row = rest & row_mask
        if row:
            found[row] = found.get(row, 0) | 1 << number
        rest >>= size
        number += 1
    return found
