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

MOST = 16
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
        axis = inner_first[place]
        stride, size = old.stride[axis], old.shape[axis]
        begin = new.offset // stride % size
        steps = [(a, new.stride[a] // stride) for a in lying[axis]]
        last = begin + sum(step * (new.shape[a] - 1) for a, step in steps)
        place += 1
        if last < size and all(new.stride[a] % stride == 0 for a in lying[axis]):
            groups.append(_cut(axis, begin, steps))
            continue
        run, total = [axis], size
        merged = new.shape[steps[0][0]] if len(steps) == 1 else 0
        while total < merged and place < len(inner_first) and not lying[inner_first[place]]:
            run.append(inner_first[place])
            total *= old.shape[run[-1]]
            place += 1
        begins = [new.offset // old.stride[a] % old.shape[a] for a in run]
        if total != merged or steps[0][1] != 1 or any(begins) or new.stride[steps[0][0]] != stride:
            return None
        merges.append(_merged(steps[0][0], run, [old.shape[a] for a in run]))
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
    """The position on an axis is a sum over those of axes into which it was cut."""

    def put(bits: Bits, found: list[int]) -> None:
        places = 1 << begin
        for other, step in steps:
            if places == 1:
                places = spread(bits[other], step)
            elif len(steps) == 1:
                places = spread(bits[other], step) << begin
            else:
                places = _sums(places, spread(bits[other], step))
        found[axis] = places

    return put


def _sums(left: int, right: int) -> int:
    """All sums of a position of the one and a position of the other."""
    found = 0
    while right:
        low = right & -right
        found |= left << (low.bit_length() - 1)
        right ^= low
    return found


def _merged(merged: int, run: Sequence[int], sizes: Sequence[int]) -> Pieces:
    """An axis goes through several of the memory, row by row; the innermost comes first."""

    def pieces(bits: Bits) -> list[list[tuple[int, int]]]:
        found: list[tuple[int, list[tuple[int, int]]]] = [(bits[merged], [])]
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
