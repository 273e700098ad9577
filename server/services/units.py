"""Channels and units of kept layers, described for the API with exact values."""

from __future__ import annotations

import math

import numpy as np

from server.schemas.inspections import Channel, NonFinite, Unit
from server.services.inspections import KeptLayer


def describe_channel(layer: KeptLayer, channel: int) -> Channel:
    """One feature map; raises NotFound."""
    values = layer.channel(channel)
    finite = np.isfinite(values)
    return Channel(
        layer=layer.node.name,
        channel=channel,
        shape=list(values.shape),
        values=[[_finite(value) for value in row] for row in values.tolist()],
        minimum=float(layer.extent.channel_minimum[channel]),
        maximum=float(layer.extent.channel_maximum[channel]),
        mean=float(values[finite].mean(dtype=np.float64)) if finite.any() else None,
    )


def describe_unit(layer: KeptLayer, channel: int, y: int, x: int) -> Unit:
    """One value; raises NotFound."""
    value = layer.unit(channel, y, x)
    return Unit(
        layer=layer.node.name,
        channel=channel,
        y=y,
        x=x,
        value=_finite(value),
        non_finite=_name(value),
        minimum=float(layer.extent.channel_minimum[channel]),
        maximum=float(layer.extent.channel_maximum[channel]),
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _name(value: float) -> NonFinite | None:
    if math.isfinite(value):
        return None
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
