"""Views and reshapes to sizes that do not hold as many elements."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor

from server.engine.doctor.case import Candidate, Case, Finding, shown
from server.engine.doctor.change import AttributeChange, CallChange, Called
from server.engine.doctor.replay import Event

Sizes = tuple[int, ...]

MOST = 4
"""Candidates for each kind of change."""


def elements_finding(case: Case) -> Finding | None:
    """A ``view`` or ``reshape`` that PyTorch refuses."""
    event = case.stopped
    if event.place.kind not in ("view", "reshape") or not event.args:
        return None
    tensor, sizes = event.args[0], _sizes(event)
    if not isinstance(tensor, Tensor) or sizes is None:
        return None
    count, rest = tensor.numel(), math.prod(size for size in sizes if size != -1)
    made = f"{shown(tensor)} ({case.origin(tensor)})"
    if count == rest or (-1 in sizes and rest and count % rest == 0):
        fact = f"{made} is not in memory in the order that a view as {list(sizes)} needs"
        change = CallChange(event.place.line, _reshaping(sizes))
        text = f"use reshape{sizes} instead of view"
        return Finding(
            fact, None, (Candidate("call", case.path, "function", "reshape", text, (change,)),)
        )
    needs = f"a multiple of {rest}" if -1 in sizes else f"{rest}"
    fact = f"{made} has {count} elements, but the sizes {list(sizes)} need {needs}"
    candidates = [*_attributes(case, tensor, sizes), *_resized(case, tensor, sizes)]
    return Finding(fact, "shape", tuple(candidates))


def _sizes(event: Event) -> Sizes | None:
    given = event.kwargs.get("shape", event.kwargs.get("size", event.args[1:]))
    if len(given) == 1 and isinstance(given[0], list | tuple):
        given = given[0]
    return tuple(given) if all(isinstance(size, int) for size in given) else None


def _fitting(tensor: Tensor, sizes: Sizes) -> Iterator[Sizes]:
    """Sizes that hold as many elements, few of them changed, by little."""
    count = tensor.numel()
    changed: list[tuple[int, float, Sizes]] = []
    places = [place for place, size in enumerate(sizes) if size != -1]
    for place in places:
        rest = math.prod(size for other, size in enumerate(sizes) if other != place and size != -1)
        if not rest or count % rest:
            continue
        whole = count // rest
        if -1 in sizes and place != 0 and sizes.index(-1) == 0 and tensor.ndim:
            whole = whole // tensor.shape[0] if whole % tensor.shape[0] == 0 else whole
        distance = abs(whole - sizes[place])
        changed.append((1, distance, (*sizes[:place], whole, *sizes[place + 1 :])))
    for first, second in itertools.combinations(places, 2):
        rest = math.prod(
            size for other, size in enumerate(sizes) if other not in (first, second) and size != -1
        )
        if not rest or count % rest or -1 in sizes:
            continue
        both = count // rest
        for one in (number for number in range(1, min(both, 4096) + 1) if both % number == 0):
            found = list(sizes)
            found[first], found[second] = one, both // one
            distance = abs(one - sizes[first]) + abs(both // one - sizes[second])
            changed.append((2, distance, tuple(found)))
    # The batch stays what it is, where that is possible.
    batch = [item for item in changed if item[2][0] in (-1, tensor.shape[0])] or changed
    yield from (found for _, _, found in sorted(batch)[:MOST])


def _resized(case: Case, tensor: Tensor, sizes: Sizes) -> Iterator[Candidate]:
    """Other sizes in the call."""
    for found in _fitting(tensor, sizes):
        yield Candidate(
            "call",
            case.path,
            "shape",
            found,
            f"call {case.stopped.place.kind}{found}",
            (CallChange(case.stopped.place.line, _resizing(found)),),
        )


def _attributes(case: Case, tensor: Tensor, sizes: Sizes) -> Iterator[Candidate]:
    """Another value of a number that the module keeps, and that is one of the sizes."""
    count = 0
    for name, value in vars(case.module).items():
        if isinstance(value, bool) or not isinstance(value, int) or value not in sizes:
            continue
        numbers = sorted(range(1, 4 * value + 64), key=lambda number: abs(number - value))
        for number in numbers:
            change = AttributeChange(case.path, name, number)
            if number != value and case.trials((change,)):
                owner = f" of {case.path}" if case.path else ""
                text = f"set {name}{owner} to {number}"
                yield Candidate("attribute", case.path, name, number, text, (change,))
                count += 1
                if count == 2:
                    return


def _resizing(sizes: Sizes) -> Callable[[Event], Called]:
    def change(event: Event) -> Called:
        assert event.function is not None
        return event.function, (event.args[0], sizes), {}

    return change


def _reshaping(sizes: Sizes) -> Callable[[Event], Called]:
    def change(event: Event) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
        return Tensor.reshape, (event.args[0], sizes), {}

    return change
