"""Which layer of one network to hold beside which of another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from server.schemas.differences import LayerMatch, MatchedBy
from server.schemas.nodes import NodeSummary


def match_layers(nodes: Sequence[NodeSummary], others: Sequence[NodeSummary]) -> list[LayerMatch]:
    """For each node, in order, the one of the others that stands at the same place best.

    The first of these that finds one decides: the same name, kind and shape; the same kind and
    shape; the same shape; the same kind; anything at all. Of several, the one at the nearest
    relative depth is taken, where the first node of a network has depth 0 and the last depth 1; of
    two equally near, the earlier one. A kind is the same whether a module or a function ran: ReLU
    is relu.

    Returns:
        A match for each node; none at all where there are no others.
    """
    if not others:
        return []
    finders = {by: _Places(others, by) for by in _KEYS}
    matches = []
    for place, node in enumerate(nodes):
        depth = _depth(place, len(nodes))
        found = ((by, finder.nearest(node, depth)) for by, finder in finders.items())
        by, other = next((by, other) for by, other in found if other is not None)
        matches.append(
            LayerMatch(
                layer=node.name,
                other_layer=others[other].name,
                matched_by=by,
                same_shape=node.shape == others[other].shape,
            )
        )
    return matches


class _Places:
    """Where in a network the nodes of each key stand."""

    def __init__(self, nodes: Sequence[NodeSummary], by: MatchedBy) -> None:
        self._key = _KEYS[by]
        self._length = len(nodes)
        self._places: defaultdict[tuple[object, ...], list[int]] = defaultdict(list)
        for place, node in enumerate(nodes):
            self._places[_values(node, self._key)].append(place)

    def nearest(self, node: NodeSummary, depth: float) -> int | None:
        places: Iterable[int] = self._places.get(_values(node, self._key), ())
        return min(places, key=lambda place: abs(_depth(place, self._length) - depth), default=None)


_KEYS: dict[MatchedBy, tuple[str, ...]] = {
    "name": ("name", "kind", "shape"),
    "kind and shape": ("kind", "shape"),
    "shape": ("shape",),
    "kind": ("kind",),
    "depth": (),
}
"""What has to be the same, the strictest first."""


def _values(node: NodeSummary, key: Iterable[str]) -> tuple[object, ...]:
    values: dict[str, object] = {
        "name": node.name,
        "kind": node.kind.replace("_", "").lower(),
        "shape": tuple(node.shape),
    }
    return tuple(values[part] for part in key)


def _depth(place: int, length: int) -> float:
    """The relative depth of a node: 0 for the first, 1 for the last."""
    return place / (length - 1) if length > 1 else 0.0
