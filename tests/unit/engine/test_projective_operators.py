"""Projective fields through every layer and function of PyTorch: the receptive fields transposed.

The receptive fields themselves are compared with changes of the inputs in ``test_operators``.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor

from server.engine import trace_model
from server.engine.trace import Trace
from tests.support import operators_functional, operators_nn, operators_tensor
from tests.support.operators import Case

UNITS, POSITIONS = 10, 3
"""How many units and positions of the input are compared with each other, evenly spread."""


def cases() -> Iterator[Any]:
    for table in (operators_nn, operators_functional, operators_tensor):
        for number, (name, case) in enumerate(table.CASES):
            yield pytest.param(case, id=f"{name}-{number}")


@pytest.mark.parametrize("case", list(cases()))
def test_a_position_reaches_the_units_that_read_it(case: Case) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd but legal settings
        generator = torch.Generator().manual_seed(7)
        model = case.build().double().eval()
        inputs = tuple(draw.draw(generator) for draw in case.draws)
        with torch.no_grad():
            model(*(value.clone() for value in inputs))  # lazy layers get their weights
        trace = trace_model(model, inputs)
        for item, shape in outputs(trace.output, ()):
            for number in range(len(inputs)):
                compare(trace, number, item or None, shape)


def outputs(output: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Where the tensors of an output are, and their shapes."""
    if isinstance(output, Tensor):
        yield path, tuple(output.shape)
    elif isinstance(output, dict | list | tuple):
        pairs = output.items() if isinstance(output, dict) else enumerate(output)
        for key, value in pairs:
            yield from outputs(value, (*path, key))


def compare(trace: Trace, number: int, item: Any, shape: tuple[int, ...]) -> None:
    units = spread(tuple(shape[2:]), UNITS)
    fields = {
        unit: trace.receptive_field("<output>", unit, item=item, input=number) for unit in units
    }
    if not fields:
        return
    mask = next(iter(fields.values())).mask
    for position in spread(tuple(mask.shape), POSITIONS):
        found = trace.projective_field("<output>", position, item=item, input=number)
        assert found.mask.shape == shape[2:]
        for unit, field in fields.items():
            reached, read = bool(found.mask[unit]), bool(field.mask[position])
            where = (position, unit, found.causes, field.causes)
            if found.status == field.status == "exact":
                assert reached == read, where
            elif field.status == "exact":
                assert reached or not read, where
            elif found.status == "exact":
                assert read or not reached, where


def spread(shape: tuple[int, ...], count: int) -> list[tuple[int, ...]]:
    """Some places in a shape, the first and the last among them."""
    places = list(product(*map(range, shape)))
    if len(places) <= count:
        return places
    return [places[index * (len(places) - 1) // (count - 1)] for index in range(count)]
