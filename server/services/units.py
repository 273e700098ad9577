"""Channels and units of kept layers, described for the API with exact values."""

from __future__ import annotations

import math

import numpy as np

from server.errors import NotFound
from server.schemas.inspections import Channel, InputPixel, NonFinite, Unit
from server.services.inspections import KeptInspection, KeptLayer


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


def describe_input_pixel(kept: KeptInspection, y: int, x: int) -> InputPixel:
    """One pixel of an input that is a picture; raises NotFound."""
    image = kept.input.image
    if image is None:
        raise NotFound("The input is no picture: it has no pixels.", pointer="id", value=kept.id)
    for name, index, size in (("y", y, image.shape[0]), ("x", x, image.shape[1])):
        if not 0 <= index < size:
            raise NotFound(
                f"The input has {name} 0 to {size - 1}, not {index}.",
                pointer=name,
                value=index,
                limit=size - 1,
            )
    arguments = kept.model.arguments(kept.input)
    (tensor,) = arguments.values() if isinstance(arguments, dict) else arguments
    return InputPixel(
        y=y,
        x=x,
        levels=np.atleast_1d(image[y, x]).tolist(),
        values=[_finite(value) for value in tensor[0, :, y, x].tolist()],
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
