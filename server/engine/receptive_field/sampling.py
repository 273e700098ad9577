"""Layers that sample where constants say: grids, random samples of pooling, unpooling."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from server.engine.receptive_field.memory import Mask, some
from server.engine.receptive_field.reads import Reads, along, first
from server.engine.receptive_field.windows import NEGLIGIBLE, axes_named, each
from server.engine.record import Operation, View


def anywhere(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """All of each channel: which positions are read depends on values that are not known."""
    positions = first(wanted)
    axes = tuple(range(positions.ndim - axes_named(operation), positions.ndim))
    for name in ("self", "input", "indices"):
        if isinstance(view := operation.arguments.get(name), View):
            yield view, along(positions, axes, view.shape)
    if isinstance(grid := operation.arguments.get("grid"), View):
        yield grid, np.broadcast_to(some(positions, 1)[..., None], grid.shape)


def grid(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """The taps whose weight is not zero: where the gradient of a random sum is not."""
    given = operation.arguments
    source: View = given["input"]
    positions = torch.from_numpy(np.ascontiguousarray(first(wanted)))
    places = given["grid"].values.cpu()
    # In the model's own precision, since rounding decides which of two positions is the nearest.
    places = places if places.dtype == torch.float64 else places.float()
    # Random, so that the weights of two units that read one position do not cancel.
    generator = torch.Generator().manual_seed(0)
    summands = torch.rand(positions.shape, generator=generator, dtype=places.dtype) + 0.5
    backward = getattr(torch.ops.aten, f"{operation.name}_backward")
    gradient, _ = backward(
        summands * positions,
        torch.zeros(source.shape, dtype=places.dtype),
        places,
        *(given[name] for name in ("interpolation_mode", "padding_mode", "align_corners")),
        [True, False],
    )
    yield source, (gradient.abs() > NEGLIGIBLE).numpy()


def fractional_pooling(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """Windows that begin where the samples say, of each channel for itself.

    The operator itself tells where they end: it finds the maxima of numbers that increase.
    """
    given = operation.arguments
    positions = first(wanted)
    source: View = given["self"]
    axes = axes_named(operation)
    kernels = each(given["kernel_size"], axes)
    sides = source.shape[-axes:]
    samples = given["random_samples"].values.cpu()
    flat = positions.reshape(*samples.shape[:2], *positions.shape[-axes:])
    numbers = torch.arange(math.prod(sides), dtype=samples.dtype).reshape(sides)
    assert operation.function is not None
    _, last = operation.function(
        numbers.expand(*samples.shape[:2], *sides).contiguous(),
        list(kernels),
        list(given["output_size"]),
        samples,
    )
    read = np.zeros((*samples.shape[:2], *sides), bool)
    item, channel, *_ = places = np.nonzero(flat)
    ends = np.unravel_index(last.numpy()[places], sides)
    for offsets in np.ndindex(*kernels):
        taps = (end - offset for end, offset in zip(ends, offsets, strict=True))
        read[(item, channel, *taps)] = True
    yield source, read.reshape(source.shape)


def affine_grid(operation: Operation, wanted: Sequence[Mask | None]) -> Reads:
    """Each coordinate of each place: one row of the item's matrix."""
    positions = first(wanted)
    theta: View = operation.arguments["theta"]
    rows = some(positions, tuple(range(1, positions.ndim - 1)))
    yield theta, np.broadcast_to(rows[..., None], theta.shape)
