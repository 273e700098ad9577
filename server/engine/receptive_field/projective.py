"""Forwards: the units of a later layer that an input position can reach.

The projective field is the receptive field seen from the other end: a position reaches a unit if
and only if it lies in the unit's receptive field. So there are no rules of its own here: those of
the receptive field are transposed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from server.engine.node import Node, chosen_slot
from server.engine.operations import tensors_in
from server.engine.receptive_field import movement
from server.engine.receptive_field.field import Box, box_around, spatial_axes
from server.engine.receptive_field.memory import Mask, Memory, some
from server.engine.receptive_field.reads import Rule, arguments_read
from server.engine.receptive_field.reductions import all_of
from server.engine.receptive_field.rules import Status
from server.engine.receptive_field.transposed import transposed
from server.engine.receptive_field.walk import WORSE, changing_storages, rule_for
from server.engine.record import Operation, Slot, View

if TYPE_CHECKING:
    from server.engine.trace import Trace

Place = int | tuple[int, int] | None
"""Along an axis: an index, a half-open range, or None for all."""

PROBES = 1000
"""A rule that cannot be transposed is asked about so many blocks of its result at most."""

REPEATED: frozenset[Rule] = frozenset({movement.movement, movement.folding})
"""Of these the operator itself says where marked values go."""


@dataclass(frozen=True)
class ProjectiveField:
    """What a region of the input can change in a layer, over all weights in general position."""

    box: Box | None
    """The smallest box around the units; None: it reaches none."""
    mask: Tensor = field(repr=False)
    """Bool, of the layer's spatial shape (its axes after batch and channel)."""
    status: Status
    """``exact``; ``bound``: perhaps too large; ``unsupported``: some operation on the way is not
    known, and counts as reading everything that it was given. Never too small."""
    causes: tuple[str, ...]
    """The operators because of which the status is not exact."""


def projective_field(
    trace: Trace,
    layer: str,
    position: tuple[Place, ...],
    *,
    input: int = 0,
    call: int = 0,
    channel: int | None = None,
    item: object = None,
    pointwise_normalisation: bool = False,
) -> ProjectiveField:
    """The units of a layer that a region of the input reaches, in the first item of the batch.

    Args:
        trace: of the model.
        layer: path of a module, name of a node, or ``"<output>"``.
        position: for each spatial axis of the input an index, a half-open range, or None for all;
            a receptive field's ``box`` is such a region. All channels there belong to it.
        input: which input of the model, counted in the order of the example.
        call: which call of the module.
        channel: index on axis 1 of the layer; without it, the union over all.
        item: key, index, or tuple of those, of the tensor when the layer returns several.
        pointwise_normalisation: as in ``receptive_field``.

    Raises:
        KeyError: no such layer or call.
        LookupError: no such item, or several tensors and no item.
        IndexError: a channel, position or input that is not there.
    """
    if pointwise_normalisation:
        trace = trace.with_constant_statistics
    node = trace.layer(layer, call)
    slot = chosen_slot(node, item)
    if not -len(trace.input_views) <= input < len(trace.input_views):
        raise IndexError(f"The model has {len(trace.input_views)} inputs; there is no {input}.")
    source = trace.input_views[input]
    marks = _region(source.shape, position, trace.inputs[input])
    reached, status, causes = _Walk(trace, slot).forwards(source, marks)
    units = reached[:1] if reached.ndim else reached
    if channel is not None:
        units = units[:, [_channel(node, channel, slot.view.shape)]]
    mask = np.asarray(some(units, tuple(range(min(2, units.ndim)))))
    box = box_around(mask) if mask.any() else None
    return ProjectiveField(box, torch.from_numpy(mask.copy()), status, causes)


@dataclass(frozen=True)
class Reach:
    """What one place can change in one later tensor."""

    mask: Mask = field(repr=False)
    """Bool (C, *spatial), of the first item; of a tensor without channels its own shape."""
    status: Status
    """As of ``ProjectiveField``."""
    causes: tuple[str, ...]

    @property
    def cells(self) -> Mask:
        """The same without channels: their union."""
        return np.asarray(some(self.mask, 0)) if self.mask.ndim else self.mask


