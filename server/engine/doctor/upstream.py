"""Other numbers of the layers before the one that failed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from server.engine.doctor.case import Candidate, Case, Finding
from server.engine.doctor.change import ModuleChange
from server.engine.doctor.constructor import constructor_arguments, is_layer
from server.engine.doctor.replay import UnsuitableChange
from server.engine.runnable import submodule

VARIED = {
    "stride": range(1, 9),
    "padding": range(9),
    "kernel_size": range(1, 16),
    "dilation": range(1, 5),
    "output_padding": range(4),
}
"""Parameters of windows, with the values that are tried."""

GIVEN = ("out_channels", "out_features")
"""Parameters that set how many channels or features come out."""


NEAR = 8
"""So many layers are tried together: small changes of all of them before larger ones of any."""


def earlier(case: Case, finding: Finding, spatial: bool) -> Iterator[Candidate]:
    """Changes of one number of the layer, or of one before, the nearest first.

    Args:
        case: a run that failed.
        finding: why.
        spatial: whether other windows may help, and not only other numbers of channels.
    """
    layers = _layers(case)
    while near := list(itertools.islice(layers, NEAR)):
        found = [
            candidate for path in near for candidate in _of_layer(case, path, finding, spatial)
        ]
        yield from sorted(found, key=lambda candidate: candidate.cost)


def _layers(case: Case) -> Iterator[str]:
    """Paths of layers on which the call depends, with the one that failed, the nearest first."""
    seen: set[str] = set()
    for path in itertools.chain([case.path], (event.place.path for event in case.before())):
        if path not in seen and path and is_layer(submodule(case.model, path)):
            yield path
        seen.add(path)


def _of_layer(case: Case, path: str, finding: Finding, spatial: bool) -> Iterator[Candidate]:
    try:
        values = constructor_arguments(submodule(case.model, path))
    except UnsuitableChange:
        return
    for name in GIVEN:
        for wanted in finding.wanted:
            if name in values and wanted != values[name] and wanted > 0:
                yield _candidate(path, name, wanted, 1)
    for name, numbers in VARIED.items():
        if name in values and spatial:
            for candidate in _varied(path, name, values[name], numbers):
                yield replace(candidate, cost=candidate.cost + _unusual(candidate, values))


def _unusual(candidate: Candidate, values: dict[str, Any]) -> int:
    """More for what is seldom meant: holes, and padding of which some windows see nothing else."""
    if candidate.parameter == "dilation":
        return 2
    if candidate.parameter != "padding" or "kernel_size" not in values:
        return 0
    kernel, padding = (
        size if isinstance(size, int) else max(size)
        for size in (values["kernel_size"], candidate.value)
    )
    return 10 * (padding > kernel // 2)


def _varied(path: str, name: str, value: Any, numbers: range) -> Iterator[Candidate]:
    if isinstance(value, bool) or not isinstance(value, int | tuple):
        return
    axes = (value,) if isinstance(value, int) else value
    if not axes or not all(isinstance(size, int) for size in axes):
        return
    for number in sorted(numbers, key=lambda number: abs(number - axes[0])):
        if set(axes) != {number}:
            yield _candidate(path, name, number, max(abs(number - size) for size in axes))
    if len(set(axes)) == 1:
        return
    for axis, size in enumerate(axes):
        for number in sorted(numbers, key=lambda number: abs(number - size)):
            if number != size:
                changed = (*axes[:axis], number, *axes[axis + 1 :])
                yield _candidate(path, name, changed, abs(number - size))


def _candidate(path: str, name: str, value: Any, cost: int) -> Candidate:
    return Candidate(
        "module",
        path,
        name,
        value,
        f"set {name} of {path} to {value}",
        (ModuleChange(path, {name: value}),),
        only_if_complete=True,
        cost=cost,
    )
