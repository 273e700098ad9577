"""A forward pass kept for looking into."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from server.schemas.nodes import NodeSummary
from server.schemas.predictions import UNKNOWN, Guess
from server.schemas.preprocessing import Preprocessing


class InspectedInput(BaseModel):
    """What the network received, and how it came to be."""

    kind: Literal["doodle", "image", "example"] = Field(
        description="A doodle of 28x28; an image for a model of images; an example of the model's."
    )
    shape: list[int] = Field(description="Channels, height, width; of the first of several inputs.")
    image: list[list[int]] | None = Field(
        description="Of a doodle: rows of values 0..255, ink 255 on 0. Null for others, which have "
        "a picture."
    )
    size: list[int] | None = Field(
        description="Height and width of the picture; null where the input is no picture."
    )
    picture: str | None = Field(
        description="Where the input is as a picture (PNG, grey or RGB), before it is normalised; "
        "null where it is none."
    )
    arrays: str = Field(description="Where the exact input is, as NumPy's .npz.")
    preprocessing: Preprocessing


class InspectedLayer(NodeSummary):
    """A node with what it gave in this pass."""

    minimum: float = Field(description="Smallest finite value.")
    maximum: float = Field(description="Largest finite value.")
    signed: bool = Field(description="Whether any value is negative.")
    zero_fraction: float = Field(ge=0, le=1, description="Share of values that are exactly 0.")
    non_finite: int = Field(description="How many values are NaN or infinite.")
    url: str = Field(description="Where its feature maps are.")


class Inspection(BaseModel):
    """The manifest of an inspection: everything but the feature maps themselves."""

    id: str = Field(description="Hash of the model's version and the input.")
    model: str = Field(description="Name of the model that ran.")
    version: str = Field(description="Version of its weights.")
    input: InspectedInput
    predictions: list[Guess] = Field(
        description="The best guesses, the likeliest first; none of a model that makes none, "
        "or gave NaN."
    )
    unknown: bool | None = Field(default=None, description=UNKNOWN)
    entropy: float | None = Field(
        ge=0, description="Entropy of all probabilities, in nats; null where there are no guesses."
    )
    layers: list[InspectedLayer] = Field(description="The layers in the order they ran.")


NonFinite = Literal["NaN", "Infinity", "-Infinity"]


class Channel(BaseModel):
    """One feature map in full."""

    layer: str = Field(description="Name of the layer.")
    channel: int = Field(description="Number of the channel, counted from 0.")
    shape: list[int] = Field(description="Height, width.")
    values: list[list[float | None]] = Field(
        description="Rows of exact float32 values; null where one is not finite."
    )
    minimum: float = Field(description="Smallest finite value.")
    maximum: float = Field(description="Largest finite value.")
    mean: float | None = Field(description="Mean of the finite values.")


class InputPixel(BaseModel):
    """One pixel of the input."""

    y: int = Field(description="Row, counted from 0 at the top.")
    x: int = Field(description="Column, counted from 0 at the left.")
    levels: list[int] = Field(
        description="What it looks like: grey, or red, green and blue; 0..255."
    )
    values: list[float | None] = Field(
        description="The exact values that the network computes with, one for each channel; null "
        "where one is not finite."
    )


class Unit(BaseModel):
    """One value of one feature map."""

    layer: str = Field(description="Name of the layer.")
    channel: int = Field(description="Number of the channel, counted from 0.")
    y: int = Field(description="Row, counted from 0 at the top.")
    x: int = Field(description="Column, counted from 0 at the left.")
    value: float | None = Field(description="The exact float32 value; null if it is not finite.")
    non_finite: NonFinite | None = Field(
        default=None, description="What the value is, if not finite."
    )
    minimum: float = Field(description="Smallest finite value of the channel.")
    maximum: float = Field(description="Largest finite value of the channel.")
