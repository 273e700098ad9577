"""Receptive fields of every layer and function of PyTorch against changes of their inputs.

The tables of cases say how well each field is to be known. What PyTorch has and the tables have not
is a failure, so that a later version of PyTorch cannot bring anything that nobody looked at.
"""

from __future__ import annotations

import copy
import inspect
import warnings
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from server.engine import trace_model
from server.engine.trace import Trace
from tests.support import operators_functional, operators_nn, operators_tensor
from tests.support.dependence import dependences
from tests.support.operators import Case, Status

TABLES = (operators_nn.CASES, operators_functional.CASES, operators_tensor.CASES)

CERTAINTY: tuple[Status, ...] = ("exact", "bound", "unsupported")

UNITS = 6
"""How many units of an output are compared, evenly spread, besides all of them together."""


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Tensors here are so small that handing them to threads takes longer than computing."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def cases() -> Iterator[Any]:
    for table in TABLES:
        for number, (name, case) in enumerate(table):
            yield pytest.param(case, id=f"{name}-{number}")


@pytest.mark.parametrize("case", list(cases()))
def test_a_field_is_what_changes_the_unit(case: Case) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd but legal settings
        model, inputs = prepared(case)
        truth = dependences(model, case.draws, case.trials)
        shapes_only = trace_model(copy.deepcopy(model), inputs)
        computed = trace_model(
            copy.deepcopy(model).float(), tuple(map(single, inputs)), keep=True
        )  # the operators for float32 are other ones
        found: set[Status] = set()
        for trace in (shapes_only, computed):
            for number, outputs in enumerate(truth):
                for item, (shape, mask) in zip(items(trace), outputs, strict=True):
                    found |= compared(trace, number, item, shape, mask)
    assert max(found, key=CERTAINTY.index) == case.status


def prepared(case: Case) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """The model, run once so that lazy layers have their weights, and what it is run on."""
    generator = torch.Generator().manual_seed(7)
    model = case.build().double().eval()
    inputs = tuple(draw.draw(generator) for draw in case.draws)
    with torch.no_grad():
        model(*(value.clone() for value in inputs))
    return model, inputs


def single(value: Tensor) -> Tensor:
    return value.float() if value.is_floating_point() else value


def items(trace: Trace) -> list[Any]:
    """What to ask for, of an output that is one tensor or several."""

    def paths(output: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
        if isinstance(output, Tensor):
            yield path
        elif isinstance(output, dict):
            for key, value in output.items():
                yield from paths(value, (*path, key))
        elif isinstance(output, list | tuple):
            for key, value in enumerate(output):
                yield from paths(value, (*path, key))

    return [path or None for path in paths(trace.output, ())]


def compared(
    trace: Trace, number: int, item: Any, shape: tuple[int, ...], truth: Tensor
) -> set[Status]:
    """Compare what reaches some units of an output with the truth (*output, *positions)."""
    field = trace.receptive_field("<output>", item=item, input=number)
    of_all = truth[:1].flatten(0, len(shape) - 1).any(0) if shape else truth
    found = {agreed(field.status, field.mask, of_all, (field.causes, number, item))}
    if len(shape) >= 2:
        units = list(product(*map(range, shape[1:])))
        for channel, *position in units[:: max(1, len(units) // UNITS)]:
            unit = (channel, *position)
            field = trace.receptive_field(
                "<output>", tuple(position), channel=channel, item=item, input=number
            )
            where = (field.causes, number, item, unit)
            found.add(agreed(field.status, field.mask, truth[(0, *unit)], where))
    return found


def agreed(status: Status, claimed: Tensor, truth: Tensor, where: Any) -> Status:
    """The status, if the claim keeps what it says."""
    assert claimed.shape == truth.shape, where
    assert (claimed | ~truth).all(), f"too small: {where}"
    if status == "exact":
        assert torch.equal(claimed, truth), f"exact, but {where}: {claimed.int()} {truth.int()}"
    return status


def test_every_layer_has_a_case() -> None:
    layers = {
        name
        for name, value in vars(nn).items()
        if inspect.isclass(value) and issubclass(value, nn.Module)
    }
    complete("torch.nn", layers, operators_nn)


def test_every_function_has_a_case() -> None:
    functions = {
        name
        for name, value in vars(F).items()
        if callable(value) and not inspect.isclass(value) and not name.startswith("_")
    }
    complete("torch.nn.functional", functions, operators_functional)


def complete(where: str, names: set[str], table: Any) -> None:
    """Whether each name has a case or a reason for having none, but not both."""
    tested = {name for name, _ in table.CASES}
    missing = sorted(names - tested - set(table.LEFT_OUT))
    assert not missing, (
        f"{where} of PyTorch {torch.__version__} has {missing}: give each a case in "
        f"{table.__name__}, or a reason in its LEFT_OUT."
    )
    assert not set(table.LEFT_OUT) - names, "left out, but PyTorch has it no more"
    assert not tested & set(table.LEFT_OUT)
