"""Inspections, described for the API."""

from __future__ import annotations

from urllib.parse import quote

from server.schemas.inspections import InspectedInput, InspectedLayer, Inspection
from server.services.inference import entropy, guesses, softmax
from server.services.inspections import KeptInspection, KeptLayer
from server.services.nodes import summarise_node

API = "/api/v1"


def inspection_url(id: str) -> str:
    """The address of an inspection."""
    return f"{API}/inspections/{id}"


def describe_inspection(kept: KeptInspection, top_k: int) -> Inspection:
    """The manifest of an inspection, with ``top_k`` guesses."""
    return Inspection(
        id=kept.id,
        model=kept.model.name,
        version=kept.model.version,
        input=InspectedInput(
            shape=list(kept.model.input_shape),
            image=kept.input.image.tolist(),
            preprocessing=kept.input.preprocessing,
        ),
        predictions=guesses(kept.model.categories, kept.logits, top_k),
        entropy=entropy(softmax(kept.logits)),
        layers=[_inspected(layer, kept.id) for layer in kept.layers.values()],
    )


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
