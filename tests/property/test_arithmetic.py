"""The arithmetic of generated layers against PyTorch itself, in float64 and in float32.

The layers are always the same; with ``DOODLESCOPE_LAYERS=300`` there are so many of each kind,
others every time.
"""

from __future__ import annotations

import contextlib
import copy
import io
import math
import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from server.engine import trace_model
from server.engine.arithmetic import Arithmetic, arithmetic
from server.engine.trace import Trace
from tests.support import calls, window_calls
from tests.support.call_case import Case

STRATEGIES: dict[str, st.SearchStrategy[Case]] = {
    "convolution": window_calls.convolutions(),
    "transposed_convolution": window_calls.transposed_convolutions(),
    "max_pooling": window_calls.maximum_pools(),
    "average_pooling": window_calls.average_pools(),
    "lp_pooling": window_calls.power_pools(),
    "activation": calls.activations(),
    "normalisation": calls.normalisations(),
    "local_response_normalisation": calls.response_normalisations(),
    "elementwise": calls.elementwise(),
    "concatenation": calls.concatenations(),
    "linear": calls.linears(),
    "matrix_product": calls.matrix_products(),
    "softmax": calls.softmaxes(),
    "cross_entropy": calls.cross_entropies(),
    "passed": calls.passed(),
    "movement": calls.movements(),
    "interpolation": calls.interpolations(),
    "reduction": calls.reductions(),
    "general": calls.others(),
}

WEIGHED = (
    *("convolution", "transposed_convolution", "average_pooling", "lp_pooling", "concatenation"),
    *("linear", "matrix_product", "movement", "interpolation"),
)
"""Kinds that add up what they read: with positive weights nothing cancels."""


def profile(examples: int) -> settings:
    return settings(
        max_examples=int(os.environ.get("DOODLESCOPE_LAYERS", examples)),
        deadline=None,
        derandomize="DOODLESCOPE_LAYERS" not in os.environ,
        suppress_health_check=list(HealthCheck),
    )


def run(model: torch.nn.Module, inputs: Sequence[Tensor]) -> Tensor:
    """What PyTorch itself gives: the first tensor."""
    result = model(*(tensor.clone() for tensor in inputs))
    output: Tensor = result if isinstance(result, Tensor) else result[0]
    return output


def doubled(case: Case) -> Case:
    """The same model and inputs in float64."""
    inputs = tuple(x.double() if x.is_floating_point() else x for x in case.inputs)
    return Case(copy.deepcopy(case.model).double(), inputs, case.kind)


@dataclass(frozen=True)
class Drawn:
    """A case in one type, its trace, and what PyTorch gives for it."""

    case: Case
    trace: Trace
    expected: Tensor

    def explained(self, index: tuple[int, ...], **options: Any) -> Arithmetic:
        node = self.trace.nodes[-1]
        assert node.given is not None
        path = node.module_path
        module = self.case.model.get_submodule(path) if node.given.function is None else None
        return arithmetic(node, index, module=module, trace=self.trace, **options)

    def alone(self) -> bool:
        """Whether the last node reads the model's inputs only."""
        return set(self.trace.nodes[-1].inputs) <= set(self.trace.inputs)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of odd but legal settings
        yield


def ran(case: Case) -> Drawn:
    expected = run(case.model, case.inputs)
    return Drawn(case, trace_model(case.model, case.inputs, keep=True), expected)


def drawn(data: st.DataObject, name: str) -> tuple[Drawn, tuple[int, ...]]:
    """A case in float64, and a place in its output."""
    try:
        found = ran(doubled(data.draw(STRATEGIES[name])))
    except (RuntimeError, ValueError):
        assume(False)  # settings that are not legal for this size
    assume(found.expected.numel() > 0)
    return found, tuple(data.draw(st.integers(0, size - 1)) for size in found.expected.shape)


def halved(case: Case) -> Case:
    """The same model and inputs in float32."""
    inputs = tuple(x.float() if x.is_floating_point() else x for x in case.inputs)
    return Case(copy.deepcopy(case.model).float(), inputs, case.kind)


def close(value: float | None, expected: float, relative: float = 1e-9) -> bool:
    assert value is not None
    if math.isnan(expected) or math.isinf(expected):
        return math.isnan(value) == math.isnan(expected) and (
            math.isnan(value) or value == expected
        )
    return abs(value - expected) <= relative * max(1.0, abs(expected))


