"""The models that can answer."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from server.schemas.nodes import Node

_INPUT = "What it is asked about: doodles (and pictures of them), images, its own examples only."
_SHAPE = "Shape of one input: channels, height, width of an image."
_EXAMPLES = "How many inputs of its own it has to run on."
_SILENCE = "Why it makes no guesses, in a sentence; empty where it does."


class FormFigures(BaseModel):
    """What was measured of a way to run a model, when the server started."""

    form: str = Field(description="Its name.")
    milliseconds: dict[int, float] = Field(
        description="Of CPU time in the median for a batch, by the number of its images; none "
        "where it was not measured."
    )
    difference: float | None = Field(
        description="Largest difference of a logit from eager PyTorch; null where it gives others."
    )
    refusal: str = Field(description="Why it may not answer; empty where it may.")


class AnsweringForm(BaseModel):
    """What answers predictions: the fastest way to run the model that gives the same."""

    name: str = Field(description="eager (PyTorch itself), onnxruntime or cuda.")
    reason: str = Field(description="Why this one.")
    tried: list[FormFigures] = Field(description="What was compared, eager first.")


class UnknownLimits(BaseModel):
    """When a model says that it does not know, and what that was measured to keep."""

    least_probability: float = Field(
        ge=0, le=1, description="Of the best guess; below it the model does not know."
    )
    weights: list[float] = Field(
        description="One for each category: what its logit counts in the sum that tells drawings "
        "from scribbles."
    )
    least_sum: float = Field(description="Of the logits so weighted; below it, it is a scribble.")
    kept: float = Field(
        ge=0, le=1, description="Share of the right guesses on validation drawings that are kept."
    )
    drawings: int = Field(description="So many right guesses were there.")


class ModelSummary(BaseModel):
    """A model in the list."""

    name: str = Field(description="Name to ask for it by.")
    title: str = Field(description="Name for people.")
    description: str = Field(description="What it is, in a sentence.")
    version: str = Field(description="Version of its weights.")
    parameters: int = Field(description="Number of learnable values.")
    multiply_accumulates: int = Field(description="Multiply-accumulates for one image.")
    input: Literal["doodle", "image", "example"] = Field(description=_INPUT)
    input_shape: list[int] = Field(description=_SHAPE)
    examples: int = Field(description=_EXAMPLES)
    categories: int = Field(description="Number of categories it tells apart; 0: it does not.")
    silence: str = Field(description=_SILENCE)


class ModelList(BaseModel):
    """The models, the default first."""

    models: list[ModelSummary] = Field(description="The models.")


class ModelDetails(BaseModel):
    """A model in full: its card, its categories and its graph."""

    name: str = Field(description="Name to ask for it by.")
    title: str = Field(description="Name for people.")
    description: str = Field(description="What it is, in a sentence.")
    version: str = Field(description="Version of its weights.")
    parameters: int = Field(description="Number of learnable values.")
    multiply_accumulates: int = Field(description="Multiply-accumulates for one image.")
    input: Literal["doodle", "image", "example"] = Field(description=_INPUT)
    input_shape: list[int] = Field(description=_SHAPE)
    examples: int = Field(description=_EXAMPLES)
    silence: str = Field(description=_SILENCE)
    form: AnsweringForm = Field(description="What answers predictions, and why.")
    categories: list[str] = Field(description="The categories; a label is an index into them.")
    unknown: UnknownLimits | None = Field(
        description="When it says that it does not know; null where that was not measured."
    )
    card: dict[str, Any] = Field(description="Data, split, accuracy, limits and licence.")
    nodes: list[Node] = Field(description="The graph, in the order in which it runs.")
