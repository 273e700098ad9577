"""The models that can answer."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from server.schemas.nodes import Node

_INPUT = "What it is asked about: doodles (and pictures of them), images, its own examples only."
_SHAPE = "Shape of one input: channels, height, width of an image."
_EXAMPLES = "How many inputs of its own it has to run on."
_SILENCE = "Why it makes no guesses, in a sentence; empty where it does."


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
    categories: list[str] = Field(description="The categories; a label is an index into them.")
    card: dict[str, Any] = Field(description="Data, split, accuracy, limits and licence.")
    nodes: list[Node] = Field(description="The graph, in the order in which it runs.")
