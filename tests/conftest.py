"""What tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from server.app import create_app
from server.settings import Settings
from tests.support.asgi import Client, running

# A busy machine is no failure: no test is timed. What is generated is the same each time, so that
# a change is judged by what it changes; DOODLESCOPE_RANDOM=1 looks for what nobody has seen yet.
settings.register_profile(
    "untimed",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="DOODLESCOPE_RANDOM" not in os.environ,
)
settings.load_profile("untimed")

# Nothing is exported beside a test, nor kept in the user's folder, but where a test says so; the
# servers that tests start have it from here.
os.environ.setdefault("DOODLESCOPE_FORM", "eager")
os.environ.setdefault("DOODLESCOPE_CACHE", "off")


@pytest.fixture(scope="session")
def client() -> Iterator[Client]:
    """A client for the application with the shipped model and the default settings."""
    with running(create_app(Settings())) as started:
        yield started
