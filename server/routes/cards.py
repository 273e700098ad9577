"""The page of a model's card: data, training, accuracy, limits."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from server.dependencies import RunningPages, RunningServices
from server.evaluation import charts
from server.services.cards import card_of

router = APIRouter()


@router.get("/models/{name}/card", include_in_schema=False)
async def card_page(
    name: str, request: Request, pages: RunningPages, services: RunningServices
) -> HTMLResponse:
    """What is known of a shipped model; a model of the user's own has no card."""
    card = card_of(services.catalog.get(name))
    context = {"name": name, "card": card.fields, "report": card.report, "charts": charts}
    return pages.render(request, "card.html", context)
