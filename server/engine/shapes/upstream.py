"""Small changes of the layers before one that is refused, after which it fits, each tried."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from server.engine.shapes.layers import LAYERS, output_shape
from server.engine.shapes.refusal import Refusal
from server.engine.shapes.repairs import Repair
from server.engine.shapes.result import Shape

SMALLEST = {"kernel_size": 1, "stride": 1, "padding": 0, "output_padding": 0}
"""Parameters that are moved, and how far down they go."""

DIFFERENCES = (1, -1, 2, -2, 3, -3)
"""Nearest first."""

FARTHEST = 6
"""Layers with such parameters that are looked at, from the refused one backwards."""

MOST = 4
"""Changes that are told."""

WORK = 1_500
"""Layers that may be computed to try changes; beyond, the search ends."""


def upstream(
    layers: Sequence[tuple[str, Mapping[str, Any]]],
    index: int,
    shapes: Sequence[Shape],
    *,
    training: bool = False,
) -> tuple[Repair, ...]:
    """Changes of one number of one layer before, smallest and nearest first.

    Args:
        layers: type and parameters of each; the one at ``index`` is refused.
        index: of that layer.
        shapes: that each layer up to that one is given.
        training: as ``output_shape`` takes it.
    """
    found: list[Repair] = []
    left = WORK
    looked = 0
    for before in range(index - 1, -1, -1):
        names = list(_moved(layers[before]))
        if not names:
            continue
        looked += 1
        if looked > FARTHEST or left <= 0:
            break
        for name, value in names:
            for difference in DIFFERENCES:
                new = value + difference
                if new < SMALLEST[name] or left <= 0:
                    continue
                left -= index - before + 1
                changes = {name: new}
                made = after_changes(layers, before, changes, index, shapes[before], training)
                if made is not None:
                    text = f"Set {name} of layer {before} to {new}."
                    cost = 1.5 + abs(difference) + 0.25 * looked
                    found.append(Repair(changes, text, made, layer=before, cost=cost))
                    break
    return tuple(sorted(found, key=lambda repair: repair.cost))[:MOST]


def _moved(layer: tuple[str, Mapping[str, Any]]) -> Iterator[tuple[str, int]]:
    """The numbers of a layer that may be changed, each the same for all axes."""
    kind, parameters = layer
    if kind not in LAYERS or "Pad" in kind:
        return
    defaults = {parameter.name: parameter.default for parameter in LAYERS[kind].parameters}
    for name in SMALLEST:
        value = parameters.get(name, defaults.get(name))
        if value is None and name == "stride":
            value = parameters.get("kernel_size")  # as pooling takes it
        if isinstance(value, list | tuple) and value and len(set(map(str, value))) == 1:
            value = value[0]
        if isinstance(value, int) and not isinstance(value, bool):
            yield name, value


def after_changes(
    layers: Sequence[tuple[str, Mapping[str, Any]]],
    before: int,
    changes: Mapping[str, Any],
    index: int,
    shape: Shape,
    training: bool,
) -> Shape | None:
    """What the layer at ``index`` gives with changes of the one at ``before``, given ``shape``.

    None: it, or one between, is refused.
    """
    for place in range(before, index + 1):
        kind, parameters = layers[place]
        values = {**parameters, **changes} if place == before else parameters
        try:
            shape = output_shape(kind, values, shape, training=training).output_shape
        except Refusal:
            return None
    return None if 0 in shape else shape
