"""Where a value comes from, layer by layer; how much each pixel counts; and where it goes."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from server.schemas.receptive_fields import Range

Status = Literal["exact", "bound", "unsupported"]
STATUS = (
    "exact; bound: perhaps too large; unsupported: an operation is not known, and counts as "
    "reading everything. Never too small."
)
MASK = (
    "The cells themselves: for each row of the box, from its first, the ranges of columns; null: "
    "every cell of the box."
)


class ColumnPart(BaseModel):
    """The cells of one layer, or of the input, that can change a value."""

    layer: str = Field(description="Name of the layer, or of the input.")
    kind: str = Field(description="Its kind; Input for the input.")
    depth: int = Field(description="Steps from the input, by the longest way; the input has 0.")
    inputs: list[str] = Field(description="What the layer reads.")
    shape: list[int] = Field(description="Channels, height and width of its maps.")
    box: list[Range] | None = Field(
        description="The smallest box around the cells, rows and columns; null where the layer has "
        "more axes than these."
    )
    mask: list[list[Range]] | None = Field(description=MASK)
    cells: int = Field(description="How many cells of a map are read, of all channels together.")
    channels: list[Range] = Field(description="The channels that are read.")
    channel: int = Field(
        description="Of these the one with the largest absolute value within the box."
    )


class FieldColumn(BaseModel):
    """What one value reads of every layer on the way to it, from itself down to the input."""

    layer: str = Field(description="Name of the value's layer.")
    channel: int = Field(description="Its channel.")
    y: int = Field(description="Its row.")
    x: int = Field(description="Its column.")
    status: Status = Field(description=STATUS)
    causes: list[str] = Field(description="The operators because of which it is not exact.")
    parts: list[ColumnPart] = Field(
        description="The deepest first; where ways divide, those of equal depth stand together."
    )


class ProjectedLayer(BaseModel):
    """The cells of a later layer that a place can change."""

    layer: str = Field(description="Name of the layer.")
    kind: str = Field(description="Its kind.")
    shape: list[int] = Field(description="Shape of its output for one image, batch first.")
    cells: int = Field(
        description="How many places of its maps it can change; of a layer without rows and "
        "columns, how many of its values."
    )
    of: int = Field(description="How many there are.")
    channels: int = Field(description="How many channels have such a place.")
    box: list[Range] | None = Field(
        description="The smallest box around the places, rows and columns; null where the layer "
        "has not just these axes."
    )
    mask: list[list[Range]] | None = Field(description=MASK)
    status: Status = Field(description=STATUS)
    causes: list[str] = Field(description="The operators because of which it is not exact.")


class ProjectiveField(BaseModel):
    """What a pixel of the image, or a cell of a layer, can change in all layers after it."""

    model: str = Field(description="Name of the model.")
    version: str = Field(description="Version of its weights.")
    source: str = Field(description="The layer, or the input, that the place is in.")
    channel: int | None = Field(description="Its channel; null: all channels at that place.")
    y: int | None = Field(description="Its row; null: there are none.")
    x: int | None = Field(description="Its column; null: there are none.")
    source_shape: list[int] = Field(description="Shape of the layer or the input, batch first.")
    layers: list[ProjectedLayer] = Field(
        description="Those alone that it reaches, in the order in which they run."
    )


class EffectiveField(BaseModel):
    """One line of the answer: the mean of the absolute gradients until now."""

    inputs: int = Field(description="Of how many inputs it is the mean.")
    of: int = Field(description="How many there will be.")
    shape: list[int] = Field(description="Height and width of the picture.")
    values: str | None = Field(
        description="The mean for each pixel, summed over the input's channels: little-endian "
        "float32, row by row, in Base64. Null where only the count has changed; the last line has "
        "them."
    )
    ended: Literal["all", "time"] | None = Field(
        description="Of the last line why there are no more: all inputs have been run, or the time "
        "is up; else null."
    )
