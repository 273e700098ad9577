"""The quick way back to the inputs finds what the walk through all positions finds, or gives up."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from hypothesis import event, given
from hypothesis import strategies as st
from torch import Tensor, nn

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
        slots = [slot for node in trace.nodes for slot in node.slots]
        slots = [data.draw(st.sampled_from(slots))] if slots else []
        for slot in (*trace.layer("<output>").slots, *slots):
            shape = slot.view.shape
            index = [data.draw(st.none() | st.integers(0, size - 1)) for size in shape if size]
            if len(index) == len(shape):
                event(f"quick: {both(trace, slot, tuple(index))}")


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


class ShiftedWindows(nn.Module):
    """Pixels of a window read each other; windows are shifted by less than their size, around."""

    def __init__(self, side: int, shift: int) -> None:
        super().__init__()
        self.side, self.shift = side, shift
        self.mix = nn.Linear(side * side, side * side)

    def forward(self, maps: Tensor) -> Tensor:
        count, channels, height, width = maps.shape
        rows, columns = height // self.side, width // self.side
        shifted = torch.roll(maps, (-self.shift, -self.shift), (2, 3)) if self.shift else maps
        cut = shifted.view(count, channels, rows, self.side, columns, self.side)
        windows = cut.permute(0, 2, 4, 1, 3, 5).reshape(count * rows * columns, channels, -1)
        mixed = self.mix(windows).view(count, rows, columns, channels, self.side, self.side)
        back = mixed.permute(0, 3, 1, 4, 2, 5).reshape(count, channels, height, width)
        return torch.roll(back, (self.shift, self.shift), (2, 3)) if self.shift else back


@pytest.mark.parametrize(("side", "shift"), [(4, 0), (4, 1), (4, 3), (8, 0), (2, 0), (8, 5)])
def test_the_quick_way_knows_windows_that_are_cut_again_elsewhere(side: int, shift: int) -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3, 2, 1), ShiftedWindows(4, 0), nn.ReLU(), ShiftedWindows(side, shift)
    )
    trace = trace_model(model, (1, 3, 48, 32))
    for node in trace.nodes:
        for place in (0, 1, 2):  # the first, one in the middle, the last
            index = [(0, size // 2, size - 1)[place] for size in node.shape]
            assert both(trace, node.result, tuple(index)), node.name


class FilledMask(nn.Module):
    """Adds a constant that is made of the shape of its input, and filled part by part."""

    def forward(self, maps: Tensor) -> Tensor:
        mask = maps.new_zeros(maps.shape[2:])
        mask[:2] = 1
        mask[2:, 3:] = 2
        turned: Tensor = torch.roll(maps, 1, 3) + mask + torch.zeros_like(mask)
        return turned


def test_the_quick_way_knows_what_is_filled_part_by_part() -> None:
    trace = trace_model(FilledMask(), (1, 2, 5, 6))
    assert both(trace, trace.nodes[-1].result, (0, 1, 2, 3))
    field = trace.receptive_field("<output>", (2, 3))
    assert (field.box, field.status) == (((2, 3), (2, 3)), "exact")


class Attention(nn.Module):
    """Pixels read each other by how alike they are."""

    def forward(self, maps: Tensor) -> Tensor:
        rows = maps.flatten(2).transpose(1, 2)
        mixed = nn.functional.scaled_dot_product_attention(rows, rows, rows) + rows
        return mixed.transpose(1, 2).reshape(maps.shape)


def test_short_cuts_to_the_whole_input_change_nothing() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3, 2), ShiftedWindows(4, 0), Attention(), nn.ReLU(), ShiftedWindows(4, 1)
    )
    trace = trace_model(model, (1, 3, 17, 25))
    trace.plan.note_coverage()
    known = [
        both(trace, node.result, (0, *(size // 2 for size in node.shape[1:])))
        for node in trace.nodes
    ]
    assert all(known)
