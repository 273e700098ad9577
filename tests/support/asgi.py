"""A client for an application in this process, with its lifespan."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI

from server.dependencies import Services


class Client:
    """Sends requests from a test that is not asynchronous; errors of the server are answers."""

    def __init__(self, app: FastAPI, portal: BlockingPortal, client: httpx.AsyncClient) -> None:
        self.app = app
        self.portal = portal
        self.asynchronous = client

    @property
    def services(self) -> Services:
        """What the running application holds."""
        services: Services = self.app.state.services
        return services

    def request(self, method: str, url: str, **options: Any) -> httpx.Response:
        """One request and its whole answer."""
        return self.portal.call(partial(self.asynchronous.request, method, url, **options))

    def get(self, url: str, **options: Any) -> httpx.Response:
        """GET."""
        return self.request("GET", url, **options)

    def post(self, url: str, **options: Any) -> httpx.Response:
        """POST."""
        return self.request("POST", url, **options)


@contextmanager
def running(app: FastAPI) -> Iterator[Client]:
    """A client for an application, which is started before and stopped after."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(_started(app)) as client,
    ):
        yield Client(app, portal, client)


@asynccontextmanager
async def _started(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        yield client
