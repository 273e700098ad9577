"""Settings, from the environment: DOODLESCOPE_ and the name of the field in capitals."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from server.engine.devices import Device

Count = Annotated[int, Field(ge=1)]


class Settings(BaseSettings):
    """How the server runs, and the limits on what strangers may send to it."""

    model_config = SettingsConfigDict(env_prefix="DOODLESCOPE_", extra="ignore", frozen=True)

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on.")
    device: Device = Field(default="auto", description="auto, cpu or cuda: where the networks run.")
    threads: Count = Field(default=1, description="Threads of one PyTorch operation on the CPU.")
    default_model: str = Field(
        default="doodle-classifier", description="The model that answers when a request names none."
    )

    body_bytes: Count = Field(
        default=12_582_912, description="Largest body of any request, in bytes."
    )
    json_bytes: Count = Field(default=2_097_152, description="Largest JSON body, in bytes.")
    json_depth: Count = Field(
        default=16, description="Deepest nesting of lists and objects in JSON."
    )
    image_bytes: Count = Field(
        default=10_485_760, description="Largest uploaded image file, in bytes."
    )
    image_pixels: Count = Field(
        default=25_000_000, description="Most pixels of an uploaded image, read from its header."
    )
    strokes: Count = Field(default=2_000, description="Most strokes in a drawing.")
    stroke_points: Count = Field(default=10_000, description="Most points in one stroke.")
    drawing_points: Count = Field(default=50_000, description="Most points in a drawing.")
    coordinate: float = Field(
        default=1e6,
        gt=0,
        allow_inf_nan=False,
        description="Largest absolute value of a coordinate.",
    )
    batch: Count = Field(default=256, description="Most drawings in one request.")
    top_k: Count = Field(default=345, description="Most guesses in one answer.")

    batch_images: Count = Field(default=64, description="Most images in one forward pass.")
    queued_images: Count = Field(
        default=1_024,
        description="Most images waiting for the network; beyond it the answer is 503.",
    )
    inspection_bytes: Count = Field(
        default=268_435_456, description="Memory for kept inspections, in bytes."
    )

    @model_validator(mode="after")
    def _batch_fits_the_queue(self) -> Self:
        if self.batch > self.queued_images:
            raise ValueError(
                f"batch ({self.batch}) is larger than queued_images ({self.queued_images}): "
                "a full batch could never be taken."
            )
        return self
