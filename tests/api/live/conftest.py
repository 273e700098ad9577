"""Servers of live sessions: an ordinary one, one with low limits, one with keys, one held up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from server.app import create_app
from server.services.catalog import Catalog, load_catalog
from server.settings import Settings
from tests.api.test_lifecycle import Gated
from tests.support.live import KEY, SITE
from tests.support.sockets import serving

SMALL = Settings(
    live_connections=3,
    live_messages=4,
    json_bytes=20_000,
    strokes=3,
    stroke_points=6,
    drawing_points=10,
    cors_origins=(SITE,),
)


@pytest.fixture(scope="module")
def app() -> FastAPI:
    return create_app(Settings())


@pytest.fixture(scope="module")
def address(app: FastAPI) -> Iterator[str]:
    with serving(app) as served:
        yield served


@pytest.fixture(scope="module")
def small() -> Iterator[str]:
    """A server with low limits."""
    with serving(create_app(SMALL), SMALL) as served:
        yield served


@pytest.fixture(scope="module")
def long_minute() -> Iterator[None]:
    """A minute that no test outlasts: what a key may ask does not grow again while one runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("server.rate_limit.MINUTE", 1e6)
        yield


@pytest.fixture(scope="module")
def locked(long_minute: None) -> Iterator[str]:
    """A server that asks for keys, each with six requests a minute."""
    chosen = Settings(api_keys=(SecretStr(f"alice:{KEY}"),), key_requests=6, cors_origins=(SITE,))
    with serving(create_app(chosen), chosen) as served:
        yield served


@pytest.fixture
def gated() -> Iterator[tuple[str, Gated, FastAPI]]:
    """A server whose only model waits for a gate, which is open while it starts."""
    module = Gated()
    module.gate.set()

    def load(chosen: Settings) -> Catalog:
        shipped = load_catalog(chosen.default_model, "cpu", chosen.batch_images)  # type: ignore[arg-type]
        return Catalog([replace(shipped.default, module=module)], shipped.default.name)

    application = create_app(Settings(), load=load)
    try:
        with serving(application) as served:
            module.batches.clear()
            yield served, module, application
    finally:
        module.gate.set()
