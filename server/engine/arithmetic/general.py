"""An operation whose arithmetic is not broken down: what it reads, and the value all the same."""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import resolve_name

from server.engine.arithmetic.call import Call
from server.engine.arithmetic.parts import Broken, NotBrokenDown, Read, whole
from server.engine.arithmetic.passing import movement
from server.engine.arithmetic.snippet import Snippet
from server.engine.given import Operand
from server.engine.node import Node
from server.engine.operations import tensors_in
from server.engine.receptive_field.memory import Mask, some
from server.engine.receptive_field.movement import is_movement
from server.engine.receptive_field.walk import walk_back
from server.engine.record import Operation, Slot, View

if TYPE_CHECKING:
    from server.engine.trace import Trace

COPIES = frozenset({"clone", "copy", "contiguous", "alias_copy", "detach_copy"})
"""Operators that copy values to new memory."""

_WRITABLE = (type(None), bool, int, float, str, slice, type(...), torch.dtype)
"""Types whose repr is Python that gives them again, once torch is imported."""


@dataclass(frozen=True)
class GeneralTerms:
    """An operation of which only inputs and result are shown."""

    statement: str
    recomputed: bool
    """Whether the whole operation could be run again in float64, for the value."""
    causes: list[str]
    """Operators because of which more cells may be given as read than are."""


def general(call: Call, trace: Trace | None, item: int, reason: str) -> Broken:
    """What is read for a value, and the value by running the whole operation in float64."""
    if only_moves(call, trace, item):
        with contextlib.suppress(NotBrokenDown):
            return movement(call)
    value = recomputed(call, item)
    reads, causes = _reads(call, trace, item)
    statement = f"The arithmetic of {call.node.kind} is not broken down"
    statement += f": {reason}." if reason else "."
    return Broken(
        "general",
        GeneralTerms(statement, value is not None, causes),
        value,
        f"out = {call.node.kind}({', '.join(dict.fromkeys(call.node.inputs))})",
        reads,
        _snippet(call, item) if value is not None else None,
    )


def only_moves(call: Call, trace: Trace | None, item: int) -> bool:
    """Whether a layer that is not PyTorch's own hands values on, and computes none."""
    found = _step(call, trace, item)
    if found is None or call.given.function is not None or item:
        return False
    operations, _, _ = found
    names = (operation.name.removesuffix("_") for operation in operations)
    return all(
        name in COPIES or is_movement(operation)
        for name, operation in zip(names, operations, strict=True)
    )


def recomputed(call: Call, item: int) -> float | None:
    """The value when the whole operation runs in float64; None where it cannot, or is random."""

    def double(operand: Operand) -> Tensor:
        tensor = operand.tensor.detach().cpu()
        return tensor.double() if tensor.is_floating_point() else tensor.clone()

    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            before = torch.get_rng_state()
            args, kwargs = call.given.replaced(double)
            result = list(tensors_in(_function(call)(*args, **kwargs)))
            random = not torch.equal(before, torch.get_rng_state())
        # What works in place may return nothing.
        value = (result or list(tensors_in(args[:1])))[item][call.index]
        return None if random else float(value.real.double())
    except Exception:
        return None  # it needs float32, files, another device, ...


def _function(call: Call) -> Callable[..., Any]:
    if call.given.function is not None:
        return call.given.function
    assert call.module is not None
    module: nn.Module = copy.deepcopy(call.module).cpu().double().eval()
    forward: Callable[..., Any] = module.forward
    return forward


def _reads(call: Call, trace: Trace | None, item: int) -> tuple[tuple[Read, ...], list[str]]:
    """What one step back reaches of each input; without a trace everything."""
    found = _step(call, trace, item)
    if trace is None or found is None:
        return tuple(_all(call)), []
    operations, node, view = found
    positions: Mask = np.zeros(view.shape, bool)
    positions[call.index] = True
    views = [read.view for read in node.reads if read is not None]
    reached = walk_back(operations, trace.storages, views, Slot(view, len(operations)), positions)
    exact = reached.status == "exact"
    reads = [
        _read(node.inputs[number], number, mask, exact)
        for number, mask in enumerate(reached.inputs)
        if mask is not None
    ]
    return tuple(reads), list(reached.causes)


def _step(
    call: Call, trace: Trace | None, item: int
) -> tuple[Sequence[Operation], Node, View] | None:
    """The operators of the node, the node as the trace has it, and its output; None: unknown."""
    if trace is None or call.node.name not in trace:
        return None
    node = trace[call.node.name]
    slots = node.slots
    times = [slot.time for slot in node.reads if slot is not None]
    if item >= len(slots) or not times or slots[item].view.shape != call.shape:
        return None
    return trace.operations[min(times) : slots[item].time], node, slots[item].view


def _read(name: str, argument: int, mask: Mask, exact: bool) -> Read:
    """The smallest product of indices that holds all cells of a mask."""
    cells = tuple(
        tuple(np.flatnonzero(some(mask, tuple(a for a in range(mask.ndim) if a != axis))).tolist())
        for axis in range(mask.ndim)
    )
    read = Read(name, argument, cells, exact)
    return read if read.count == int(mask.sum()) else Read(name, argument, cells, exact=False)


def _all(call: Call) -> Iterator[Read]:
    for operand in call.given.operands():
        if operand.input is not None:
            name = call.node.inputs[operand.input]
            yield Read(name, operand.input, whole(operand.tensor.shape), exact=False)


def _snippet(call: Call, item: int) -> str | None:
    """Of a function; a layer would have to be built first, as only its author knows."""
    function = call.given.function
    name = resolve_name(function) if function is not None else None
    if name is None or name.endswith(("__get__", "__setitem__")) or "_C." in name:
        return None
    snippet = Snippet(call)
    count = 0

    def written(value: Any) -> str:
        nonlocal count
        if isinstance(value, Operand):
            count += 1
            snippet.tensor(f"input{count}", value)
            return f"input{count}"
        if isinstance(value, list | tuple):
            inner = ", ".join(map(written, value))
            return f"[{inner}]" if isinstance(value, list) else f"({inner},)" if value else "()"
        if not isinstance(value, _WRITABLE):
            raise TypeError(f"{type(value).__name__} has no text.")
        return f"float('{value}')" if value in (math.inf, -math.inf) else repr(value)

    try:
        parts = [written(value) for value in call.given.args]
        parts += [f"{key}={written(value)}" for key, value in call.given.kwargs.items()]
    except TypeError:
        return None
    several = f"[{item}]" if len(call.node.outputs) > 1 else ""
    index = f"[{', '.join(map(str, call.index))}]" if call.index else ""
    return snippet.ending(f"{name}({', '.join(parts)}){several}{index}")
