"""What Ray Serve is told: replicas, their share of a machine, limits, and what proxies do."""

from __future__ import annotations

import os
import pickle

import pytest
from pydantic import SecretStr, ValidationError

from server.cluster import PROXY_CALLBACK, app
from server.settings import Settings

pytest.importorskip("ray.serve", reason="Ray is not there for this machine or Python")


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    # Set first, so that what the application sets is taken back as well.
    for name in (PROXY_CALLBACK, "RAY_USAGE_STATS_ENABLED"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def test_arguments_and_environment_reach_the_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOODLESCOPE_CLUSTER_MAX_REPLICAS", "6")
    monkeypatch.setenv("DOODLESCOPE_DRAIN_SECONDS", "5")
    monkeypatch.setenv("DOODLESCOPE_STOP_SECONDS", "7")
    application = app({"min_replicas": "2", "gpus": "0.5", "cpus": "2", "replica_requests": "99"})
    deployment = application._bound_deployment  # Ray shows it nowhere else
    scaling = deployment._deployment_config.autoscaling_config
    assert scaling is not None
    assert (scaling.min_replicas, scaling.max_replicas) == (2, 6)
    assert scaling.target_ongoing_requests == 32
    assert deployment.ray_actor_options is not None
    assert deployment.ray_actor_options["num_gpus"] == 0.5
    assert deployment.ray_actor_options["num_cpus"] == 2
    assert deployment.max_ongoing_requests == 99
    assert deployment.max_queued_requests == 1_024
    assert deployment._deployment_config.graceful_shutdown_timeout_s == 12
    (settings,) = deployment.init_args
    assert settings == Settings()


def test_keys_go_to_replicas_and_are_shown_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    key = "alice:0123456789abcdef"
    monkeypatch.setenv("DOODLESCOPE_API_KEYS", key)
    application = app({})
    deployment = application._bound_deployment
    (settings,) = deployment.init_args
    again = pickle.loads(pickle.dumps(settings))
    assert again.api_keys == (SecretStr(key),)
    shown = repr(settings) + repr(deployment.ray_actor_options) + str(deployment)
    assert "0123456789abcdef" not in shown


def test_the_proxies_of_a_ray_that_starts_here_know_what_to_do() -> None:
    app({})
    assert os.environ[PROXY_CALLBACK] == "server.cluster.proxy:middlewares"
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"


def test_what_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PROXY_CALLBACK, "mine:middlewares")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "1")
    app({})
    assert os.environ[PROXY_CALLBACK] == "mine:middlewares"
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "1"


@pytest.mark.parametrize("arguments", [{"min_replicas": "two"}, {"replicas": "2"}])
def test_wrong_arguments_are_refused(arguments: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match=next(iter(arguments))):
        app(arguments)
