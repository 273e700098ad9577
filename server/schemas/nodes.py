"""The nodes of a network's graph."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field


class NodeSummary(BaseModel):
    """One call of a module, or one functional operation, as it runs."""

    name: str = Field(description="Unique name: the module path, or <path>.<operation>.")
    kind: str = Field(description="Class of the module (Conv2d) or name of the operation (add).")
    module_path: str = Field(description="Path of the module, or of the one it stands in.")
    call: int = Field(description="0 for the first call of the same name, 1 for the second, ...")
    inputs: list[str] = Field(description="Names of the nodes it reads; input is the image.")
    shape: list[int] = Field(description="Shape of its output for one image, batch first.")
    attributes: dict[str, Any] = Field(description="Configuration, such as kernel_size.")
    parameters: int = Field(description="Number of learnable values.")


class LayerField(BaseModel):
    """How the receptive fields of a layer's units lie, one value for each axis of the image.

    Unit i reads `size` pixels from `start + i * stride`. What lies outside of the image is padding.
    """

    size: list[int] = Field(description="Length of every unit's field along each axis, in pixels.")
    stride: list[int] = Field(description="How far the field moves from one unit to the next.")
    start: list[int] = Field(description="Where the field of the unit at 0 begins.")


class Node(NodeSummary):
    """A node with what it costs for one image, and how its receptive fields lie."""

    multiply_accumulates: int = Field(
        description="Multiplications, each with its addition, of convolutions and matrix products."
    )
    activation_bytes: int = Field(description="Memory of its outputs, in bytes.")
    saved_for_backward_bytes: int | None = Field(
        description="Memory that training keeps of it for the backward pass, in bytes; "
        "null if it cannot be measured."
    )
    receptive_field: LayerField | None = Field(
        description="Null where no closed form holds for every unit alike."
    )
