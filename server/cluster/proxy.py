"""What each proxy of Ray Serve does around its own work; Ray imports ``middlewares`` by name."""

from __future__ import annotations

from starlette.middleware import Middleware

from server.cluster.affinity import Affinity
from server.cluster.repetition import Repetition
from server.cluster.settings import ClusterSettings, ProxyLimits
from server.middleware import SecurityHeaders


def middlewares() -> list[Middleware]:
    """What wraps the proxy's application; the last one is the outermost."""
    settings = ClusterSettings()
    return [
        Middleware(Affinity),
        Middleware(
            Repetition,
            repeats=settings.repeats,
            body_bytes=ProxyLimits().body_bytes,
            request_seconds=settings.request_seconds,
        ),
        Middleware(SecurityHeaders),
    ]
