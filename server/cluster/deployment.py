"""The replicas of the application under Ray Serve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI
from ray import serve
from ray.serve.config import AutoscalingConfig, BackpressureConfig, RequestRouterConfig

from server.app import create_app
from server.cluster.carried import CarriedBody
from server.cluster.router import SessionRouter
from server.cluster.settings import ClusterSettings
from server.logs import configure_logs
from server.settings import Settings

if TYPE_CHECKING:
    from ray.serve import Application

NAME = "doodlescope"


@serve.ingress()
class Replica:
    """The whole application in one process, with the settings of whoever deployed it.

    Ray runs its lifespan: the models are loaded before the replica is healthy, and requests that it
    has taken are finished before the lane closes.
    """

    app: FastAPI

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __serve_build_asgi_app__(self) -> FastAPI:
        """The application; Ray asks for it in the replica."""
        configure_logs(self._settings.log_format, self._settings.log_level)
        app = create_app(self._settings)
        app.add_middleware(CarriedBody)
        return app

    def check_health(self) -> None:
        """Raise NotReady where ``/readyz`` would answer 503; Ray replaces the replica then."""
        self.app.state.readiness.check()


def replicas(cluster: ClusterSettings, settings: Settings) -> Application:
    """The application for Ray Serve: as many replicas as the load asks for."""
    deployment = serve.deployment(
        name=NAME,
        autoscaling_config=AutoscalingConfig(
            min_replicas=cluster.min_replicas,
            max_replicas=cluster.max_replicas,
            target_ongoing_requests=cluster.target_requests,
        ),
        ray_actor_options={"num_cpus": cluster.cpus, "num_gpus": cluster.gpus},
        max_ongoing_requests=cluster.replica_requests,
        max_queued_requests=cluster.waiting_requests,
        backpressure_config=BackpressureConfig(retry_after_s=1),
        request_router_config=RequestRouterConfig(
            request_router_class=SessionRouter,  # type: ignore[arg-type]  # Ray's is mistyped
        ),
        # The log of requests is the application's own.
        logging_config={"enable_access_log": False},
        graceful_shutdown_timeout_s=settings.drain_seconds + settings.stop_seconds,
    )
    return deployment(Replica).bind(settings)
