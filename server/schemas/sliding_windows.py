"""A window that slides over a map."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

Values = list[list[float | None]]

Tap = tuple[int, int, int | None]


class SlidingWindow(BaseModel):
    """How one output channel comes about from one input channel, cell by cell.

    The window of the output cell (y, x) has the cells `rows[y]` by `columns[x]`. A convolution
    gives the sum of kernel times values, plus what the other channels add, plus the bias.
    """

    layer: str = Field(description="Name of the layer.")
    kind: Literal["convolution", "transposed_convolution", "max_pooling", "average_pooling"] = (
        Field(description="What is done with the window.")
    )
    channel: int = Field(description="The output channel.")
    source: str | None = Field(description="The layer or input that is read; null: a constant.")
    input_channel: int = Field(description="The input channel.")
    input_channels: tuple[int, int] = Field(
        description="The first channel that the output channel reads, and the one after the last."
    )
    values: Values = Field(
        description="Of the input channel, row by row, exact float32; null where not finite."
    )
    output: Values = Field(description="Of the output channel, as the network gave it.")
    rows: list[list[Tap]] = Field(
        description="For each row of the output the rows of its window: place in the kernel; place "
        "on the input, which may lie in the padding; the row whose values stand there, null for "
        "zeros. Of a transposed convolution, those that reach the row."
    )
    columns: list[list[Tap]] = Field(description="The same for columns.")
    kernel: Values | None = Field(description="The weights between both channels; null: pooling.")
    bias: float | None = Field(description="Of the output channel; null: there is none.")
    others: Values | None = Field(
        description="What the other input channels add to each cell, in float64; null: there are "
        "none."
    )
    count_padding: bool = Field(description="Of average pooling: whether padding is counted.")
    divisor: float | None = Field(
        description="Of average pooling: a divisor that is given, instead of the count."
    )
