"""The parameters of a layer."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class ParameterPicture(BaseModel):
    """How a parameter is laid out as pictures: for each output, one for each input it reads."""

    form: Literal["kernels", "templates", "matrix"] = Field(
        description="kernels: of a convolution. templates: rows of a linear layer, laid out as the "
        "map that it reads flattened. matrix: one row of numbers for each output."
    )
    outputs: int = Field(description="How many outputs, as a rule the channels of the layer.")
    inputs: int = Field(description="How many pictures each output has: one an input channel.")
    height: int = Field(description="Rows of a picture.")
    width: int = Field(description="Columns of a picture.")
    by_channel: bool = Field(description="Whether the outputs are the channels of the layer.")
    groups: int = Field(description="Groups of a convolution; inputs are those of one group.")


class LayerParameter(BaseModel):
    """A parameter or a buffer that a layer reads."""

    name: str = Field(description="Its name in the model, such as stem_convolution.weight.")
    shape: list[int] = Field(description="Its shape.")
    dtype: str = Field(description="Type of its values, such as float32.")
    learnable: bool = Field(description="Whether training changes it; false for buffers.")
    values: int = Field(description="How many values it has.")
    minimum: float = Field(description="Smallest finite value; 0 where there is none.")
    maximum: float = Field(description="Largest finite value; 0 where there is none.")
    bound: float = Field(
        description="98 % of the finite values are no further from 0 than this: where a few are "
        "far larger, colours that span them all show nothing of the others."
    )
    beyond: int = Field(description="How many finite values are further from 0 than `bound`.")
    zeros: int = Field(description="How many values are exactly 0.")
    non_finite: int = Field(description="How many values are NaN or infinite.")
    names: list[str] = Field(
        description="Every name that the model has for it: several where modules share it."
    )
    layers: list[str] = Field(
        description="Every layer that reads it, in order: several where it is shared, or where its "
        "module runs more than once."
    )
    picture: ParameterPicture | None = Field(
        description="How it is laid out as pictures; null for a single row of values."
    )
    vector: list[float | None] | None = Field(
        description="The values themselves, where there is a single row of at most 4096; null for "
        "others, and in it for a value that is not finite."
    )


class LayerParameters(BaseModel):
    """Everything learned that a layer reads."""

    model: str = Field(description="Name of the model.")
    version: str = Field(description="Version of its weights.")
    layer: str = Field(description="Name of the layer.")
    parameters: list[LayerParameter] = Field(
        description="In the order of the module; empty where the layer has none."
    )
