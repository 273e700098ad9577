"""From wanted positions back to the inputs, operation by operation."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass

from server.engine.receptive_field.memory import Mask, Memory
from server.engine.receptive_field.reads import Rule, everything
from server.engine.receptive_field.reductions import all_of
from server.engine.receptive_field.rules import Status, rule_of
from server.engine.record import Operation, Slot, Storage, View

WORSE: dict[Status, int] = {"exact": 0, "bound": 1, "unsupported": 2}


@dataclass(frozen=True)
class Reached:
    """What a walk found."""

    inputs: tuple[Mask | None, ...]
    """The positions of each input that are read; None where none is."""
    status: Status
    causes: tuple[str, ...]
    """The operators because of which the status is not exact."""


def walk_back(
    operations: Sequence[Operation],
    storages: Mapping[int, Storage],
    inputs: Sequence[View],
    slot: Slot,
    positions: Mask,
    visit: Callable[[int, Memory], None] | None = None,
) -> Reached:
    """Which positions of the inputs can change the given positions of a tensor.

    Positions live in memory, not in tensors: an operation takes what it wrote out of the set and
    puts in what it read for that. A view of the same memory needs no step. ``visit`` is shown the
    set at every time on the way, which is how many operations had run by then.
    """
    memory = Memory(storages)
    memory.add(slot.view, positions)
    status: Status = "exact"
    causes: dict[str, None] = {}
    changing = changing_storages(operations[: slot.time], inputs)
    for time in range(slot.time, 0, -1):
        if visit:
            visit(time, memory)
        operation = operations[time - 1]
        wanted = [memory.take(view) for view in (*operation.results, *operation.written)]
        for view in operation.results:
            memory.drop(view)
        if all(mask is None for mask in wanted):
            continue
        rule, certainty = rule_for(operation, changing)
        try:
            found = list(rule(operation, wanted))
        except Exception:
            # Arguments that the rule does not know: too large a field, which says so.
            found, certainty = list(all_of(operation, wanted)), "unsupported"
        if WORSE[certainty]:
            causes[operation.name] = None
            status = max(status, certainty, key=WORSE.__getitem__)
        # Weights are constant: no input reaches them.
        reads = [(view, mask) for view, mask in found if view.storage in changing]
        reads += [(view, everything(view)) for view in operation.outside]
        for view, mask in reads:
            memory.add(view, mask)
    if visit:
        visit(0, memory)
    return Reached(tuple(memory.get(view) for view in inputs), status, tuple(causes))


def changing_storages(operations: Sequence[Operation], inputs: Sequence[View]) -> set[int]:
    """The memory that the inputs are in, or that some operation writes to; the rest is constant."""
    changing = {view.storage for view in inputs}
    for operation in operations:
        changing.update(view.storage for view in (*operation.results, *operation.written))
    return changing


def rule_for(operation: Operation, changing: Container[int]) -> tuple[Rule, Status]:
    """The rule for an operation, and how sure it is, given the memory that is not constant."""
    return rule_of(operation, changing)
