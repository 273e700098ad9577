"""Shapes of layers that are described, not run: of stacks, and of settings between sizes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr
from pydantic.types import FailFast

from server.schemas.nodes import LayerField

LARGEST_SIZE = 2**63 - 1
"""PyTorch's integers have 64 bits."""

STEM: Any = {
    "input_shape": [1, 3, 224, 224],
    "layers": [
        {
            "type": "Conv2d",
            "in_channels": 3,
            "out_channels": 64,
            "kernel_size": 7,
            "stride": 2,
            "padding": 3,
        },
        {"type": "BatchNorm2d", "num_features": 64},
        {"type": "ReLU"},
        {"type": "MaxPool2d", "kernel_size": 3, "stride": 2, "padding": 1},
    ],
}
"""The beginning of a ResNet, for examples."""

BROKEN: Any = {
    "input_shape": [1, 1, 28, 28],
    "layers": [
        {"type": "Conv2d", "in_channels": 1, "out_channels": 6, "kernel_size": 5},
        {"type": "MaxPool2d", "kernel_size": 2},
        {"type": "Linear", "in_features": 864, "out_features": 10},
    ],
}
"""A stack whose last layer needs another before it, for examples."""

Size = Annotated[int, Field(strict=True, ge=0, le=LARGEST_SIZE)]


class LayerSpec(BaseModel):
    """A layer by its class in `torch.nn`, with the parameters of that class beside `type`."""

    model_config = ConfigDict(extra="allow")

    type: StrictStr = Field(description="Class of torch.nn, such as Conv2d.")


