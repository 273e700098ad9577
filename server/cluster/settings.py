"""Settings of a cluster: DOODLESCOPE_CLUSTER_ and the name of the field in capitals.

Nothing here imports PyTorch: the proxies read these settings too.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class ClusterSettings(BaseSettings):
    """How many replicas there are, what each has, and what a proxy does for a request."""

    model_config = SettingsConfigDict(
        env_prefix="DOODLESCOPE_CLUSTER_", extra="forbid", frozen=True
    )

    min_replicas: Count = Field(default=1, description="Fewest replicas.")
    max_replicas: Count = Field(default=4, description="Most replicas.")
    target_requests: Annotated[float, Field(gt=0)] = Field(
        default=32.0,
        description="Requests at once in a replica that are wanted: with more there will be more "
        "replicas, with fewer there will be fewer.",
    )
    replica_requests: Count = Field(
        default=256, description="Most requests at once in a replica; others wait in the proxies."
    )
    waiting_requests: Count = Field(
        default=1_024,
        description="Most requests that wait in one proxy; beyond it the answer is 503.",
    )
    cpus: Share = Field(default=1.0, description="Processors that Ray sets aside for a replica.")
    gpus: Share = Field(
        default=0.0,
        description="Share of a GPU, or number of them, that Ray sets aside for a replica.",
    )
    repeats: Annotated[int, Field(ge=0, le=10)] = Field(
        default=3, description="How often a request is sent again whose replica has died."
    )
    request_seconds: Count = Field(
        default=300, description="How long one request may take, waiting included."
    )

    @model_validator(mode="after")
    def _bounds_fit(self) -> Self:
        if self.min_replicas > self.max_replicas:
            raise ValueError(
                f"min_replicas ({self.min_replicas}) is larger than max_replicas "
                f"({self.max_replicas})."
            )
        if self.target_requests > self.replica_requests:
            raise ValueError(
                f"target_requests ({self.target_requests:g}) is larger than replica_requests "
                f"({self.replica_requests}): no replica could ever have so many."
            )
        return self


class ProxyLimits(BaseSettings):
    """The one limit of the server that holds in the proxies already."""

    model_config = SettingsConfigDict(env_prefix="DOODLESCOPE_", extra="ignore", frozen=True)

    body_bytes: Count = 12_582_912