def projective_fields(
    trace: Trace, source: str, index: tuple[Place, ...], *, pointwise_normalisation: bool = False
) -> dict[str, Reach]:
    """What a place of an input or of a node's first output can change in every later node.

    Args:
        trace: of the model.
        source: name of an input or of a node.
        index: for each axis after the batch an index, a half-open range, or None for all.
        pointwise_normalisation: as in ``receptive_field``.

    Returns:
        By the name of the node, in the order in which they ran; those alone that it reaches.

    Raises:
        KeyError: no such input or node.
        IndexError: no such place.
    """
    if pointwise_normalisation:
        trace = trace.with_constant_statistics
    if source in trace.inputs:
        start = Slot(trace.input_views[trace.inputs.index(source)], 0)
    else:
        start = trace[source].slots[0]
    shape = start.view.shape
    if len(index) != max(0, len(shape) - 1):
        raise IndexError(
            f"{source} is {list(shape)}: a place has {len(shape) - 1} indices after the batch, "
            f"not {len(index)}."
        )
    place = [_along(f"{source} has index[{n}]", at, shape[n + 1]) for n, at in enumerate(index)]
    marks = np.zeros(shape, np.bool_)
    marks[(slice(0, 1), *place)] = True
    return _Spread(trace, source, start).reached(marks)


