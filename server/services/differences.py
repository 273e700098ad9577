"""Two inspections beside each other: how far apart their layers are, and where."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from server.engine.encode import Maps, encode_atlas, layer_range
from server.errors import InvalidInput
from server.schemas.differences import Difference, Distance, LayerDifference, LayerMatch
from server.services.inspections import KeptInspection, KeptLayer
from server.services.matching import match_layers
from server.services.nodes import summarise_node

NO_DISTANCE = Distance(relative_l2=None, cosine=None, l2=None, largest=None, skipped=0)


def describe_difference(
    one: KeptInspection, other: KeptInspection, pair: tuple[str, str] | None = None
) -> Difference:
    """How far each layer of one inspection is from its counterpart in the other.

    In two inspections of one model the counterpart of a layer is the layer itself.

    Args:
        one: the inspection that is subtracted.
        other: the inspection that it is subtracted from.
        pair: names of a layer of each, for the distance of these two alone.

    Raises:
        NotFound: there is no layer of such a name.
    """
    matches = _matches(one, other) if pair is None else [_asked(one, other, *pair)]
    return Difference(
        id=one.id,
        other=other.id,
        model=one.model.name,
        other_model=other.model.name,
        layers=[_described(one, other, match) for match in matches],
    )


def distance(one: NDArray[np.float32], other: NDArray[np.float32]) -> Distance:
    """How far apart two arrays of one shape are: ``||b - a|| / max(||a||, ||b||)`` and the cosine.

    The larger norm divides, so that neither side is the measure of the other and the two may be
    swapped. Where both arrays are all zeros, they are equal: 0. Values that are not finite on
    either side are left out on both, and counted.
    """
    finite = np.isfinite(one) & np.isfinite(other)
    a, b = one[finite].astype(np.float64), other[finite].astype(np.float64)
    norm, other_norm = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    difference = b - a
    apart = float(np.linalg.norm(difference))
    larger = max(norm, other_norm)
    product = norm * other_norm
    return Distance(
        relative_l2=apart / larger if larger else 0.0,
        cosine=max(-1.0, min(1.0, float(a @ b) / product)) if product else None,
        l2=apart,
        largest=float(np.abs(difference).max(initial=0.0)),
        skipped=int(finite.size - np.count_nonzero(finite)),
    )


def check_same_shape(one: KeptLayer, other: KeptLayer) -> None:
    """Raise InvalidInput unless the outputs of two layers can be subtracted value by value."""
    if one.activation.shape != other.activation.shape:
        raise InvalidInput(
            f"{one.node.name} gave {list(one.activation.shape)} and {other.node.name} "
            f"{list(other.activation.shape)}: only equal shapes have a difference.",
            pointer="other_layer",
            value=other.node.name,
        )


def difference_atlas(id: str, one: KeptLayer, other: KeptLayer) -> bytes:
    """The maps of ``other - one`` in float32 as an atlas under the name of ``one``.

    A channel's range in the header is exact: its largest difference can be read there.
    """
    maps = subtracted(one.maps, other.maps)
    return encode_atlas(id, {one.node.name: (maps, layer_range(maps))})


def subtracted(one: Maps, other: Maps) -> Maps:
    """``other - one``, rounded once to float32; NaN where infinities of one sign meet."""
    with np.errstate(invalid="ignore", over="ignore"):
        maps: Maps = other - one
    return maps


def _matches(one: KeptInspection, other: KeptInspection) -> list[LayerMatch]:
    nodes = [summarise_node(layer.node) for layer in one.layers.values()]
    return match_layers(nodes, [summarise_node(layer.node) for layer in other.layers.values()])


def _asked(one: KeptInspection, other: KeptInspection, name: str, other_name: str) -> LayerMatch:
    layer, counterpart = one.layer(name), other.layer(other_name)
    return LayerMatch(
        layer=name,
        other_layer=other_name,
        matched_by="request",
        same_shape=layer.activation.shape == counterpart.activation.shape,
    )


def _described(one: KeptInspection, other: KeptInspection, match: LayerMatch) -> LayerDifference:
    layer, counterpart = one.layers[match.layer], other.layers[match.other_layer]
    same = layer.activation.shape == counterpart.activation.shape
    apart = distance(layer.maps, counterpart.maps) if same else NO_DISTANCE
    return LayerDifference(
        **match.model_dump(),
        **apart.model_dump(),
        shape=list(layer.activation.shape),
        other_shape=list(counterpart.activation.shape),
    )
