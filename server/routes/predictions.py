"""What a drawing or an image shows."""

from __future__ import annotations

from fastapi import APIRouter, Request

from server.dependencies import RunningServices, while_connected
from server.routes.documentation import drawing_or_image
from server.routes.questions import read_questions
from server.routes.responses import problems
from server.schemas.predictions import Prediction

router = APIRouter(prefix="/predictions", tags=["predictions"])


@router.post(
    "",
    response_model=Prediction | list[Prediction],
    response_model_exclude_unset=True,
    responses=problems(400, 413, 415, 422, 503, 504),
    openapi_extra=drawing_or_image(lists=True),
)
async def predict(request: Request, services: RunningServices) -> Prediction | list[Prediction]:
    """Say what a drawing (strokes) or an image shows; a list of drawings gets a list of answers."""
    services.lane.check_room()  # before a body is read that could not be answered
    questions, several = await read_questions(request, services)
    answers = await while_connected(request, services.inference.predict(questions))
    return answers if several else answers[0]