class _Walk:
    """From marked positions of an input on, operation by operation, to a tensor.

    Marks live in memory, as in the walk back: an operation marks what it makes or overwrites by
    what it reads for that.
    """

    def __init__(self, trace: Trace, slot: Slot) -> None:
        self._slot = slot
        self._operations = trace.operations[: slot.time]
        self._changing = changing_storages(self._operations, trace.input_views)
        self._memory = Memory(trace.storages)
        self._status: Status = "exact"
        self._causes: dict[str, None] = {}

    def forwards(self, source: View, marks: Mask) -> tuple[Mask, Status, tuple[str, ...]]:
        """The marked positions of the tensor, and how sure that is."""
        self._memory.add(source, marks)
        for operation in self._leading_to_slot():
            results = (*operation.results, *operation.written)
            found = self._marked(operation, results)
            for view in operation.results:
                self._memory.drop(view)
            for view in operation.written:
                self._memory.take(view)
            for view, marked in zip(results, found, strict=True):
                if marked is not None:
                    self._memory.add(view, marked)
        reached = self._memory.get(self._slot.view)
        if reached is None:
            reached = np.zeros(self._slot.view.shape, np.bool_)
        return reached, self._status, tuple(self._causes)

    def _leading_to_slot(self) -> Sequence[Operation]:
        """The operations on whose memory the tensor depends; others say nothing of its status."""
        needed = {self._slot.view.storage}
        leading: list[Operation] = []
        for operation in reversed(self._operations):
            if any(view.storage in needed for view in (*operation.results, *operation.written)):
                leading.append(operation)
                needed.update(
                    view.storage for view in (*arguments_read(operation), *operation.outside)
                )
        return leading[::-1]

    def _marked(self, operation: Operation, results: Sequence[View]) -> list[Mask | None]:
        """Of each result, the positions that read something marked; None where none do."""
        read = [*arguments_read(operation), *operation.outside]
        if all(self._memory.get(view) is None for view in read):
            return [None] * len(results)
        rule, certainty = rule_for(operation, self._changing)
        if any(self._memory.get(view) is not None for view in operation.outside):
            found: list[Mask | None] = [np.ones(view.shape, np.bool_) for view in results]
        else:
            found = []
            for index in range(len(results)):
                marked, sure = self._result(rule, operation, results, index)
                certainty = max(certainty, sure, key=WORSE.__getitem__)
                found.append(marked)
        if WORSE[certainty]:
            self._causes[operation.name] = None
            self._status = max(self._status, certainty, key=WORSE.__getitem__)
        return found

    def _result(
        self, rule: Rule, operation: Operation, results: Sequence[View], index: int
    ) -> tuple[Mask, Status]:
        """The positions of one result that read something marked, and how sure that is."""
        masked = operation.masked
        if masked is not None:
            # Of what a mask hides nothing is read.
            if not masked.zeros:
                operation = replace(operation, masked=None)
                rule, _ = rule_for(operation, self._changing)
            found, certainty = self._read_by(rule, operation, results, index)
            if index == 0 and masked.constant is not None:
                found = found & ~masked.constant
            return found, certainty
        return self._read_by(rule, operation, results, index)

    def _read_by(
        self, rule: Rule, operation: Operation, results: Sequence[View], index: int
    ) -> tuple[Mask, Status]:
        try:
            if rule in REPEATED:
                return self._repeated(operation, index), "exact"
            return transposed(rule, operation, results, index, self._memory.get), "exact"
        except Exception:
            pass  # not of a form that can be reversed
        try:
            return self._probed(rule, operation, results, index)
        except Exception:
            # Arguments that the rule does not know: too large a field, which says so.
            reads = transposed(all_of, operation, results, index, self._memory.get)
            return reads, "unsupported"

    def _repeated(self, operation: Operation, index: int) -> Mask:
        """Run an operation that moves values, or adds them up, on marks for values."""
        assert operation.function is not None
        given = {
            # A number to fill with is no position.
            name: 0 if name == "value" and not isinstance(value, View) else self._as_marks(value)
            for name, value in operation.arguments.items()
        }
        arrived = list(tensors_in(operation.function(**given)))
        # What writes in place returns what it wrote to, or nothing.
        found: Mask = (arrived[index if index < len(arrived) else 0] > 0).numpy()
        return found

    def _as_marks(self, value: Any) -> Any:
        """Arguments with 1 for marked values and 0 for others; an index stays itself."""
        if isinstance(value, View):
            if value.values is not None:
                return value.values.cpu()
            marks = self._memory.get(value)
            if marks is None:
                return torch.zeros(value.shape, dtype=torch.float64)
            return torch.from_numpy(marks).double()
        if isinstance(value, tuple):
            return [self._as_marks(item) for item in value]
        return value

    def _probed(
        self, rule: Rule, operation: Operation, results: Sequence[View], index: int
    ) -> tuple[Mask, Status]:
        """Ask the rule about ever smaller blocks of a result, those that read something marked.

        When too many blocks have been asked about, all of the rest count as marked.
        """
        found = np.zeros(results[index].shape, np.bool_)
        blocks = [tuple((0, size) for size in found.shape)]
        probes = 0
        while blocks and probes < PROBES:
            block = blocks.pop(0)
            place = tuple(slice(*ends) for ends in block)
            probes += 1
            if not self._reads_marks(rule, operation, results, index, place):
                continue
            lengths = [stop - start for start, stop in block]
            if math.prod(lengths) == 1:
                found[place] = True
                continue
            axis = int(np.argmax(lengths))
            start, stop = block[axis]
            middle = (start + stop) // 2
            halves = ((start, middle), (middle, stop))
            blocks += [(*block[:axis], half, *block[axis + 1 :]) for half in halves]
        for block in blocks:
            found[tuple(slice(*ends) for ends in block)] = True
        return found, "bound" if blocks else "exact"

    def _reads_marks(
        self,
        rule: Rule,
        operation: Operation,
        results: Sequence[View],
        index: int,
        place: tuple[slice, ...],
    ) -> bool:
        wanted: list[Mask | None] = [None] * len(results)
        block = np.zeros(results[index].shape, np.bool_)
        block[place] = True
        wanted[index] = block
        for view, read in rule(operation, wanted):
            marks = self._memory.get(view)
            if marks is not None and (marks & read).any():
                return True
        return False