class ShapesRequest(BaseModel):
    """Layers in a row, and the shape of what the first one is given."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [STEM]})

    input_shape: Annotated[
        list[Size],
        FailFast(),
        Field(
            description="Shape of the input tensor, with or without a batch as its first layer "
            "takes it."
        ),
    ]
    layers: Annotated[
        list[LayerSpec],
        FailFast(),
        Field(
            description="The layers, in order: `type` is a class of `torch.nn`, the other keys "
            "are parameters of its constructor, lists standing for tuples."
        ),
    ]
    training: StrictBool = Field(
        default=False,
        description="Whether the layers are in training mode, where normalisation needs two "
        "values.",
    )


class StepSymbol(BaseModel):
    """A letter of a formula, and where its number comes from."""

    name: str = Field(description="The letter.")
    meaning: str = Field(description="What it stands for.")
    value: float | int = Field(description="Its number.")
    parameter: str | None = Field(
        description="The parameter that it is, or input_shape; null: an earlier step computed it."
    )


class StepRounding(BaseModel):
    """A quotient that was not whole, or an end that is not read, and what follows."""

    kind: Literal["floor", "ceil"] = Field(description="Which way it was rounded.")
    numerator: int = Field(description="What was divided.")
    denominator: int = Field(description="By what.")
    unread: int = Field(
        description="Positions at the end of the padded input that no window reaches."
    )
    unread_input: int = Field(
        description="Positions at the end of the input itself that no window reads."
    )
    beyond: int = Field(description="Positions that the last window reaches over the end.")
    removed: int = Field(description="Windows removed since they would start beyond the input.")


class ShapeStep(BaseModel):
    """One line of the arithmetic: `name = formula = filled = value`."""

    name: str = Field(description="The letter that this line computes.")
    meaning: str = Field(description="What it stands for.")
    axis: int | None = Field(description="Index into the output's shape; null: of no single axis.")
    formula: str = Field(description="The formula with letters.")
    filled: str = Field(description="The formula with numbers.")
    value: int = Field(description="What comes out.")
    symbols: list[StepSymbol] = Field(description="The letters of the formula.")
    note: str = Field(description="What rounding drops, in words; empty if nothing.")
    rounding: StepRounding | None = Field(description="What rounding drops, in numbers.")


class AxisReading(BaseModel):
    """What a position of the output reads along one axis of the input.

    Of windows, position i reads `i * stride - before + dilation * t` for t below `kernel`; a
    spread is that of a transposed convolution: position i reads each j that has
    `i = j * stride - before + dilation * t`.
    """

    axis: int = Field(description="Index into the input's shape.")
    kind: str = Field(
        description="windows, spread, adaptive, interpolated, block, whole or unknown."
    )
    kernel: int | None = Field(default=None, description="Taps; null: not of this kind.")
    stride: int | None = Field(default=None, description="Step; null: not of this kind.")
    dilation: int | None = Field(default=None, description="Between taps; null: not of this kind.")
    before: int | None = Field(
        default=None, description="Padding before the first position; null: not of this kind."
    )
    after: int | None = Field(
        default=None, description="Padding after the last position; null: not of this kind."
    )


class ShapeLayer(BaseModel):
    """What one layer of the stack makes of its input; nulls where it is refused."""

    type: str = Field(description="Class of torch.nn.")
    input_shape: list[int] | None = Field(description="What it is given.")
    output_shape: list[int] | None = Field(
        description="What it gives; null: PyTorch refuses it, or one before it."
    )
    steps: list[ShapeStep] = Field(description="The arithmetic of each axis, line by line.")
    reads: list[AxisReading] = Field(
        description="What the output reads along axes; others read their own position."
    )
    receptive_field: LayerField | None = Field(
        description="How the fields of its units lie in the stack's input; a stride of 0: all read "
        "the same; null: not known, or not the same for all units."
    )
    parameters: int | None = Field(description="Number of learnable values.")
    multiply_accumulates: int | None = Field(
        description="Multiplications, each with its addition, of convolutions and linear layers."
    )
    activation_bytes: int | None = Field(description="Memory of its output in float32, in bytes.")
    saved_for_backward_bytes: int | None = Field(
        description="Memory that it adds to what autograd keeps for backward, without parameters; "
        "null: not known."
    )


class ShapeRepair(BaseModel):
    """A change after which PyTorch takes the layer; it was tried."""

    layer: int = Field(description="Index of the layer to change.")
    changes: dict[str, Any] = Field(
        description="New values of its parameters; null: leave it out; type: another class."
    )
    insert: dict[str, Any] | None = Field(
        description="A layer to put before it; null: none is needed."
    )
    detail: str = Field(description="The change in words.")
    output_shape: list[int] = Field(description="What the refused layer then gives.")


class ShapeProblem(BaseModel):
    """Why a layer has no shape, and what would repair it."""

    layer: int = Field(description="Index of the layer.")
    parameter: str = Field(description="The parameter at fault; input_shape: what it is given.")
    detail: str = Field(description="What is wrong, and the limit, in one sentence.")
    repairs: list[ShapeRepair] = Field(description="The smallest changes first.")


class ShapesAnswer(BaseModel):
    """What a stack of layers makes of its input."""

    output_shape: list[int] | None = Field(
        description="What the last layer gives; null: a layer is refused."
    )
    layers: list[ShapeLayer] = Field(description="Each layer, in order.")
    problems: list[ShapeProblem] = Field(description="Why layers have no shape; empty: all have.")
    parameters: int = Field(description="Of all layers that have a shape, as the sums below.")
    multiply_accumulates: int = Field(description="Sum over the layers.")
    activation_bytes: int = Field(description="Sum over the layers, in bytes.")
    saved_for_backward_bytes: int | None = Field(
        description="Sum over the layers, in bytes; null: not known of one."
    )


class SettingsRequest(BaseModel):
    """Two sizes of an axis; which layers make one of the other?"""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"type": "Conv2d", "input_size": 32, "output_size": 16}]},
    )

    type: StrictStr = Field(description="Class of torch.nn: a convolution or pooling layer.")
    input_size: Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)] = Field(
        description="Size of the axis before the layer."
    )
    output_size: Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)] = Field(
        description="Size of the axis after the layer."
    )
    kernel_size: Annotated[int, Field(strict=True, ge=1, le=64)] | None = Field(
        default=None, description="Only this kernel; up to 11 if left out."
    )
    stride: Annotated[int, Field(strict=True, ge=1, le=64)] | None = Field(
        default=None, description="Only this stride; up to 8 if left out."
    )
    padding: Annotated[int, Field(strict=True, ge=0, le=64)] | None = Field(
        default=None, description="Only this padding; up to 5 if left out."
    )
    dilation: Annotated[int, Field(strict=True, ge=1, le=64)] | None = Field(
        default=None, description="Only this dilation; up to 3 if left out."
    )


class SettingsAnswer(BaseModel):
    """All small settings that make one size of another, the usual ones first."""

    settings: list[dict[str, int | bool]] = Field(
        description="Parameters of the layer for this axis, each under its name in torch.nn."
    )


class LayerParameter(BaseModel):
    """One parameter of a kind of layer."""

    name: str = Field(description="As torch.nn has it.")
    kind: str = Field(description="What values it takes, in words.")
    required: bool = Field(description="Whether it has no default.")
    default: Any = Field(description="Its value when it is left out; null also where required.")
    choices: list[str] = Field(description="Of a text, all that are taken; else empty.")


class LayerKind(BaseModel):
    """A kind of layer whose shapes can be computed."""

    type: str = Field(description="Class of torch.nn.")
    axes: int = Field(description="How many axes of space it works on; 0: any.")
    parameters: list[LayerParameter] = Field(description="In the constructor's order.")


class LayerKinds(BaseModel):
    """Every kind of layer whose shapes can be computed."""

    layers: list[LayerKind] = Field(description="By family.")


class SourceRequest(BaseModel):
    """Python that makes layers; it is parsed, never executed."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"source": "nn.Conv2d(3, 64, 7, stride=2, padding=3)"}]},
    )

    source: Annotated[StrictStr, Field(max_length=200_000)] = Field(
        description="Lines of PyTorch, a class with them in `__init__`, or what `print(model)` "
        "writes."
    )


class SourceAnswer(BaseModel):
    """The layers that were read, as `POST /api/v1/shapes` takes them."""

    layers: list[LayerSpec] = Field(description="In the order of the text; at least one.")
    left_out: list[str] = Field(
        description="What could not be read, each in a sentence with its line."
    )


class ModelStack(BaseModel):
    """The layers of a network's longest path, as far as they are one behind another."""

    input_shape: list[int] = Field(description="Of the network's input, batch first.")
    layers: list[LayerSpec] = Field(
        description="As `POST /api/v1/shapes` takes them; each gives the shape that it has in the "
        "network. Empty if the first operation is no layer."
    )
    nodes: list[str] = Field(description="For each layer, the name of its node in the graph.")
    left_out: list[str] = Field(
        description="What a stack cannot hold, in sentences; empty: the network is this stack."
    )
