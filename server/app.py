"""The application: services built in its lifespan, routes, pages, static files, errors."""

from __future__ import annotations

import asyncio
import functools
import gc
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.middleware.cors import CORSMiddleware

from server import __version__, problems
from server.api_keys import ApiKeys
from server.authentication import Authentication, Door
from server.compression import Compression
from server.dependencies import Services
from server.engine.devices import resolve_device
from server.logs import is_probe, log_access
from server.middleware import BodyLimit, HeadAsGet, SecurityHeaders
from server.observation import Exchange, Observation
from server.pages import Pages
from server.paths import STATIC, TEMPLATES
from server.quick import PATH as QUICK
from server.quick import QuickPolicy
from server.routes import (
    cards,
    differences,
    documentation,
    fields,
    inspections,
    live,
    models,
    open_inference,
    operations,
    pages,
    predictions,
    shapes,
    sign_in,
    statistics,
    weights,
)
from server.routes.quick_predictions import QuickPredictionsRoute
from server.security import cross_origin
from server.services.catalog import Catalog, load_catalog
from server.services.drawings import warm_up
from server.services.effective_fields import EffectiveFields
from server.services.forms.batches import MOST_IMAGES, paying_images
from server.services.forms.cache import FormCache, cache_folder
from server.services.forms.fast_forms import FastForms, summary
from server.services.inference import Inference
from server.services.inspections import Inspections, InspectionStore
from server.services.lane import Lane
from server.services.lane_crew import MOMENT
from server.services.live import Live
from server.services.live_turns import Turns
from server.services.metrics import Metrics
from server.services.picture_desk import PictureDesk
from server.services.quick_predictions import QuickPredictions
from server.services.quick_predictions import warm_up as warm_up_quick
from server.services.readiness import Readiness
from server.services.served_models import open_served
from server.services.tracing import Tracing, open_tracing
from server.settings import Settings
from server.static_files import FolderVersion, Static
from server.stopping import StopTime

API = "/api/v1"

DESCRIPTION = """\
Draw a doodle, see a convolutional network recognise it, and look inside every layer.

* A **prediction** says what a drawing or an image shows, and keeps nothing.
* An **inspection** keeps what every layer gave; its feature maps, channels and units are read from
  its address until it is forgotten (410). Posting the same input gives the same id again.
* A **live session** is a WebSocket at `/api/v1/live`: strokes in as they are drawn, guesses and
  feature maps out, always of the newest drawing. `docs/live.md` has its messages.
* Every error is a **problem** (RFC 9457, `application/problem+json`): what is wrong with what.
"""

TAGS = [
    {"name": "predictions", "description": "What a drawing or an image shows."},
    {"name": "inspections", "description": "What every layer of the network made of it."},
    {"name": "models", "description": "Who can answer."},
    {"name": "shapes", "description": "What described layers make of a shape, by arithmetic."},
    {
        "name": "open inference",
        "description": "The Open Inference Protocol (KServe V2), for clients that speak it.",
    },
    {"name": "server", "description": "How the server is."},
]

COLLECTIONS = (10_000, 20, 50)
"""So many more objects are made than freed before Python looks for cycles; its own 700 cost 4 %
of the time of a server."""

CatalogLoader = Callable[[Settings], Catalog]


def create_app(settings: Settings | None = None, *, load: CatalogLoader | None = None) -> FastAPI:
    """The application; models are loaded when it starts, not before.

    Args:
        settings: from the environment if left out.
        load: gives the models; ``load_models`` if left out.
    """
    chosen = settings or Settings()
    tracing = open_tracing(os.environ)
    app = FastAPI(
        title="doodlescope",
        version=__version__,
        summary="Look inside a network while it recognises what you draw.",
        description=DESCRIPTION,
        openapi_tags=TAGS,
        openapi_url=f"{API}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=functools.partial(_lifespan, chosen, load or load_models),
        telemetry=_telemetry(tracing),
    )
    app.state.tracing = tracing
    app.state.announce = lambda _: None  # where nobody looks
    version = FolderVersion(STATIC)
    app.state.pages = Pages(TEMPLATES, STATIC, version)
    app.state.metrics = metrics = Metrics()
    app.state.readiness = Readiness()
    app.openapi = functools.partial(documentation.openapi, app)  # type: ignore[method-assign]
    # The last one added is the outermost.
    app.add_middleware(BodyLimit, limit=chosen.body_bytes)
    if chosen.compression != "never":
        app.add_middleware(Compression, always=chosen.compression == "always")
    app.add_middleware(HeadAsGet)
    keys = ApiKeys(chosen.api_keys)
    app.state.door = door = Door(keys) if keys else None
    if door is not None:
        app.add_middleware(Authentication, door=door, requests=chosen.key_requests)
    if chosen.cors_origins:
        app.add_middleware(CORSMiddleware, **cross_origin(chosen.cors_origins))
    app.add_middleware(SecurityHeaders)
    observers = (log_access, functools.partial(_count, metrics))
    app.add_middleware(Observation, prefix=API, observers=observers)
    app.state.quick_policy = QuickPolicy(
        path=f"{API}{QUICK}",
        observers=observers,
        compression=chosen.compression,
        is_cross_origin=bool(chosen.cors_origins),
        is_off=door is not None or tracing is not None,
    )
    app.state.quick = None  # until the models are there
    ordinary = predictions.router.routes[0]
    app.router.routes.append(QuickPredictionsRoute(f"{API}{QUICK}", app.router, ordinary))
    problems.install(app, app.state.pages)
    for routes in (
        predictions,
        inspections,
        fields,
        statistics,
        differences,
        models,
        weights,
        shapes,
        live,
    ):
        app.include_router(routes.router, prefix=API)
    app.include_router(pages.router)
    app.include_router(cards.router)
    app.include_router(sign_in.router)
    app.include_router(operations.router)
    app.include_router(open_inference.router)
    app.mount("/static", Static(directory=STATIC, version=version, check_dir=False), name="static")
    return app


