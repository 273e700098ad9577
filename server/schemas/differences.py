"""Two inspections beside each other, and which layers of two models belong together."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

MatchedBy = Literal["name", "kind and shape", "shape", "kind", "depth", "request"]


class LayerMatch(BaseModel):
    """A layer of one model and its counterpart in another."""

    layer: str = Field(description="Name of a layer of the first model.")
    other_layer: str = Field(description="Name of its counterpart in the other.")
    matched_by: MatchedBy = Field(
        description="What is the same: name, kind and shape; kind and shape; the shape; the kind; "
        "or nothing but the relative depth, which decides among several as well. Or that both were "
        "asked for."
    )
    same_shape: bool = Field(description="Whether the outputs have the same shape.")


class ModelMatches(BaseModel):
    """The layers of one model, each with its counterpart in another."""

    model: str = Field(description="Name of the first model.")
    other_model: str = Field(description="Name of the other model.")
    matches: list[LayerMatch] = Field(
        description="One for each layer of the first model, in the order in which they run."
    )


class Distance(BaseModel):
    """How far apart two arrays a and b of one shape are; in float64, over the finite values.

    The first four are null where the shapes differ.
    """

    relative_l2: float | None = Field(
        description="||b - a|| / max(||a||, ||b||), with Euclidean norms over all values of the "
        "layer: 0 where they are equal, at most 2. Null where the shapes differ."
    )
    cosine: float | None = Field(
        description="Cosine similarity a . b / (||a|| ||b||), -1 to 1. Null where the shapes "
        "differ, or one of the two is all zeros."
    )
    l2: float | None = Field(description="||b - a||. Null where the shapes differ.")
    largest: float | None = Field(
        description="The largest |b - a| of any value. Null where the shapes differ."
    )
    skipped: int = Field(
        description="Places that are left out, since a value there is NaN or infinite."
    )


class LayerDifference(LayerMatch, Distance):
    """A layer of one inspection, and how far its counterpart in the other is from it."""

    shape: list[int] = Field(description="Shape of the layer's output, batch first.")
    other_shape: list[int] = Field(description="Shape of its counterpart's.")


class Difference(BaseModel):
    """How far two inspections are apart, down the network."""

    id: str = Field(description="The inspection that is a.")
    other: str = Field(description="The inspection that is b.")
    model: str = Field(description="Name of the model of a.")
    other_model: str = Field(description="Name of the model of b.")
    layers: list[LayerDifference] = Field(
        description="The layers of a in the order in which they ran, each beside its counterpart; "
        "or the one pair that was asked for."
    )
