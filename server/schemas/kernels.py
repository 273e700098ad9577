"""What the shape lab computes with: the first kernels of trained networks, images of drawings."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from server.schemas.predictions import HOUSE, DrawingLists


class KernelSource(BaseModel):
    """The first convolution of a network, by its settings."""

    model: str = Field(description="Name of the network.")
    title: str = Field(description="Its name for people.")
    layer: str = Field(description="Path of the convolution in the network.")
    parameters: dict[str, Any] = Field(description="Its settings, as Conv2d takes them.")


class KernelSources(BaseModel):
    """Networks whose first kernels can be had."""

    sources: list[KernelSource] = Field(description="The default network first.")


class Kernels(KernelSource):
    """The first convolution of a network with its trained weights."""

    weight: list[list[list[list[float]]]] = Field(
        description="By output channel, input channel of the group, row and column."
    )
    bias: list[float] | None = Field(description="By output channel; null: it has none.")


class DrawingImageRequest(BaseModel):
    """A drawing to be rendered."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"drawing": HOUSE}]})

    drawing: DrawingLists


class DrawingImage(BaseModel):
    """A drawing as the networks see it."""

    image: list[list[int]] = Field(description="Rows of ink, 0 to 255.")