def load_models(settings: Settings) -> Catalog:
    """The shipped models, and those that the settings name.

    Raises:
        ModelUnavailable: one of them cannot be opened; the message says why.
    """
    device = resolve_device(settings.device)
    images = settings.batch_images
    if device.type == "cuda" and "batch_images" not in settings.model_fields_set:
        most = min(MOST_IMAGES, settings.queued_images)
        images = paying_images(settings.default_model, device, images, most)
    catalog = load_catalog(settings.default_model, device, images)
    for served in settings.models:
        catalog.put(open_served(served, catalog.names, device, settings.batch_images))
    return catalog


@asynccontextmanager
async def _lifespan(settings: Settings, load: CatalogLoader, app: FastAPI) -> AsyncIterator[None]:
    metrics: Metrics = app.state.metrics
    readiness: Readiness = app.state.readiness
    tracing: Tracing | None = app.state.tracing
    app.state.stop_time = stop_time = StopTime(settings.stop_seconds)
    catalog = await asyncio.to_thread(load, settings)
    await asyncio.to_thread(warm_up)
    await asyncio.to_thread(warm_up_quick)
    lane = Lane(
        batch_images=max(settings.batch_images, catalog.default.batch_images),
        queued_images=settings.queued_images,
        queue_seconds=settings.queue_seconds,
        threads=settings.threads,
        run_seconds=settings.stuck_seconds,
        observers=(metrics, *([tracing] if tracing else [])),
    )
    kept = Inspections(lane, InspectionStore(settings.inspection_bytes))
    app.state.services = Services(
        settings=settings,
        device=catalog.default.device,
        lane=lane,
        catalog=catalog,
        inference=Inference(lane),
        inspections=kept,
        effective_fields=EffectiveFields(lane),
        pictures=PictureDesk(),
    )
    app.state.quick = QuickPredictions(catalog, lane, settings)
    app.state.quick_policy.answers = app.state.quick
    lane.start()
    forms = FastForms(
        lane, settings.form, settings.threads, FormCache(cache_folder(settings.cache))
    )
    if settings.form == "onnxruntime":
        await forms.prepare(list(catalog))
    else:
        # Who has asked for one form need not be told which it is.
        is_tried = settings.form == "auto"
        told = [] if not is_tried else [lambda: app.state.announce(summary(catalog))]
        forms.start(catalog, *told)
    unwatch = metrics.watch(lane, kept, readiness)
    app.state.live = sessions = _live_sessions(app.state.services, metrics)
    sessions.start()
    readiness.started(lane)
    # What is loaded stays: a full collection would walk through all of it again and again.
    gc.collect()
    gc.freeze()
    # And what comes and goes has no cycles, nearly: they need not be looked for so often.
    thresholds = gc.get_threshold()
    gc.set_threshold(*COLLECTIONS)
    try:
        yield
    finally:
        readiness.stop()
        stop_time.begin()
        await forms.close()
        await sessions.close(stop_time.left)
        # Clients have had their part of the time; the lane's thread needs a moment at least.
        readiness.ended(await lane.close(max(MOMENT, stop_time.left)))
        unwatch()
        if tracing is not None:
            await asyncio.to_thread(tracing.close)
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def _live_sessions(services: Services, metrics: Metrics) -> Live:
    turns = Turns(
        catalog=services.catalog,
        lane=services.lane,
        inference=services.inference,
        inspections=services.inspections,
        current=services.current,
        batch_images=services.settings.batch_images,
        observer=metrics.updated,
    )
    sessions = Live(turns, services.catalog, services.settings)
    metrics.watch_live(sessions)
    return sessions


def _telemetry(tracing: Tracing | None) -> TelemetryConfig:
    """Of the framework's own telemetry the span of each request, where traces are sent."""
    config: TelemetryConfig = {"metrics": False, "logs": False, "operation_spans": False}
    if tracing is None:
        return {**config, "tracing": False, "auto_configure": False}
    return {
        **config,
        "tracer_provider": tracing.provider,
        "auto_configure": False,
        "exclude": lambda scope: is_probe(scope["path"]),
    }


def _count(metrics: Metrics, exchange: Exchange) -> None:
    metrics.requested(exchange.method, exchange.route, exchange.status, exchange.seconds)
