"""What the channels of a layer are like in one pass, and what they contribute to the answer."""

from __future__ import annotations

from pydantic import BaseModel, Field


class LayerStatistics(BaseModel):
    """One value for each channel of a layer, in the order of the channels, of exact values."""

    layer: str = Field(description="Name of the layer.")
    channels: int = Field(description="How many feature maps there are.")
    cells: int = Field(description="How many values each of them has.")
    minimum: list[float] = Field(description="Smallest finite value; 0 where there is none.")
    maximum: list[float] = Field(description="Largest finite value; 0 where there is none.")
    mean: list[float | None] = Field(
        description="Mean of the finite values; null where there is none."
    )
    zero_fraction: list[float] = Field(description="Share of values that are exactly 0.")
    non_finite: list[int] = Field(description="How many values are NaN or infinite.")
    dead: list[bool] = Field(
        description="Whether every value is exactly 0, on this input: after a ReLU, nothing before "
        "it is positive."
    )
    below: list[int] = Field(description="How many values are below `low`; all 0 without it.")
    above: list[int] = Field(description="How many values are above `high`; all 0 without it.")


class LayerContributions(BaseModel):
    """What the channels of a layer contribute to one of the model's outputs.

    The contribution of a value is the value times the gradient of the logit with respect to it
    (gradient times input, Shrikumar et al. 2016); that of a channel is the sum over its values.
    Where everything after the layer is linear, the total and the biases add up to the logit.
    Elsewhere it is a first-order answer: how the logit changes when a channel is scaled a little,
    not what happens when it is taken away.
    """

    layer: str = Field(description="Name of the layer.")
    label: str = Field(description="The category whose logit it is.")
    logit: float = Field(description="The logit itself.")
    contribution: list[float | None] = Field(
        description="Contribution of each channel, in float64; null where it is not finite."
    )
    total: float | None = Field(description="The sum over all channels; null if it is not finite.")
    rest: float | None = Field(
        description="logit - total: of biases, and of what is not linear on the way."
    )
    reaches: bool = Field(
        description="Whether any path leads from the layer to the logit; if not, all are 0."
    )


class Histogram(BaseModel):
    """How values spread. Zeros, and what is not finite, are counted by themselves."""

    edges: list[float] = Field(
        description="Edges of the bins, one more than there are bins: evenly spaced from the "
        "smallest to the largest finite value other than 0. A bin has its lower edge in it; the "
        "last one its upper edge, too. Empty where there is no such value."
    )
    counts: list[int] = Field(description="How many values are in each bin.")
    zeros: int = Field(description="How many values are exactly 0.")
    not_a_number: int = Field(description="How many are NaN.")
    infinite: int = Field(description="How many are infinite.")
    total: int = Field(description="How many values there are in all.")
