"""Receptive fields of generated networks against two truths that know nothing of the engine.

There are 1,000 networks for each truth, always the same; with ``DOODLESCOPE_NETWORKS=5000`` there
are so many, others every time. If that takes more than ten minutes: ``-o faulthandler_timeout=0``.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterator

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from server.engine import trace_model
from server.engine.trace import Trace
from tests.support.networks import Network, networks

NETWORKS = int(os.environ.get("DOODLESCOPE_NETWORKS", "1000"))

PROFILE = settings(
    max_examples=NETWORKS,
    deadline=None,
    derandomize="DOODLESCOPE_NETWORKS" not in os.environ,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
        HealthCheck.data_too_large,
    ],
)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Tensors here are so small that handing them to threads takes longer than computing."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def poisoned(network: Network) -> Tensor:
    """Bool (input positions, *output): what turns NaN when one position of the input is NaN.

    NaN goes through sums and maxima, and through weights of zero. The network runs as it is.
    """
    spatial = network.input_shape[2:]
    positions = math.prod(spatial)
    x = torch.rand(positions, network.input_shape[1], positions, dtype=torch.float64)
    place = torch.arange(positions)
    x[place, :, place] = math.nan
    with torch.no_grad():
        return network.run(x.reshape(positions, -1, *spatial)).isnan()


def felt(network: Network, unit: tuple[int, ...]) -> Tensor:
    """Bool over the input's spatial shape: where the unit's gradient is not zero.

    Weights and inputs are positive and every layer is increasing, so that nothing cancels.
    """
    x = torch.rand(network.input_shape, dtype=torch.float64) + 0.5
    x.requires_grad_()
    output = network.run(x.clone())
    if not output.requires_grad:
        return torch.zeros(network.input_shape[2:], dtype=torch.bool)
    (gradient,) = torch.autograd.grad(output[(0, *unit)], x)
    # Interpolation may leave a rounding error where its weight is zero.
    size = gradient[0].abs()
    return (size > 1e-12 * size.max()).any(0)


def traced(network: Network) -> Trace:
    trace = trace_model(network.model, network.input_shape)
    output = trace.output
    for key in network.item or ():
        output = output[key]
    assert output.shape == network.output_shape
    return trace


def claimed(trace: Trace, network: Network, unit: tuple[int, ...]) -> Tensor:
    """What the engine says, checked for agreeing with itself."""
    channel, *position = unit
    field = trace.receptive_field("<output>", tuple(position), channel=channel, item=network.item)
    assert field.status == "exact", field.causes
    assert field.mask.shape == network.input_shape[2:]
    if field.box is None:
        assert not field.mask.any()
    else:
        inside = torch.zeros_like(field.mask)
        inside[tuple(slice(low, high) for low, high in field.box)] = True
        assert not (field.mask & ~inside).any()
        for axis, (low, high) in enumerate(field.box):
            assert field.mask.select(axis, low).any()
            assert field.mask.select(axis, high - 1).any()
        # What is reflected or repeated at a border comes from inside, not from beyond it.
        mirrored = any("tion_pad" in operation.name for operation in trace.operations)
        if field.unclipped is not None and not mirrored:
            for (low, high), (begin, end) in zip(field.box, field.unclipped, strict=True):
                assert begin <= low < high <= end, describe(network, unit)
    if field.size is not None and field.stride is not None and field.start is not None:
        assert field.unclipped is not None
    return field.mask


def drawn_unit(data: st.DataObject, network: Network) -> tuple[int, ...]:
    return tuple(data.draw(st.integers(0, size - 1)) for size in network.output_shape[1:])


@PROFILE
@given(st.data())
def test_fields_are_where_nan_comes_from(data: st.DataObject) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd but legal settings
        network = data.draw(networks(maxima=True, labelled=True))
        reached, trace = poisoned(network).flatten(1), traced(network)
        for _ in range(2):
            unit = drawn_unit(data, network)
            expected = reached.flatten(1)[:, index_of(network, unit)].reshape(
                network.input_shape[2:]
            )
            assert torch.equal(claimed(trace, network, unit), expected), describe(network, unit)


@PROFILE
@given(st.data())
def test_fields_are_where_gradients_are(data: st.DataObject) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = data.draw(networks(maxima=False, labelled=True))
        trace = traced(network)
        for _ in range(2):
            unit = drawn_unit(data, network)
            found, expected = claimed(trace, network, unit), felt(network, unit)
            assert torch.equal(found, expected), describe(network, unit)


def index_of(network: Network, unit: tuple[int, ...]) -> int:
    """The place of a unit among all units, row by row."""
    index = 0
    for place, size in zip(unit, network.output_shape[1:], strict=True):
        index = index * size + place
    return index


def describe(network: Network, unit: tuple[int, ...]) -> str:
    model: nn.Module = network.model
    return f"{model} on {network.input_shape}, unit {unit} of {network.output_shape}"
