"""What those ask who run the server: is it ready, and what does it do."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from server.routes.responses import problems
from server.schemas.health import Ready
from server.services.metrics import Metrics
from server.services.readiness import Readiness

router = APIRouter(tags=["server"])


@router.get("/readyz", responses=problems(503))
async def ready(request: Request, response: Response) -> Ready:
    """Whether requests are welcome: 503 while it starts, stops, or hangs in one run."""
    readiness: Readiness = request.app.state.readiness
    readiness.check()
    response.headers["Cache-Control"] = "no-store"
    return Ready(status="ready")


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {}}, "description": "Counters, histograms and gauges."},
        **problems(),
    },
)
async def metrics(request: Request) -> Response:
    """What the server has done since it started, for Prometheus."""
    counted: Metrics = request.app.state.metrics
    text, media_type = counted.exposition(request.headers.get("accept", ""))
    return Response(text, headers={"Cache-Control": "no-store"}, media_type=media_type)
