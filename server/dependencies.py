"""What routes ask for: the services of the running application, and work that a client awaits."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import torch
from fastapi import Depends, Path, Request

from server.errors import Disconnected
from server.pages import Pages
from server.services.catalog import Catalog, Model
from server.services.effective_fields import EffectiveFields
from server.services.inference import Inference
from server.services.inspections import ID_PATTERN, Inspections, KeptInspection, check_id
from server.services.lane import Lane
from server.services.picture_desk import PictureDesk
from server.settings import Settings

Result = TypeVar("Result")


@dataclass(frozen=True)
class Services:
    """Everything the application holds while it runs."""

    settings: Settings
    device: torch.device
    lane: Lane
    catalog: Catalog
    inference: Inference
    inspections: Inspections
    effective_fields: EffectiveFields
    pictures: PictureDesk

    async def current(self, model: Model) -> Model:
        """The model as it is now: of a live module, whose weights may have changed, a new one.

        What was kept of the old one is let go then.
        """
        if not model.is_live:
            return model
        now = await self.lane.alone(model.renewed, model)
        if now is not model:
            self.catalog.put(now)
            self.inspections.forget(model.name)
        return now


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


def _pages(request: Request) -> Pages:
    pages: Pages = request.app.state.pages
    return pages


RunningServices = Annotated[Services, Depends(_services)]
RunningPages = Annotated[Pages, Depends(_pages)]


async def described_model(services: Services, name: str) -> Model:
    """The model of that name, with its nodes; raises NotFound."""
    model = await services.current(services.catalog.get(name))
    if not model.has_nodes:
        await services.lane.alone(lambda: model.graph, model)  # it runs the model
        await asyncio.to_thread(lambda: model.nodes)
    return model


async def _model(
    services: RunningServices,
    name: Annotated[str, Path(description="Name of a model.")],
) -> Model:
    return await described_model(services, name)


def _inspection(
    services: RunningServices,
    id: Annotated[
        str,
        Path(
            description="Id of an inspection: 32 lower-case hexadecimal digits.",
            json_schema_extra={"pattern": ID_PATTERN},
        ),
    ],
) -> KeptInspection:
    check_id(id)
    return services.inspections.get(id)


NamedModel = Annotated[Model, Depends(_model)]
KeptInspectionById = Annotated[KeptInspection, Depends(_inspection)]


async def while_connected(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """The result of ``work``, which is cancelled when the client goes away.

    The body must have been read: what the client sends next is taken for its end.

    Raises:
        Disconnected: the client has gone.
    """
    task = asyncio.ensure_future(work)
    watch = asyncio.ensure_future(_until_disconnected(request))
    try:
        await asyncio.wait({task, watch}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise Disconnected("The client has gone.")
    finally:
        task.cancel()
        watch.cancel()


async def _until_disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
