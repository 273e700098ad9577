"""The quick way back to the inputs finds what the walk through all positions finds, or gives up."""

from __future__ import annotations

import warnings

import numpy as np
from hypothesis import event, given
from hypothesis import strategies as st
from torch import nn

from server.engine import trace_model
from server.engine.receptive_field.axis_sets import combined
from server.engine.receptive_field.plan import region
from server.engine.receptive_field.reviews import Uncertain
from server.engine.receptive_field.walk import walk_back
from server.engine.record import Slot
from server.engine.trace import Trace
from tests.property.test_receptive_field import NETWORKS, PROFILE
from tests.support.networks import networks

QUARTER = type(PROFILE)(PROFILE, max_examples=NETWORKS // 4)


def both(trace: Trace, slot: Slot, places: tuple[int | None, ...]) -> bool:
    """Compare the two ways; whether the quick one knew."""
    shape = slot.view.shape
    try:
        items = trace.plan.back(slot, region(shape, places), 0)
    except Uncertain:
        return False
    positions = np.zeros(shape, bool)
    positions[tuple(slice(None) if p is None else slice(p, p + 1) for p in places)] = True
    walked = walk_back(trace.operations, trace.storages, trace.input_views, slot, positions)
    assert walked.status == "exact"
    expected = walked.inputs[0]
    found = combined(items, trace.input_views[0].shape)
    if expected is None:
        assert not found.any()
    else:
        assert np.array_equal(found, expected)
    return True


@QUARTER
@given(st.data())
def test_the_quick_way_agrees_with_the_walk(data: st.DataObject) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd but legal settings
        network = data.draw(networks(maxima=data.draw(st.booleans())))
        trace = trace_model(network.model, network.input_shape)
        nodes = [node for node in trace.nodes if isinstance(node.result, Slot)]
        for node in (
            trace.layer("<output>"),
            data.draw(st.sampled_from(nodes or [trace.layer("")])),
        ):
            shape = node.result.view.shape
            index = [data.draw(st.none() | st.integers(0, size - 1)) for size in shape if size]
            if len(index) == len(shape):
                event(f"quick: {both(trace, node.result, tuple(index))}")


def test_the_quick_way_knows_usual_networks() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 4, 7, 2, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, 1, ceil_mode=True),
        nn.Conv2d(4, 8, 3, padding=2, dilation=2, groups=4, padding_mode="reflect"),
        nn.ConvTranspose2d(8, 4, 3, 2, 1),
        nn.Upsample(scale_factor=1.5, mode="bilinear"),
        nn.GELU(),
        nn.AdaptiveAvgPool2d((3, 5)),
        nn.Flatten(),
        nn.Linear(60, 5),
    )
    trace = trace_model(model, (1, 3, 32, 40))
    for node in trace.nodes:
        shape = node.shape
        centre = (0, None, *[size // 2 for size in shape[2:]])
        for channel in (None, 1):
            assert both(trace, node.result, (0, channel, *centre[2:])), node.name
