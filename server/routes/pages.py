"""The pages for browsers, and what is asked for beside them."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from server import __version__
from server.dependencies import RunningPages, RunningServices, Services
from server.paths import STATIC
from server.routes.responses import problems
from server.schemas.health import Health
from server.security import CAMERA_POLICY
from server.services.catalog import Model
from server.services.readiness import Readiness
from server.services.shape_questions import QUESTIONS

router = APIRouter()


def describe_model(model: Model) -> dict[str, object]:
    """What the list of networks says of one."""
    test = model.card.get("accuracy", {}).get("test")
    return {
        "name": model.name,
        "title": model.title,
        "description": model.description,
        "paper": model.card.get("paper", ""),
        "parameters": model.parameters,
        "multiply_accumulates": model.multiply_accumulates,
        "input": describe_input(model),
        "silence": model.silence,
        "accuracy": f"{100 * test['top1']:.1f} % of {test['n']:,} test drawings" if test else "",
        "has_card": "trained" in model.card,
    }


def describe_input(model: Model) -> str:
    """What one shows to a model, in words; "" for drawings, which most take."""
    if model.kind == "doodle":
        return ""
    sizes = " × ".join(map(str, model.input_shape))
    return f"Images, {sizes}" if model.kind == "image" else f"Its own example, {sizes}"


def model_context(model: Model, services: Services) -> dict[str, object]:
    """What a page needs to know of the model that it is about."""
    return {
        "model": model.name,
        "categories": list(model.categories),
        "top_k": services.settings.top_k,
        "input": model.kind,
        "examples": len(model.examples),
        "silence": model.silence,
        "least_probability": model.unknown.least_probability if model.unknown else "",
        "untrained": model.card.get("first_weights", False) and not model.silence,
    }


@router.get("/", include_in_schema=False)
async def draw_page(request: Request, pages: RunningPages, services: RunningServices) -> Response:
    """The pad, the guesses and the layers."""
    model = services.catalog.default
    if model.kind != "doodle":  # nothing that one could draw for: its own page has its input
        return RedirectResponse(f"/models/{quote(model.name)}")
    return pages.render(request, "draw.html", model_context(model, services))


@router.get("/models", include_in_schema=False)
async def models_page(
    request: Request, pages: RunningPages, services: RunningServices
) -> HTMLResponse:
    """The networks that there are."""
    # The user's own first: they are what the server was started for.
    ordered = sorted(services.catalog, key=lambda model: not model.card.get("own", False))
    models = [describe_model(model) for model in ordered]
    return pages.render(request, "models.html", {"models": models})


@router.get("/models/{name}", include_in_schema=False)
async def map_page(
    name: str, request: Request, pages: RunningPages, services: RunningServices
) -> HTMLResponse:
    """The map of one network, with the pad beside it, or the input of images."""
    model = services.catalog.get(name)
    context = {"title": model.title, "network_title": model.title}
    response = pages.render(request, "map.html", context | model_context(model, services))
    if model.kind == "image":
        response.headers["Permissions-Policy"] = CAMERA_POLICY
    return response


@router.get("/shapes", include_in_schema=False)
async def shapes_page(request: Request, pages: RunningPages) -> HTMLResponse:
    """The calculator of one layer's shapes, with its animation."""
    return pages.render(request, "shapes.html", {"shapes_page": "layer", "questions": QUESTIONS})


@router.get("/shapes/stacks", include_in_schema=False)
async def stacks_page(request: Request, pages: RunningPages) -> HTMLResponse:
    """Stacks of layers: built, repaired, compared, exported."""
    return pages.render(request, "stacks.html", {"shapes_page": "stacks"})


@router.get("/compare", include_in_schema=False)
async def compare_page(
    request: Request, pages: RunningPages, services: RunningServices
) -> HTMLResponse:
    """Two models, or two drawings, beside each other."""
    models = [
        {
            "name": model.name,
            "title": model.title,
            "input_shape": list(model.input_shape),
            "top_k": min(len(model.categories), services.settings.top_k),
            "multiply_accumulates": model.multiply_accumulates,
            "kind": model.kind,
        }
        for model in services.catalog
    ]
    return pages.render(request, "compare.html", {"models": models})


@router.get("/docs", include_in_schema=False)
async def docs_page(request: Request, pages: RunningPages) -> HTMLResponse:
    """The API's documentation, from this server alone."""
    return pages.render(request, "docs.html", {})


@router.get("/favicon.ico", include_in_schema=False)
async def favicon() -> FileResponse:
    """The icon, for browsers that ask for it unasked."""
    return FileResponse(STATIC / "favicon.svg", media_type="image/svg+xml")


@router.get("/healthz", tags=["server"], responses=problems(503))
async def health(request: Request, services: RunningServices) -> Health:
    """Whether the server answers, and with what; 503 where only a new process would help."""
    readiness: Readiness = request.app.state.readiness
    readiness.check_alive()
    return Health(
        status="ok",
        version=__version__,
        device=str(services.device),
        models=[model.name for model in services.catalog],
        queued_images=services.lane.queued,
        hanging_models=sorted(set(services.lane.hanging)),
    )
