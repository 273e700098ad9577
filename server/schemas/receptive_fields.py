"""Which pixels of the image can change a unit."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

Range = tuple[int, int]


class ReceptiveField(BaseModel):
    """The receptive field of a unit: which pixels can change it, over all weights.

    Axes are those of the image: rows, then columns. Ranges are half-open, `[start, stop]`.
    """

    model: str = Field(description="Name of the model.")
    version: str = Field(description="Version of its weights.")
    layer: str = Field(description="Name of the layer, as asked.")
    call: int = Field(description="Which call of the layer, counted from 0.")
    channel: int | None = Field(description="The unit's channel; null: all of them together.")
    y: int | None = Field(description="The unit's row; null: the layer has none.")
    x: int | None = Field(description="The unit's column; null: the layer has none.")
    pointwise_normalisation: bool = Field(
        description="Whether the statistics of normalisation counted as constants."
    )
    input_shape: list[int] = Field(description="Shape of the image: its rows and columns.")
    status: Literal["exact", "bound", "unsupported"] = Field(
        description="exact; bound: perhaps too large; unsupported: an operation is not known, and "
        "counts as reading everything. Never too small."
    )
    causes: list[str] = Field(description="The operators because of which it is not exact.")
    box: list[Range] | None = Field(
        description="The smallest box around the pixels, a range for each axis; null: none reach "
        "the unit."
    )
    mask: list[list[Range]] = Field(
        description="The pixels themselves: for each row of the box, from its first, the ranges of "
        "columns. Empty without a box."
    )
    unclipped: list[Range] | None = Field(
        description="The box without the image's border: what hangs over is padding. Null where "
        "there is no closed form for it."
    )
    size: list[int] | None = Field(
        description="Length of every unclipped box of the layer along each axis; null if they "
        "differ."
    )
    stride: list[int] | None = Field(
        description="How far it moves from one unit to the next; null as for size."
    )
    start: list[int] | None = Field(
        description="Where that of the unit at 0 begins; null as for size."
    )
