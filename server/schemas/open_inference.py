"""The Open Inference Protocol: what its requests and answers look like."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Datatype = Literal[
    "BOOL",
    "UINT8",
    "UINT16",
    "UINT32",
    "UINT64",
    "INT8",
    "INT16",
    "INT32",
    "INT64",
    "FP16",
    "FP32",
    "FP64",
    "BF16",
    "BYTES",
]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Size = Annotated[int, Field(ge=0, le=2**31)]

_STRICT = ConfigDict(extra="forbid", strict=True)


class InferenceError(BaseModel):
    """The body of every error under /v2."""

    error: str = Field(description="What is wrong with what.")


class ServerMetadata(BaseModel):
    """Who answers, and what it knows beyond the protocol."""

    name: str = Field(description="Name of the server.")
    version: str = Field(description="Its version.")
    extensions: list[str] = Field(description="Extensions of the protocol that it knows.")


class ServerLive(BaseModel):
    """The server answers."""

    live: bool = Field(description="Whether it answers.")


class ServerReady(BaseModel):
    """Whether the server can serve."""

    ready: bool = Field(description="Whether requests are welcome.")


class ModelReady(BaseModel):
    """Whether a model can serve."""

    name: str = Field(description="Name of the model.")
    ready: bool = Field(description="Whether requests are welcome.")


class TensorMetadata(BaseModel):
    """One input or output of a model."""

    name: str = Field(description="Its name.")
    datatype: Datatype = Field(description="Type of its values.")
    shape: list[int] = Field(description="Its shape; -1 stands for any size.")


class ModelMetadata(BaseModel):
    """What a model takes and gives."""

    name: str = Field(description="Name of the model.")
    versions: list[str] = Field(description="The one version that is there.")
    platform: str = Field(description="What it runs with.")
    inputs: list[TensorMetadata] = Field(description="What it takes.")
    outputs: list[TensorMetadata] = Field(description="What it gives; none: it makes no guesses.")
    parameters: dict[str, str] = Field(description="What else it takes, in words.")


class InputParameters(BaseModel):
    """Parameters of an input."""

    model_config = _STRICT

    binary_data_size: Size | None = Field(
        default=None, description="Its bytes behind the JSON; with them there is no `data`."
    )


class InputTensor(BaseModel):
    """One input."""

    model_config = _STRICT

    name: Name = Field(description="Its name.")
    shape: list[Size] = Field(max_length=8, description="Its shape.")
    datatype: Datatype = Field(description="Type of its values.")
    parameters: InputParameters = Field(
        default_factory=InputParameters, description="Where its values are."
    )
    data: Any = Field(default=None, description="Its values, nested or in one list, row by row.")


class OutputParameters(BaseModel):
    """Parameters of an output."""

    model_config = _STRICT

    binary_data: bool | None = Field(
        default=None, description="Whether its values come as bytes behind the JSON."
    )
    classification: int = Field(
        default=0,
        ge=0,
        description="So many of the greatest values, as texts `value:index:label`; 0: all values.",
    )


class RequestedOutput(BaseModel):
    """One output that is asked for."""

    model_config = _STRICT

    name: Name = Field(description="Its name.")
    parameters: OutputParameters = Field(
        default_factory=OutputParameters, description="How it is given."
    )


class RequestParameters(BaseModel):
    """Parameters of a request."""

    model_config = _STRICT

    binary_data_output: bool = Field(
        default=False, description="Whether outputs that do not say come as bytes."
    )


class InferenceRequest(BaseModel):
    """Inputs of a model, and which outputs are wanted."""

    model_config = _STRICT

    id: str | None = Field(default=None, max_length=200, description="Returned with the answer.")
    parameters: RequestParameters = Field(
        default_factory=RequestParameters, description="How outputs are given."
    )
    inputs: list[InputTensor] = Field(min_length=1, max_length=16, description="The inputs.")
    outputs: list[RequestedOutput] = Field(
        default=[], max_length=16, description="The outputs; all of them if left out."
    )


class OutputTensor(BaseModel):
    """One output."""

    name: str = Field(description="Its name.")
    shape: list[int] = Field(description="Its shape.")
    datatype: Datatype = Field(description="Type of its values.")
    parameters: dict[str, int] | None = Field(
        default=None, description="`binary_data_size`: its bytes behind the JSON."
    )
    data: list[float] | list[str] | None = Field(
        default=None, description="Its values, row by row, unless they are bytes."
    )


class InferenceAnswer(BaseModel):
    """The outputs of a model."""

    model_name: str = Field(description="Name of the model.")
    model_version: str = Field(description="Its version.")
    id: str | None = Field(default=None, description="As it was sent.")
    outputs: list[OutputTensor] = Field(description="The outputs.")
