"""The same application on several machines, by Ray Serve: ``serve run server.cluster:app``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ray.serve import Application

PROXY_CALLBACK = "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH"
"""Where Ray's proxies look for what they are to do besides."""


def app(arguments: Mapping[str, str]) -> Application:
    """The application for Ray Serve, with both kinds of settings from the environment.

    Ray that is started here inherits what its proxies need to know; where it runs already,
    ``DOODLESCOPE_CLUSTER_...`` and the proxies' callback must have been set when it started.

    Args:
        arguments: settings of the cluster, in place of those of the environment.

    Raises:
        ValidationError: a setting is wrong, of the server or of the cluster.
    """
    from server.cluster.deployment import replicas
    from server.cluster.settings import ClusterSettings
    from server.settings import Settings

    os.environ.setdefault(PROXY_CALLBACK, "server.cluster.proxy:middlewares")
    # Nothing is sent to Ray's makers from a server of ours, unless somebody wants it.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    return replicas(ClusterSettings(**arguments), Settings())  # type: ignore[arg-type]
