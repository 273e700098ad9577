"""Inspections, described for the API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from server.errors import NotFinite
from server.schemas.inspections import InspectedInput, InspectedLayer, Inspection
from server.schemas.predictions import Guess
from server.services.inference import entropy, guesses, is_unknown, softmax
from server.services.inspections import KeptInspection, KeptLayer
from server.services.nodes import summarise_node

API = "/api/v1"


def inspection_url(id: str) -> str:
    """The address of an inspection."""
    return f"{API}/inspections/{id}"


def guesses_of(kept: KeptInspection, top_k: int) -> list[Guess]:
    """The ``top_k`` guesses of an inspection; none where there are no probabilities."""
    try:
        if kept.logits is not None:
            return guesses(kept.model.categories, kept.logits, top_k)
    except NotFinite:  # as the layers say, each with the number of its values
        pass
    return []


def is_unknown_of(kept: KeptInspection, best: Sequence[Guess]) -> bool | None:
    """Whether the model knows the input, of which these are guesses; None: nobody can say."""
    return None if kept.logits is None else is_unknown(kept.model, kept.logits, best)


def describe_inspection(kept: KeptInspection, top_k: int) -> Inspection:
    """The manifest of an inspection, with ``top_k`` guesses."""
    predictions = guesses_of(kept, top_k)
    logits = kept.logits if predictions else None
    manifest = Inspection(
        id=kept.id,
        model=kept.model.name,
        version=kept.model.version,
        input=InspectedInput(
            **_described_input(kept),
        ),
        predictions=predictions,
        entropy=None if logits is None else entropy(softmax(logits)),
        layers=[_inspected(layer, kept.id) for layer in kept.layers.values()],
    )
    unknown = is_unknown_of(kept, predictions)
    if unknown is not None:
        manifest.unknown = unknown
    return manifest


def _described_input(kept: KeptInspection) -> dict[str, Any]:
    image = kept.input.image
    kind = kept.model.kind if kept.input.tensors is None else "example"
    return {
        "kind": kind,
        "shape": list(kept.model.input_shape),
        "image": image.tolist() if image is not None and kind == "doodle" else None,
        "size": None if image is None else list(image.shape[:2]),
        "picture": None if image is None else f"{inspection_url(kept.id)}/input.png",
        "arrays": f"{inspection_url(kept.id)}/input.npz",
        "preprocessing": kept.input.preprocessing,
    }


def _inspected(layer: KeptLayer, id: str) -> InspectedLayer:
    name = quote(layer.node.name, safe="@")
    return InspectedLayer(
        **summarise_node(layer.node).model_dump(),
        minimum=layer.extent.minimum,
        maximum=layer.extent.maximum,
        signed=layer.extent.signed,
        zero_fraction=layer.zero_fraction,
        non_finite=layer.extent.non_finite,
        url=f"{inspection_url(id)}/layers/{name}",
    )
