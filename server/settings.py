"""Settings, from the environment: DOODLESCOPE_ and the name of the field in capitals."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from server.engine.devices import Device

Count = Annotated[int, Field(ge=1)]


def _split(value: Any) -> Any:
    """A list as the environment has it: with commas."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _check_key(key: SecretStr) -> SecretStr:
    """An API key: what fits a header, long enough not to be guessed; the message hides it."""
    if not re.fullmatch(API_KEY, key.get_secret_value()):
        raise ValueError(
            "an API key has 16 to 200 letters, digits or any of . _ ~ + / = -, and may have a name "
            "and a colon in front"
        )
    return key


API_KEY = r"(?:(?P<name>[A-Za-z0-9._-]{1,40}):)?(?P<secret>[A-Za-z0-9._~+/=-]{16,200})"
"""An API key as it is configured: the secret, with the name of its owner in front as needed."""

Listed = (NoDecode, BeforeValidator(_split))
Origin = Annotated[str, StringConstraints(pattern=r"^(\*|https?://[A-Za-z0-9.\[\]:-]+)$")]


class ServedModel(BaseModel):
    """A model of the user's, and what the user says of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(
        description="package.module:factory, timm:NAME, torchvision:NAME or a network of ours."
    )
    name: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$",
        description="Its name in addresses; made of the model if left out.",
    )
    weights: Path | None = Field(default=None, description="Its weights, a safetensors file.")
    input: tuple[str, ...] = Field(
        default=(), description="Its inputs, each as [NAME=]SIZES[:DTYPE]."
    )
    labels: Path | None = Field(
        default=None, description="A text file with the label of each logit in a line of its own."
    )
    normalise: str | None = Field(
        default=None, description="mean,std of pixels in 0..1; or those of each channel."
    )


class Settings(BaseSettings):
    """How the server runs, and the limits on what strangers may send to it."""

    model_config = SettingsConfigDict(
        env_prefix="DOODLESCOPE_", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on.")
    device: Device = Field(default="auto", description="auto, cpu or cuda: where the networks run.")
    threads: Count = Field(default=1, description="Threads of one PyTorch operation on the CPU.")
    default_model: str = Field(
        default="doodle-classifier", description="The model that answers when a request names none."
    )

    models: tuple[ServedModel, ...] = Field(
        default=(),
        description="Models of your own beside the shipped ones, a JSON list of objects with "
        "`model` and, as needed, `name`, `weights`, `input` (a list), `labels`, `normalise`; see "
        "`doodlescope serve --help`.",
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
    image_seconds: float = Field(
        default=5.0,
        gt=0,
        description="Most processor time for decoding an uploaded image, in seconds.",
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
    top_k: Count = Field(default=1_000, description="Most guesses in one answer.")

    form: Literal["auto", "eager", "onnxruntime"] = Field(
        default="auto",
        description="What answers predictions: auto measures beside the work, and takes the "
        "fastest form of each network that is exact; eager takes PyTorch alone; onnxruntime takes "
        "ONNX Runtime wherever it is exact, before the server is ready.",
    )
    cache: str = Field(
        default="auto",
        description="Folder for what is made of networks once, for the next start; auto: the "
        "user's own for such things; off: none.",
    )
    batch_images: Count = Field(
        default=24,
        description="Most images in one forward pass; without it, on a GPU as many as pay.",
    )
    queued_images: Count = Field(
        default=1_024,
        description="Most images waiting for the network; beyond it the answer is 503.",
    )
    live_connections: Count = Field(
        default=1_000, description="Most live sessions at once; one more is told to try later."
    )
    live_messages: Count = Field(
        default=120,
        description="Most messages a second in one live session, on average over ten seconds.",
    )
    live_idle_seconds: Count = Field(
        default=600, description="A live session is closed after so many seconds without strokes."
    )
    queue_seconds: float = Field(
        default=10.0,
        gt=0,
        description="Longest that a request is let wait for the network, judging by how long "
        "others took; beyond it the answer is 503.",
    )
    inspection_bytes: Count = Field(
        default=536_870_912, description="Memory for kept inspections, in bytes."
    )

    api_keys: Annotated[tuple[Annotated[SecretStr, AfterValidator(_check_key)], ...], *Listed] = (
        Field(
            default=(),
            description="Keys that requests must come with, with commas between them, each with a "
            "name and a colon in front as needed; none: anybody may ask.",
        )
    )
    key_requests: Count = Field(default=6_000, description="Most requests a minute with one key.")
    cors_origins: Annotated[tuple[Origin, ...], *Listed] = Field(
        default=(),
        description="Origins of other sites whose pages may ask, with commas between them, such as "
        "`https://lab.example`; `*` for all.",
    )
    compression: Literal["auto", "always", "never"] = Field(
        default="auto", description="Whether answers are compressed; auto: for other machines."
    )

    log_format: Literal["text", "json"] = Field(
        default="text", description="text or json: how the log is written, to standard error."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="warning",
        description="What is logged: info has a line for each request, debug also one for each "
        "static file and probe.",
    )
    connections: Count = Field(
        default=1_000,
        description="Most connections at once; one more takes the place of one that asks nothing, "
        "or is answered 503.",
    )
    client_seconds: float = Field(
        default=15.0,
        gt=0,
        le=3_600,
        description="How long a client may take to send the head of a request, in seconds; for its "
        "body, and to take an answer, it has one more for each `client_rate` bytes.",
    )
    client_rate: Count = Field(
        default=4_096, description="Bytes a second, on average, that a slow client is waited for."
    )
    unsent_bytes: Count = Field(
        default=268_435_456,
        description="Most memory for answers that clients have not taken yet, in bytes; beyond it "
        "the slowest are cut off.",
    )
    frozen_seconds: float = Field(
        default=0.0,
        ge=0,
        le=86_400,
        description="When nothing at all moves in the process for so many seconds, it writes where "
        "it stands and ends, to be started again; 0: never.",
    )
    stuck_seconds: float = Field(
        default=60.0,
        gt=0,
        le=86_400,
        description="A run of a network that takes more seconds is given up: its requests are "
        "answered 504, and its model 503 until it ends; others go on.",
    )
    drain_seconds: float = Field(
        default=0.0,
        ge=0,
        le=3_600,
        description="How long the server still answers after SIGTERM, not ready any more, before "
        "it stops.",
    )
    stop_seconds: Count = Field(
        default=30,
        description="How long a server that stops waits for clients to send and to take what is "
        "left, and for what runs, in seconds.",
    )

    @model_validator(mode="after")
    def _batch_fits_the_queue(self) -> Self:
        if self.batch > self.queued_images:
            raise ValueError(
                f"batch ({self.batch}) is larger than queued_images ({self.queued_images}): "
                "a full batch could never be taken."
            )
        return self