class _Spread(_Walk):
    """From marked positions of a tensor on to every node that follows from it."""

    def __init__(self, trace: Trace, source: str, start: Slot) -> None:
        last = max((slot.time for node in trace.nodes for slot in node.slots), default=0)
        super().__init__(trace, Slot(start.view, last))
        self._start = start
        self._at: dict[int, list[tuple[str, Slot]]] = {}
        following = {source}
        for node in trace.nodes:
            if following.intersection(node.inputs) and node.name != source:
                following.add(node.name)
                if node.slots:
                    first = node.slots[0]
                    self._at.setdefault(first.time, []).append((node.name, first))
        self._order = [node.name for node in trace.nodes]
        self._sure: dict[int, tuple[Status, dict[str, None]]] = {}
        """How sure the marks in a storage are, and because of which operators not."""

    def reached(self, marks: Mask) -> dict[str, Reach]:
        """By the name of the node, what is marked there."""
        self._memory.add(self._start.view, marks)
        found = dict(self._marked_at(self._start.time))
        for time in range(self._start.time, len(self._operations)):
            self._step(self._operations[time])
            found |= self._marked_at(time + 1)
        return {name: found[name] for name in self._order if name in found}

    def _step(self, operation: Operation) -> None:
        results = (*operation.results, *operation.written)
        read = [*arguments_read(operation), *operation.outside]
        status, causes = self._certainty(read)
        self._status, self._causes = "exact", {}
        marks = self._marked(operation, results)
        status = max(status, self._status, key=WORSE.__getitem__)
        for view in operation.results:
            self._memory.drop(view)
            self._sure.pop(view.storage, None)
        for view in operation.written:
            self._memory.take(view)
        for view, marked in zip(results, marks, strict=True):
            if marked is not None:
                self._memory.add(view, marked)
                before, known = self._sure.get(view.storage, ("exact", {}))
                worse = max(before, status, key=WORSE.__getitem__)
                self._sure[view.storage] = worse, {**known, **causes, **self._causes}

    def _certainty(self, views: Sequence[View]) -> tuple[Status, dict[str, None]]:
        status: Status = "exact"
        causes: dict[str, None] = {}
        for view in views:
            if self._memory.get(view) is not None and view.storage in self._sure:
                known, because = self._sure[view.storage]
                status = max(status, known, key=WORSE.__getitem__)
                causes |= because
        return status, causes

    def _marked_at(self, time: int) -> dict[str, Reach]:
        found: dict[str, Reach] = {}
        for name, slot in self._at.get(time, ()):
            marks = self._memory.get(slot.view)
            if marks is not None and (not marks.ndim or marks[0].any()):
                status, causes = self._sure.get(slot.view.storage, ("exact", {}))
                found[name] = Reach(marks[0] if marks.ndim else marks, status, tuple(causes))
        return found


def _region(shape: tuple[int, ...], position: tuple[Place, ...], name: str) -> Mask:
    """The positions of an input that a region names, in all items and channels."""
    axes = spatial_axes(shape)
    if len(position) != len(axes):
        raise IndexError(
            f"{name} is {list(shape)}: a position has {len(axes)} indices, not {len(position)}."
        )
    index: list[int | slice] = [slice(None)] * len(shape)
    for number, (axis, place) in enumerate(zip(axes, position, strict=True)):
        index[axis] = _along(f"{name} has position[{number}]", place, shape[axis])
    marks = np.zeros(shape, np.bool_)
    marks[tuple(index)] = True
    return marks


def _along(what: str, place: Place, size: int) -> int | slice:
    if place is None:
        return slice(None)
    if isinstance(place, tuple):
        start, stop = place
        if not 0 <= start < stop <= size:
            raise IndexError(f"{what} 0 to {size - 1}, which the range {place} is not within.")
        return slice(start, stop)
    if not -size <= place < size:
        raise IndexError(f"{what} 0 to {size - 1}, not {place}.")
    return place


def _channel(node: Node, channel: int, shape: tuple[int, ...]) -> int:
    size = shape[1] if len(shape) > 1 else 0
    if not -size <= channel < size:
        raise IndexError(f"{node.name} has channel 0 to {size - 1}, not {channel}.")
    return channel
