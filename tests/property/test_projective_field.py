"""Projective fields of generated networks against what really changes when a pixel does.

Networks are those that receptive fields are tested on; ``DOODLESCOPE_NETWORKS`` sets how many.
"""

from __future__ import annotations

import math
import os
import warnings

import torch
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from torch import Tensor

from server.engine import trace_model
from tests.support.networks import Network, networks

NETWORKS = int(os.environ.get("DOODLESCOPE_NETWORKS", "120"))
FIXED = "DOODLESCOPE_NETWORKS" not in os.environ
"""Whether the networks are always the same; of those every field is exact."""

PROFILE = settings(
    max_examples=NETWORKS,
    deadline=None,
    derandomize=FIXED,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
        HealthCheck.data_too_large,
    ],
)

Region = tuple[tuple[int, int], ...]


def inside(x: Tensor, region: Region) -> Tensor:
    """The part of a tensor in a region of its last axes."""
    for axis, (start, stop) in enumerate(region, start=x.ndim - len(region)):
        x = x.narrow(axis, start, stop - start)
    return x


def spoilt(network: Network, region: Region) -> Tensor:
    """Bool, of the output's shape for one item: what turns NaN when a region of the input does."""
    x = torch.rand(network.input_shape, dtype=torch.float64)
    inside(x, region).fill_(math.nan)
    with torch.no_grad():
        output: Tensor = network.model(x)
    return output[0].isnan()


def moved(network: Network, region: Region) -> Tensor:
    """Bool, of the output's shape for one item: what grows when a region of the input does.

    Weights and inputs are positive and every layer is increasing, so that nothing cancels.
    """
    x = torch.rand(network.input_shape, dtype=torch.float64) + 0.5
    direction = torch.zeros_like(x)
    inside(direction, region).fill_(1)
    try:
        growth: Tensor = torch.func.jvp(network.model, (x,), (direction,))[1]
    except NotImplementedError:
        reject()  # sampling at given places has no derivative of this kind
    # Interpolation may leave a rounding error where its weight is zero.
    result: Tensor = growth[0].abs() > 1e-12 * growth.abs().max()
    return result


def drawn_region(data: st.DataObject, network: Network) -> Region:
    """Mostly a pixel."""
    low = [data.draw(st.integers(0, size - 1)) for size in network.input_shape[2:]]
    if data.draw(st.integers(0, 3)):
        return tuple((place, place + 1) for place in low)
    pairs = zip(low, network.input_shape[2:], strict=True)
    return tuple((place, data.draw(st.integers(place + 1, size))) for place, size in pairs)


def compare(data: st.DataObject, network: Network, reached: Tensor, region: Region) -> None:
    trace = trace_model(network.model, network.input_shape)
    channel = data.draw(st.none() | st.integers(0, network.output_shape[1] - 1))
    found = trace.projective_field("<output>", region, channel=channel)
    expected = reached.any(0) if channel is None else reached[channel]
    message = f"{network.model} on {network.input_shape}, from {region} to channel {channel}"
    if found.status == "bound" and not FIXED:
        # Attention and some copies are probed forwards, and then bounded; too small they never are.
        assert (found.mask | ~expected).all(), message
        return
    assert found.status == "exact", (found.causes, message)
    assert torch.equal(found.mask, expected), message
    if found.box is None:
        assert not expected.any()
    else:
        outside = expected.clone()
        inside(outside, found.box).fill_(False)
        assert not outside.any()
        for axis, (low, high) in enumerate(found.box):
            assert expected.select(axis, low).any()
            assert expected.select(axis, high - 1).any()


@PROFILE
@given(st.data())
def test_what_a_pixel_reaches_turns_nan_with_it(data: st.DataObject) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd but legal settings
        network = data.draw(networks(maxima=True))
        region = drawn_region(data, network)
        compare(data, network, spoilt(network, region), region)


@PROFILE
@given(st.data())
def test_what_a_pixel_reaches_grows_with_it(data: st.DataObject) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = data.draw(networks(maxima=False))
        region = drawn_region(data, network)
        compare(data, network, moved(network, region), region)
