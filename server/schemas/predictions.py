"""Guesses for drawings and images."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, WithJsonSchema
from pydantic.types import FailFast

from server.schemas.preprocessing import Preprocessing

# The first wrong value of a list ends its validation: a body of nothing but wrong values would
# otherwise become as many errors.
Coordinate = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Coordinates = Annotated[list[Coordinate], FailFast()]
StrokeLists = Annotated[list[Coordinates], FailFast()]
DrawingLists = Annotated[
    list[StrokeLists],
    FailFast(),
    Field(
        description="Strokes in Quick, Draw!'s form: each is a list of x and a list of y, in any "
        "unit, y downwards; a third list, of times, is accepted and not used."
    ),
]

HOUSE: Any = [
    [[40, 40, 215, 215, 40], [110, 235, 235, 110, 110]],
    [[20, 128, 235], [118, 15, 118]],
    [[105, 105, 150, 150], [235, 165, 165, 235]],
]
"""A house in three strokes, for examples."""

SUN: Any = [
    [
        [170, 158, 128, 98, 86, 98, 128, 158, 170],
        [128, 158, 170, 158, 128, 98, 86, 98, 128],
    ],
    [[128, 128], [60, 10]],
    [[128, 128], [196, 246]],
    [[60, 10], [128, 128]],
    [[196, 246], [128, 128]],
    [[80, 45], [80, 45]],
    [[176, 211], [176, 211]],
    [[80, 45], [176, 211]],
    [[176, 211], [80, 45]],
]
"""A sun with eight rays, for examples."""

ModelName = Annotated[
    StrictStr | None, Field(description="Which model answers; the default if left out.")
]
TopK = Annotated[StrictInt, Field(ge=1, description="How many guesses to give, the best first.")]


class PredictionRequest(BaseModel):
    """One drawing, and how to answer."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"drawing": HOUSE, "model": "doodle-classifier", "top_k": 3}]
        },
    )

    drawing: DrawingLists
    model: ModelName = None
    top_k: TopK = 5


def _levels(count: int, items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": count, "maxItems": count}


_LEVEL: dict[str, Any] = {"type": "integer", "minimum": 0, "maximum": 255}

# Read by hand: a union of two forms would be validated twice, and its errors have no plain place.
Bitmap = Annotated[
    Any,
    WithJsonSchema({"anyOf": [_levels(28 * 28, _LEVEL), _levels(28, _levels(28, _LEVEL))]}),
    Field(
        description="The image that the network sees, row by row from the top: 784 levels from 0 "
        "(paper) to 255 (ink), or 28 rows of 28. For models of doodles."
    ),
]

CROSS: Any = [[255 if x in (y, y + 1, 27 - y) else 0 for x in range(28)] for y in range(28)]
"""A bitmap of two crossing lines, for examples."""


class BitmapRequest(BaseModel):
    """One ready bitmap, and how to answer."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"bitmap": CROSS, "top_k": 3}]}
    )

    bitmap: Bitmap
    model: ModelName = None
    top_k: TopK = 5


class ExampleRequest(BaseModel):
    """An input of the model's own, and how to answer."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"example": 0, "model": "tiny"}]}
    )

    example: Annotated[
        StrictInt, Field(ge=0, description="Which of the model's examples, counted from 0.")
    ]
    model: ModelName = None
    top_k: TopK = 5


class BatchRequest(BaseModel):
    """Several drawings, and how to answer all of them."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"drawings": [HOUSE, SUN], "top_k": 1}]},
    )

    drawings: Annotated[
        list[DrawingLists], FailFast(), Field(description="The drawings, each a list of strokes.")
    ]
    model: ModelName = None
    top_k: TopK = 5


class ImageForm(BaseModel):
    """The fields of a multipart form, as they are documented."""

    model_config = ConfigDict(extra="forbid")

    image: bytes = Field(
        description="A PNG, JPEG, WebP or GIF file; for models of doodles, of a drawing.",
        json_schema_extra={"format": "binary"},
    )
    model: str | None = Field(
        default=None, description="Which model answers; the default if left out."
    )
    top_k: int = Field(default=5, ge=1, description="How many guesses to give, the best first.")


class Guess(BaseModel):
    """One category, and how likely the model finds it."""

    label: str = Field(description="The category: of the models of doodles one of Quick, Draw!'s.")
    probability: float = Field(ge=0, le=1, description="Softmax over the logits.")
    logit: float = Field(description="What the network's last layer gave, float32.")


UNKNOWN = (
    "True: the model does not know this, and the guesses are only what is nearest. The best one "
    "is not likely enough, or the input is a scribble by its logits; `GET /models/{name}` has the "
    "limits, and the model's card how they were measured. Absent where that was not measured, as "
    "for models of one's own, which claim nothing."
)


class Prediction(BaseModel):
    """A model's guesses for one drawing or image."""

    model: str = Field(description="Name of the model that answered.")
    version: str = Field(description="Version of its weights.")
    predictions: list[Guess] = Field(description="The best guesses, the likeliest first.")
    unknown: bool | None = Field(default=None, description=UNKNOWN)
    preprocessing: Preprocessing | None = Field(
        default=None, description="How an image was brought to the network's form."
    )
