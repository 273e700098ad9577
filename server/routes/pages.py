"""The pages for browsers, and what is asked for beside them."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, HTMLResponse

from server import __version__
from server.dependencies import RunningPages, RunningServices
from server.paths import STATIC
from server.schemas.health import Health
from server.services.catalog import Model
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
        "accuracy": f"{test['top1']:.1%} of {test['n']:,} test drawings" if test else "",
    }


@router.get("/", include_in_schema=False)
async def draw_page(
    request: Request, pages: RunningPages, services: RunningServices
) -> HTMLResponse:
    """The pad, the guesses and the layers."""
    model = services.catalog.default
    context = {"model": model.name, "categories": list(model.categories)}
    return pages.render(request, "draw.html", context)


@router.get("/models", include_in_schema=False)
async def models_page(
    request: Request, pages: RunningPages, services: RunningServices
) -> HTMLResponse:
    """The networks that there are."""
    models = [describe_model(model) for model in services.catalog]
    return pages.render(request, "models.html", {"models": models})


@router.get("/models/{name}", include_in_schema=False)
async def map_page(
    name: str, request: Request, pages: RunningPages, services: RunningServices
) -> HTMLResponse:
    """The map of one network, with the pad beside it."""
    model = services.catalog.get(name)
    context = {
        "model": model.name,
        "title": model.title,
        "network_title": model.title,
        "categories": list(model.categories),
    }
    return pages.render(request, "map.html", context)


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
            "categories": len(model.categories),
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


@router.get("/healthz", tags=["server"])
async def health(services: RunningServices) -> Health:
    """Whether the server answers, and with what."""
    return Health(
        status="ok",
        version=__version__,
        device=str(services.device),
        models=[model.name for model in services.catalog],
        queued_images=services.lane.queued,
    )
