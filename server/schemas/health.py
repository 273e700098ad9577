"""How the server is."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class Health(BaseModel):
    """The server answers."""

    status: Literal["ok"] = Field(description="The server answers.")
    version: str = Field(description="Version of doodlescope.")
    device: str = Field(description="Where the networks run.")
    models: list[str] = Field(description="Names of the models that can answer.")
    queued_images: int = Field(description="Images waiting for the network.")
    hanging_models: list[str] = Field(
        description="Models of which a run does not end; they are not asked until it does."
    )


class Ready(BaseModel):
    """Requests are welcome."""

    status: Literal["ready"] = Field(description="Requests are welcome.")
