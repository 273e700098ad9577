"""The quick way from a unit back to the inputs: sets of positions along each axis, not of all.

A plan knows who made what in which memory, and what each result reads, so that a walk is a few
shifts of integers for each operation. What is wanted of a tensor is a few products of sets along
its axes, such as boxes with or without holes; rows beside columns are two of those. Where there
would be many, or an operation does not go by axes, the plan says that it does not know, and the
walk through all positions is taken. What it does say is exact.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence

from server.engine.receptive_field.axis_sets import every
from server.engine.receptive_field.reviews import (
    MOST,
    Bits,
    Transfer,
    Uncertain,
    is_dense,
    reviewed,
)
from server.engine.receptive_field.steps import step_of
from server.engine.receptive_field.walk import changing_storages, rule_for
from server.engine.record import Operation, Slot, Storage, View

Reads = Sequence[tuple[int, Transfer | None]]
"""Numbers of the tensors that are read, and how wanted positions become read ones."""

State = list[Bits]
"""Wanted positions: all combinations of those along each axis, of one item or another."""


class Plan:
    """What the tensors of one run read of each other."""

    def __init__(
        self,
        operations: Sequence[Operation],
        storages: Mapping[int, Storage],
        inputs: Sequence[View],
    ) -> None:
        self._operations = operations
        self._changing = changing_storages(operations, inputs)
        self._made: list[tuple[int, int]] = []
        """By the number of a tensor: the operation that made it, and as which of its results."""
        self._views: list[View | None] = []
        """By the number of a tensor; None where only a part of its memory was written then."""
        self._times: dict[int, list[int]] = {}
        self._numbers: dict[int, list[int]] = {}
        """By storage: when it was written to, and the numbers of the tensors in it since."""
        self._reads: dict[int, Reads] = {}
        self._entries: dict[tuple[View, int], tuple[int, Transfer | None]] = {}
        self._inputs = tuple(inputs)
        self._covering: dict[int, dict[int, Bits]] = {}
        """By input, the tensors all of which together read all of that input."""
        for index, view in enumerate(inputs):
            self._note(view, -1, index, whole=True)
        for time, operation in enumerate(operations):
            results = (*operation.results, *operation.written)
            for index, view in enumerate(results):
                storage = storages[view.storage]
                size = view.itemsize
                for length in view.shape:
                    size *= length
                self._note(view, time, index, whole=size == storage.size > 0)

    def back(self, slot: Slot, bits: Bits, input: int) -> State:
        """The positions of an input that are read for some of a tensor.

        Raises:
            Uncertain: this is not the way to tell.
        """
        times = self._times.get(slot.view.storage)
        if not times or times[0] >= slot.time:
            return []  # a constant
        key = slot.view, slot.time
        if key not in self._entries:
            self._entries[key] = self._entry(slot.view, slot.time)
        last, transfer = self._entries[key]
        return self._read(last, _pieces(bits if transfer is None else transfer(bits)), input)

    def on_the_way(self, slot: Slot, bits: Bits) -> list[State | None]:
        """What is read of every tensor for some of one, by the tensor's number.

        Raises:
            Uncertain: this is not the way to tell.
        """
        number, wanted = self._located(slot, bits)
        return self._all_read(number, wanted)

    def at(self, slot: Slot, wanted: Sequence[State | None]) -> State:
        """Of what ``on_the_way`` found, the positions of one tensor.

        Raises:
            Uncertain: this is not the way to tell.
        """
        if slot.view.storage not in self._times:
            return []
        number, transfer = self._entry(slot.view, slot.time)
        state = wanted[number] if number < len(wanted) else None
        if transfer is None or not state:
            return state or []
        whole = self._views[number]
        back = None if whole is None else reviewed(whole, slot.view)
        if back is None:
            raise Uncertain
        return [piece for item in state for piece in _pieces(back(item))]

    def note_coverage(self, input: int = 0) -> None:
        """Let ways back end where all of a tensor is wanted that reads the whole input.

        That takes one way back for each tensor, most of them of a step or two. Afterwards, where
        many units read everything, as behind attention, each is found in a few steps.
        """
        covering = self._covering[input] = {}
        whole = [_all(self._inputs[input])]
        for number, view in enumerate(self._views):
            if view is None or 0 in view.shape:
                continue
            try:
                if self._read(number, [_all(view)], input) == whole:
                    covering[number] = _all(view)
            except Uncertain:
                continue

    def _located(self, slot: Slot, bits: Bits) -> tuple[int, State]:
        """The tensor that a slot is a view of, and the positions there."""
        number, transfer = self._entry(slot.view, slot.time)
        return number, _pieces(bits if transfer is None else transfer(bits))

    def _all_read(self, last: int, start: State) -> list[State | None]:
        wanted: list[State | None] = [None] * (last + 1)
        wanted[last] = start or None
        for number in range(last, -1, -1):
            state = wanted[number]
            if state is None or self._made[number][0] < 0:
                continue
            if number not in self._reads:
                self._reads[number] = self._read_by(number)
            for source, transfer in self._reads[number]:
                others = wanted[source]
                for item in state:
                    read = item if transfer is None else transfer(item)
                    for piece in _pieces(read):
                        if others is None:
                            others = wanted[source] = [piece]
                        elif piece not in others:
                            _join(others, piece)
        return wanted

    def _read(self, last: int, start: State, input: int) -> State:
        """The positions of an input that are read for some of the tensor of a number."""
        covering = self._covering.get(input, {})
        wanted: list[State | None] = [None] * max(last + 1, input + 1)
        # The only position of a scalar is the empty tuple, which is a piece.
        wanted[last] = start or None
        made, reads = self._made, self._reads
        for number in range(last, -1, -1):
            state = wanted[number]
            if state is None or made[number][0] < 0:
                continue
            if number in covering and covering[number] in state:
                return [_all(self._inputs[input])]
            found = reads.get(number)
            if found is None:
                found = reads[number] = self._read_by(number)
            for source, transfer in found:
                others = wanted[source]
                for item in state:
                    read = item if transfer is None else transfer(item)
                    if read is None:
                        continue
                    if others is None:
                        others = wanted[source] = _pieces(read)
                        continue
                    for piece in _pieces(read):
                        if piece not in others:
                            _join(others, piece)
        return wanted[input] or []

    def _note(self, view: View, time: int, index: int, whole: bool) -> None:
        number = len(self._made)
        self._made.append((time, index))
        self._views.append(view if whole and (time < 0 or is_dense(view)) else None)
        self._times.setdefault(view.storage, []).append(time)
        self._numbers.setdefault(view.storage, []).append(number)

    def _entry(self, view: View, time: int) -> tuple[int, Transfer | None]:
        """The tensor that is in a view's memory at a time, and how to get to its positions."""
        times = self._times.get(view.storage)
        place = bisect_left(times, time) - 1 if times else -1
        if place < 0:
            raise Uncertain
        number = self._numbers[view.storage][place]
        whole = self._views[number]
        if whole is None:
            raise Uncertain
        if whole == view:
            return number, None
        transfer = reviewed(view, whole)
        if transfer is None:
            raise Uncertain
        return number, transfer

    def _read_by(self, number: int) -> Reads:
        """What a tensor was made of.

        Raises:
            Uncertain: that does not go by axes.
        """
        time, result = self._made[number]
        operation = self._operations[time]
        rule, certainty = rule_for(operation, self._changing)
        if certainty != "exact" or operation.outside or self._views[number] is None:
            raise Uncertain
        reads: list[tuple[int, Transfer | None]] = []
        try:
            steps = step_of(rule, operation, result)
        except (LookupError, TypeError, ValueError, AssertionError):
            raise Uncertain from None  # arguments that the rule does not know
        for view, transfer in steps:
            if view.storage in self._changing and 0 not in view.shape:
                if self._is_constant(view.storage, time):
                    continue
                source, seen = self._entry(view, time)
                reads.append((source, _composed(transfer, seen)))
        return reads

    def _is_constant(self, storage: int, time: int) -> bool:
        """Whether nothing had been written to it before."""
        return bisect_left(self._times[storage], time) == 0


