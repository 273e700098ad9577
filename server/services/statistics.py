"""What the channels of kept layers are like, and what they contribute, described for the API."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from server.engine import contribution as engine
from server.engine.statistics import Values, channel_statistics, histogram
from server.errors import InvalidInput, LimitExceeded
from server.schemas.statistics import Histogram, LayerContributions, LayerStatistics
from server.services.catalog import Model
from server.services.inspections import KeptInspection, KeptLayer
from server.services.lane import Lane

BINS = 256
"""The most bins of one histogram."""


def describe_statistics(layer: KeptLayer, low: float | None, high: float | None) -> LayerStatistics:
    """Statistics of every channel; values beyond ``low`` and ``high`` are counted.

    Raises:
        InvalidInput: a bound is not a finite number.
    """
    for name, bound in (("low", low), ("high", high)):
        if bound is not None and not math.isfinite(bound):
            raise InvalidInput(f"{name} is a finite number.", pointer=name, value=bound)
    found = channel_statistics(
        layer.maps,
        layer.extent,
        -math.inf if low is None else low,
        math.inf if high is None else high,
    )
    return LayerStatistics(
        layer=layer.node.name,
        channels=layer.maps.shape[0],
        cells=layer.maps.shape[1] * layer.maps.shape[2],
        minimum=found.minimum.tolist(),
        maximum=found.maximum.tolist(),
        mean=finite(found.mean.tolist()),
        zero_fraction=found.zero_fraction.tolist(),
        non_finite=found.non_finite.tolist(),
        dead=found.dead.tolist(),
        below=found.below.tolist(),
        above=found.above.tolist(),
    )


async def find_contributions(
    lane: Lane, kept: KeptInspection, layer: str, label: str | None
) -> LayerContributions:
    """What each channel contributes to the logit of a category, the likeliest one if left out.

    It runs the model once more, in its turn.

    Raises:
        NotFound: no such layer.
        InvalidInput: no such category, or gradients do not tell.
        Overloaded: too much is waiting for the network.
    """
    found = kept.layer(layer)
    logits = kept.logits
    if logits is None:
        raise InvalidInput(kept.model.silence, pointer="layer", value=layer)
    index = _category(kept.model, logits, label)
    try:
        made = await lane.alone(lambda: _contributions(kept, layer, index), kept.model)
        logit = float(logits[index])
        # A model that behaves otherwise with gradients, or draws numbers at random.
        if not math.isclose(made.output, logit, rel_tol=1e-3, abs_tol=1e-3):
            raise engine.NoGradient(
                f"With gradients the model gives {made.output:.6g} instead of {logit:.6g}."
            )
    except (engine.NoGradient, KeyError) as error:
        raise InvalidInput(
            f"Gradients do not tell what {layer} contributes: {error.args[0]}",
            pointer="layer",
            value=layer,
        ) from error
    values = made.values.numpy()
    # As the maps: of the first item, further axes joined.
    shown = (values[0] if values.ndim else values).reshape(found.maps.shape)
    channels = shown.sum(axis=(1, 2), dtype=np.float64)
    total = float(channels.sum())
    known = math.isfinite(total)
    return LayerContributions(
        layer=layer,
        label=kept.model.categories[index],
        logit=logit,
        contribution=finite(channels.tolist()),
        total=total if known else None,
        rest=logit - total if known else None,
        reaches=made.reaches,
    )


def describe_histogram(values: Values, bins: int) -> Histogram:
    """How values of any shape spread.

    Raises:
        InvalidInput: fewer bins than one.
        LimitExceeded: more than ``BINS``.
    """
    if bins < 1:
        raise InvalidInput("bins is at least 1.", pointer="bins", value=bins)
    if bins > BINS:
        raise LimitExceeded(
            f"bins is {bins}; at most {BINS} are counted.", pointer="bins", value=bins, limit=BINS
        )
    found = histogram(values, bins)
    return Histogram(
        edges=found.edges.tolist(),
        counts=found.counts.tolist(),
        zeros=found.zeros,
        not_a_number=found.not_a_number,
        infinite=found.infinite,
        total=values.size,
    )


def values_of(layer: KeptLayer, channel: int | None) -> NDArray[np.float32]:
    """The values of one feature map (H, W), or of all of them (C, H, W); raises NotFound."""
    return layer.maps if channel is None else layer.channel(channel)


def finite(values: Iterable[float]) -> list[float | None]:
    """Values for JSON: null for what is not finite."""
    return [value if math.isfinite(value) else None for value in values]


def _contributions(kept: KeptInspection, layer: str, index: int) -> engine.Contributions:
    model = kept.model

    def logits(returned: Tensor) -> Tensor:
        if not model.gives_probabilities:
            return returned
        return returned.clamp_min(torch.finfo(torch.float32).tiny).log()

    return engine.contributions(
        model.module, model.arguments(kept.input), layer, index, chosen=logits
    )


def _category(model: Model, logits: NDArray[np.float32], label: str | None) -> int:
    if label is None:
        return int(logits.argmax())
    if label not in model.categories:
        raise InvalidInput(
            f"{model.name} has no category of that name.", pointer="label", value=label
        )
    return model.categories.index(label)
