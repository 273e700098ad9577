"""The one shape of every error."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ProblemPart(BaseModel):
    """One of several errors in a request."""

    pointer: str = Field(description="JSON pointer into the body, or the name of a parameter.")
    detail: str = Field(description="What is wrong there.")


class ProblemDetails(BaseModel):
    """Problem details (RFC 9457), the body of every error."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "/problems/invalid-input",
                    "title": "Invalid input",
                    "status": 422,
                    "detail": "Input should be a finite number (at /drawing/0/1/3).",
                    "instance": "/api/v1/predictions",
                    "pointer": "/drawing/0/1/3",
                    "value": "NaN",
                }
            ]
        }
    )

    type: str = Field(description="The kind of problem, as a URI reference.")
    title: str = Field(description="The kind of problem in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What is wrong with what, this time.")
    instance: str = Field(description="The path that was asked for.")
    pointer: str | None = Field(
        default=None, description="JSON pointer into the body, or the name of a parameter."
    )
    value: str | None = Field(default=None, description="The offending value, shortened.")
    limit: float | None = Field(default=None, description="The limit that was exceeded.")
    errors: list[ProblemPart] | None = Field(
        default=None, description="Each error, when there are several."
    )