def executed(snippet: str) -> float:
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(snippet, "snippet", "exec"), names)
    assert printed.getvalue() == f"{names['value']}\n"
    return float(names["value"])


@pytest.mark.parametrize("name", STRATEGIES)
@profile(40)
@given(data=st.data())
def test_values_are_those_of_pytorch(name: str, data: st.DataObject) -> None:
    with quiet():
        double, index = drawn(data, name)
        single = ran(halved(double.case))
        exact = double.explained(index)
        found = single.explained(index, limit=data.draw(st.sampled_from([None, 1, 3])))
    where = (found.terms, double.case, index)
    assert exact.kind == found.kind == double.case.kind, where
    assert found.index == index
    expected = float(double.expected[index])
    assert close(exact.value, expected), where
    assert exact.network_value == expected or math.isnan(expected)
    if "nearest" not in str(found.terms):  # rounds in float32, perhaps to another cell
        assert close(found.value, expected), where
    assert close(found.network_value, float(single.expected[index]), 0), where
    assert close(found.value, found.network_value, 1e-5), where
    if found.snippet is None:
        assert found.kind == "general"
    else:
        with quiet():
            assert close(executed(found.snippet), found.value or 0.0), found.snippet


@pytest.mark.parametrize("name", WEIGHED)
@profile(25)
@given(data=st.data())
def test_cells_read_are_those_with_a_gradient(name: str, data: st.DataObject) -> None:
    """With positive weights and inputs every cell that is read changes the value."""
    with quiet():
        double, index = drawn(data, name)
    assume(double.alone())
    case = double.case
    for parameter in case.model.parameters():
        parameter.data = parameter.data.abs() + 0.5
    inputs = tuple((x.abs() + 0.5).requires_grad_() for x in case.inputs)
    with quiet():
        found = ran(Case(case.model, tuple(x.detach() for x in inputs), case.kind)).explained(index)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = run(case.model, inputs)[index]
    gradients: Sequence[Tensor | None] = [None] * len(inputs)
    if value.requires_grad:
        gradients = torch.autograd.grad(value, inputs, allow_unused=True)
    for number, (x, gradient) in enumerate(zip(inputs, gradients, strict=True)):
        felt = torch.zeros(x.shape, dtype=torch.bool)
        if gradient is not None:
            felt = gradient.abs() > 1e-12 * gradient.abs().max()
        said = claimed(found, f"input@{number}" if number else "input", x)
        assert torch.equal(said, felt), (case, index)


def claimed(found: Arithmetic, name: str, x: Tensor) -> Tensor:
    """Bool, of the shape of an input: the cells that are said to be read."""
    mask = torch.zeros(x.shape, dtype=torch.bool)
    for read in found.reads:
        if read.input == name:
            for place in product(*read.cells):
                mask[place] = True
    return mask


@pytest.mark.parametrize("name", [name for name in STRATEGIES if name not in WEIGHED])
@profile(10)
@given(data=st.data())
def test_cells_read_are_those_through_which_nan_comes(name: str, data: st.DataObject) -> None:
    with quiet():
        double, index = drawn(data, name)
        assume(double.alone() and not double.expected[index].isnan())
        found = double.explained(index)
        x, *others = double.case.inputs
        said = claimed(found, "input", x)
        # Of many cells some: those said to be read first, and others.
        places = sorted(product(*map(range, x.shape)), key=lambda place: not said[place])
        for place in {*places[:: max(1, len(places) // 20)], *places[:5]}:
            changed = x.clone()
            changed[place] = math.nan
            poisoned = bool(run(double.case.model, (changed, *others))[index].isnan())
            exact = all(read.exact for read in found.reads)
            assert bool(said[place]) == poisoned if exact else said[place] or not poisoned, (
                double.case,
                index,
                place,
            )


@profile(60)
@given(data=st.data())
def test_winners_are_those_that_pytorch_picks(data: st.DataObject) -> None:
    with quiet():
        double, index = drawn(data, "max_pooling")
        (x,), model = double.case.inputs, double.case.model
        assume(isinstance(model, torch.nn.Sequential))
        found = double.explained(index)
        layer = copy.deepcopy(model[0])  # type: ignore[index]
        layer.return_indices = True
        place = int(layer(x)[1][index])
    if found.terms.winner is not None:
        sizes = x.shape[-len(found.terms.winner) :]
        assert place == sum(
            number * math.prod(sizes[axis + 1 :]) for axis, number in enumerate(found.terms.winner)
        )