def region(shape: Sequence[int], places: Sequence[int | None]) -> Bits:
    """The positions of a tensor at some index along each axis, or along all of it for None."""
    return tuple(
        every(size) if place is None else 1 << place
        for size, place in zip(shape, places, strict=True)
    )


def _all(view: View) -> Bits:
    return region(view.shape, [None] * len(view.shape))


def _composed(first: Transfer | None, then: Transfer | None) -> Transfer | None:
    if first is None or then is None:
        return then if first is None else first

    def both(bits: Bits) -> Bits | list[Bits] | None:
        found = first(bits)
        if isinstance(found, list):
            return [last for piece in found for last in _pieces(then(piece))]
        return None if found is None else then(found)

    return both


def _pieces(found: Bits | list[Bits] | None) -> list[Bits]:
    """What a transfer gave, as a list of its own."""
    if isinstance(found, list):
        return list(found)
    return [] if found is None else [found]


def _join(items: State, item: Bits) -> None:
    """Add an item, unless one holds it already; those that it holds go."""
    for index in range(len(items) - 1, -1, -1):
        other = items[index]
        both = tuple([a | b for a, b in zip(item, other, strict=True)])
        if both == other:
            return
        if both == item or sum([a != b for a, b in zip(item, other, strict=True)]) == 1:
            item = both  # all combinations of these are in one of the two
            del items[index]
    if len(items) == MOST:
        raise Uncertain
    items.append(item)
