"""Messages of a live session, both ways; ``docs/live.md`` tells how they follow each other."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr
from pydantic.types import FailFast

from server.schemas.inspections import Inspection
from server.schemas.predictions import UNKNOWN, Coordinates, DrawingLists, Guess, ModelName, TopK
from server.schemas.problems import ProblemDetails

LARGEST_SEQUENCE = 2**53 - 1
"""The largest whole number that JSON carries exactly everywhere."""

Sequence = Annotated[StrictInt, Field(ge=1, le=LARGEST_SEQUENCE)]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Begin(_Message):
    """A new stroke, with its first points."""

    change: Literal["begin"]
    x: Coordinates = Field(description="Of each point, in any unit, to the right.")
    y: Coordinates = Field(description="Of each point, downwards; as many.")


class Extend(_Message):
    """More points of the last stroke, which has not ended."""

    change: Literal["extend"]
    x: Coordinates = Field(description="Of each new point.")
    y: Coordinates = Field(description="Of each new point; as many.")


class End(_Message):
    """The last stroke is complete."""

    change: Literal["end"]


class Undo(_Message):
    """Take the last stroke away."""

    change: Literal["undo"]


class Clear(_Message):
    """Take all strokes away."""

    change: Literal["clear"]


class Replace(_Message):
    """Another drawing in the place of this one; its last stroke may be extended."""

    change: Literal["replace"]
    drawing: DrawingLists


Change = Annotated[Begin | Extend | End | Undo | Clear | Replace, Field(discriminator="change")]


class Hello(_Message):
    """The first message: who shall answer, and which session goes on."""

    type: Literal["hello"]
    model: ModelName = None
    top_k: TopK = 5
    resume: Annotated[
        StrictStr | None,
        Field(max_length=100, description="The session that a lost connection had, to go on."),
    ] = None


class Strokes(_Message):
    """How the drawing has changed; all changes are made, or none."""

    type: Literal["strokes"]
    sequence: Sequence = Field(
        description="Number of this state of the drawing, greater than all before."
    )
    base: Annotated[
        StrictInt | None,
        Field(
            ge=0,
            description="Number of the state that is changed, 0 for the empty one; not needed "
            "where the first change is `clear` or `replace`.",
        ),
    ] = None
    changes: Annotated[
        list[Change], FailFast(), Field(description="In order; none to ask once more.")
    ]


class Watch(_Message):
    """What answers shall hold from now on."""

    type: Literal["watch"]
    layers: Annotated[
        list[StrictStr],
        FailFast(),
        Field(description="Whose feature maps follow each answer, as atlases; none: no maps."),
    ] = []
    manifest: StrictBool = Field(
        default=False, description="Whether answers hold the manifest of the inspection."
    )


class Ping(_Message):
    """Asks whether the other end is there."""

    type: Literal["ping"]
    id: Annotated[StrictInt, Field(ge=0, le=LARGEST_SEQUENCE)] = Field(
        default=0, description="Comes back with the pong."
    )


Message = Annotated[Strokes | Watch | Ping | Hello, Field(discriminator="type")]
"""What a client sends."""


class LiveLimits(BaseModel):
    """What a client keeps to."""

    message_bytes: int = Field(description="Largest message, in bytes.")
    messages: int = Field(description="Most messages a second, over ten seconds.")
    strokes: int = Field(description="Most strokes in a drawing.")
    stroke_points: int = Field(description="Most points in one stroke.")
    drawing_points: int = Field(description="Most points in a drawing.")
    idle_seconds: int = Field(description="A connection without strokes is closed after these.")
    resume_seconds: int = Field(description="How long a lost session can be resumed.")


class Ready(BaseModel):
    """The answer to `hello`."""

    type: Literal["ready"] = "ready"
    session: str = Field(description="Name this to resume; whoever knows it can.")
    resumed: bool = Field(description="Whether the drawing of the session named is there.")
    sequence: int = Field(description="State that the drawing here has; 0: it is empty.")
    model: str = Field(description="Name of the model that will answer.")
    limits: LiveLimits


class _Answer(BaseModel):
    type: str
    sequence: int = Field(description="The state of the drawing that is answered.")
    model: str = Field(description="Name of the model that answered.")
    version: str = Field(description="Version of its weights.")


class LivePrediction(_Answer):
    """What the newest drawing shows."""

    type: Literal["prediction"] = "prediction"
    predictions: list[Guess] = Field(
        description="The best guesses, the likeliest first; none for an empty drawing."
    )
    unknown: bool | None = Field(default=None, description=UNKNOWN)


class LiveInspection(_Answer):
    """What every layer made of the newest drawing, where layers are watched."""

    type: Literal["inspection"] = "inspection"
    predictions: list[Guess] = Field(
        default=[], description="The best guesses, unless there is a manifest, which has them."
    )
    unknown: bool | None = Field(default=None, description=UNKNOWN)
    inspection: str = Field(description="Id of the inspection that was kept.")
    layers: list[str] = Field(description="Whose feature maps follow.")
    frames: int = Field(description="In so many binary messages.")
    manifest: Inspection | None = Field(default=None, description="Of the inspection, if asked.")


class LiveProblem(BaseModel):
    """Something could not be done."""

    type: Literal["problem"] = "problem"
    sequence: int | None = Field(description="Of the strokes that it is about, if it is.")
    retry_after: int | None = Field(
        description="Ask again after so many seconds, where that may help."
    )
    problem: ProblemDetails


class Pong(BaseModel):
    """The answer to `ping`."""

    type: Literal["pong"] = "pong"
    id: int = Field(description="As in the ping.")
