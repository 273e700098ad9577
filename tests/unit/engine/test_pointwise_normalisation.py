"""Normalisation as pointwise gives the field of the network with its normalisation taken out."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from server.engine import trace_model
from server.engine.receptive_field.field import ReceptiveField
from tests.support.networks import Apply


class Untracked(nn.Module):
    """Batch normalisation by the batch's statistics, also in eval mode."""

    def forward(self, x: Tensor) -> Tensor:
        return F.batch_norm(x, None, None, training=True)


NORMALISATIONS = {
    "group": nn.GroupNorm(2, 4),
    "layer": nn.LayerNorm([4, 12, 12]),
    "layer over a row": nn.LayerNorm(12),
    "instance": nn.InstanceNorm2d(4, affine=True),
    "instance with running statistics": nn.InstanceNorm2d(4, track_running_stats=True),
    "batch": nn.BatchNorm2d(4),
    "batch without running statistics": nn.BatchNorm2d(4, track_running_stats=False),
    "batch in training": Untracked(),
    "function": Apply("group_norm", lambda x: F.group_norm(x, 1)),
}


def network(middle: nn.Module) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, stride=2, padding=1), middle, nn.ReLU(), nn.Conv2d(4, 2, 3, padding=2)
    )


def same(one: ReceptiveField, other: ReceptiveField) -> bool:
    return torch.equal(one.mask, other.mask) and all(
        getattr(one, name) == getattr(other, name)
        for name in ("box", "status", "causes", "unclipped", "size", "stride", "start")
    )


@pytest.mark.parametrize("name", NORMALISATIONS)
def test_statistics_count_as_constants(name: str) -> None:
    trace = trace_model(network(NORMALISATIONS[name]), (2, 1, 24, 24))
    without = trace_model(network(nn.Identity()), (2, 1, 24, 24))
    for position in ((0, 0), (5, 7), (13, 2)):
        for channel in (None, 1):
            asked = trace.receptive_field(
                "3", position, channel=channel, pointwise_normalisation=True
            )
            assert same(asked, without.receptive_field("3", position, channel=channel))
            assert asked.size == (7, 7)


@pytest.mark.parametrize("name", [name for name in NORMALISATIONS if name != "batch"])
def test_they_do_not_by_default(name: str) -> None:
    trace = trace_model(network(NORMALISATIONS[name]), (2, 1, 24, 24))
    trace.receptive_field("3", (5, 7), pointwise_normalisation=True)
    field = trace.receptive_field("3", (5, 7))
    assert field.status == "exact"
    if name.startswith("instance with"):
        assert field.mask.sum() == 49  # its running statistics are constants
    else:
        assert field.mask.any(0).all()


def test_weights_that_the_input_makes_are_read() -> None:
    class Conditional(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return F.group_norm(x, 1, weight=x[0, :, 0, 0])

    trace = trace_model(Conditional(), (1, 3, 4, 4))
    field = trace.receptive_field("<output>", (2, 3), pointwise_normalisation=True)
    assert field.mask.nonzero().tolist() == [[0, 0], [2, 3]]
